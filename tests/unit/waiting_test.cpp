#include "tests/support/jobs.hpp"
#include "ventilator/waiting.hpp"

#include <gtest/gtest.h>
#include <random>
#include <set>

namespace penstock::ventilator {
namespace {

using namespace penstock::testing;

// Jobs have names of one letter and a number; waiting ones come out in the order of service.
class WaitingTest : public ::testing::Test {
protected:
    struct Job {
        std::string name;
        Index queue = kNoIndex;
    };

    Index push(const std::string& name, const std::string& tenant, std::uint32_t member = 0,
               bool again = false) {
        Terms t = terms("k");
        t.tenant = tenant;
        t.priority = priority;
        const auto index = static_cast<Index>(jobs.size());
        const auto entry = interned.intern(std::move(t));
        ++entry->second.jobs;
        jobs.push_back({name});
        still_waiting.insert(index);
        jobs.back().queue = waiting.push(entry, {index, at(0s), member, again}, turn);
        return index;
    }

    void bulk(const std::string& name, const std::string& tenant, int count, int from = 0) {
        for (int i = from; i < from + count; ++i) {
            push(name + std::to_string(i), tenant, static_cast<std::uint32_t>(i + 1));
        }
    }

    std::string take() {
        const int p = static_cast<int>(std::bit_width(waiting.occupied())) - 1;
        const Index index = waiting.first(p);
        waiting.take(index, jobs[index].queue, at(0s), turn);
        still_waiting.erase(index);
        return jobs[index].name;
    }

    std::string take_all() {
        std::string out;
        while (waiting.count() > 0) out += (out.empty() ? "" : " ") + take();
        return out;
    }

    std::uint32_t turn = 1;
    int priority = 4;
    Queues queues;
    TermsTable interned;
    std::vector<Job> jobs;
    std::set<Index> still_waiting;
    Waiting waiting{queues, nullptr};
};

TEST_F(WaitingTest, JobsOfNobodyInParticularGoInTheOrderInWhichTheyCame) {
    for (const char* name : {"a", "b", "c"}) push(name, "");
    EXPECT_EQ(take_all(), "a b c");
}

TEST_F(WaitingTest, ASingleJobWaitsForOneTurnOfABulkAndNotForAllOfIt) {
    bulk("a", "", 5);
    EXPECT_EQ(take(), "a0");
    push("x", "");
    push("y", "");
    EXPECT_EQ(take_all(), "a1 x y a2 a3 a4");
}

TEST_F(WaitingTest, TwoBulksTakeTurns) {
    bulk("a", "", 4);
    bulk("b", "", 3);
    EXPECT_EQ(take_all(), "a0 b0 a1 b1 a2 b2 a3");
}

TEST_F(WaitingTest, ShortJobsHaveLongTurns) {
    turn = 3;
    bulk("a", "", 7);
    bulk("b", "", 4);
    EXPECT_EQ(take_all(), "a0 a1 a2 b0 b1 b2 a3 a4 a5 b3 a6");
}

TEST_F(WaitingTest, ARequestGoesOnWhereItsLastMessageEnded) {
    bulk("a", "", 3);
    bulk("b", "", 3);
    EXPECT_EQ(take(), "a0");
    bulk("a", "", 3, 3); // came in another message
    EXPECT_EQ(take_all(), "b0 a1 b1 a2 b2 a3 a4 a5");
}

TEST_F(WaitingTest, WhoComesWhileARoundIsServedIsInTheNextOne) {
    bulk("a", "", 3);
    for (int i = 0; i < 3; ++i) {
        push("x" + std::to_string(i), "");
        push("y" + std::to_string(i), "");
        take();
    }
    EXPECT_EQ(take_all(), "a1 x1 y1 x2 y2 a2");
}

TEST_F(WaitingTest, TenantsTakeTurnsHoweverManyJobsTheyHave) {
    bulk("a", "A", 4);
    push("b", "B");
    push("c", "C");
    push("c", "C");
    EXPECT_EQ(take_all(), "a0 b c a1 c a2 a3");
}

TEST_F(WaitingTest, WhatWasSentBeforeGoesFirstAmongItsTenants) {
    push("a", "A");
    push("b", "B");
    push("again", "B", 0, true);
    EXPECT_EQ(take_all(), "a again b");
}

TEST_F(WaitingTest, AJobInTheMiddleCanLeave) {
    bulk("a", "", 3);
    bulk("b", "", 3);
    waiting.remove(1, jobs[1].queue, at(0s));
    waiting.remove(3, jobs[3].queue, at(0s));
    EXPECT_EQ(take_all(), "a0 b1 a2 b2");
}

TEST_F(WaitingTest, KnowsTheOldestOfAPriorityToWithinASlot) {
    const Duration slot(std::int64_t{1} << queues.slot_width);
    Terms t = terms("k");
    const auto entry = interned.intern(std::move(t));
    const Index old = waiting.push(entry, {0, at(100s), 0, false}, 1);
    waiting.push(entry, {1, at(500s), 0, false}, 1);
    EXPECT_LE(waiting.oldest(4), at(100s));
    EXPECT_GT(waiting.oldest(4), at(100s) - slot);
    waiting.remove(0, old, at(100s));
    EXPECT_GT(waiting.oldest(4), at(500s) - slot);
    EXPECT_EQ(waiting.oldest(5), kNever);
}

TEST_F(WaitingTest, TheNumberOfTenantsWithTurnsOfTheirOwnHasALimit) {
    for (int i = 0; i < 3000; ++i) push("j", "tenant" + std::to_string(i));
    EXPECT_EQ(queues.queues.used(), 1000u);
    take_all();
    EXPECT_LE(queues.queues.used(), 10u) << "what nobody uses is given back";
}

// What `before` says is what then happens, whatever came and was taken until then.
TEST_F(WaitingTest, KnowsHowManyGoBefore) {
    std::mt19937 random(7);
    for (const std::uint32_t jobs_in_turn : {1u, 4u, 64u}) {
        turn = jobs_in_turn;
        for (int i = 0; i < 300; ++i) {
            const std::string tenant(1, static_cast<char>('A' + random() % 4));
            bulk("", tenant, 1 + static_cast<int>(random() % 12));
            push("", tenant);
            for (auto takes = random() % 6; takes > 0 && waiting.count() > 0; --takes) take();
        }
        for (Index i = 0; i < jobs.size(); ++i) jobs[i].name = std::to_string(i);
        std::vector<std::uint64_t> said(jobs.size());
        for (const Index i : still_waiting) said[i] = waiting.before(i, jobs[i].queue, turn);
        ASSERT_GT(waiting.count(), 500u);
        for (std::uint64_t place = 0; waiting.count() > 0; ++place) {
            const std::string name = take();
            ASSERT_EQ(said[std::stoul(name)], place) << "job " << name << ", turn " << turn;
        }
    }
}

} // namespace
} // namespace penstock::ventilator
