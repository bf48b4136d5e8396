// Batches through real processes: a worker of the C++ SDK that takes jobs together.

#include "protocol/codec.hpp"
#include "tests/integration/processes.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <map>

namespace penstock::testing {
namespace {

class Together : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(eventually([&] { return house.is_serving(); }));
        gather.kind = "gather";
    }

    Process worker() {
        const std::size_t before = house.workers();
        Process out = house.worker({"--slots", "1", "--kinds", "gather,sleep"});
        EXPECT_TRUE(eventually([&] { return house.workers() == before + 1; }));
        return out;
    }

    std::vector<std::string> submit(int count, const std::string& prefix) {
        std::vector<std::string> ids;
        for (int i = 0; i < count; ++i) ids.push_back(prefix + std::to_string(i));
        house.submit(gather, ids, numbers({}));
        return ids;
    }

    // How many came together with this one.
    std::uint64_t together(const std::string& id) {
        const JobView job = house.wait(id);
        EXPECT_EQ(job.state, State::succeeded) << id;
        Reader reader;
        const Node node = reader.read(job.value, Reader::Values::read).find("together");
        return node.is(Shape::natural) ? node.natural() : 0;
    }

    static std::string failing() {
        std::string out;
        Writer(out).map(1).key("fail").boolean(true);
        return out;
    }

    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    Terms gather;
};

TEST_F(Together, AFullBatchIsOneCall) {
    const Process one = worker();
    for (const auto& id : submit(16, "full-")) EXPECT_EQ(together(id), 16u) << id;
}

TEST_F(Together, FewAreOneCallTooWhenTheirTimeIsOver) {
    const Process one = worker();
    for (const auto& id : submit(3, "few-")) EXPECT_EQ(together(id), 3u) << id;
}

TEST_F(Together, WhatWaitedForAWorkerFillsItsBatches) {
    const auto ids = submit(40, "wait-");
    ASSERT_TRUE(eventually([&] { return house.status(ids.back()).kind == "gather"; }));
    const Process one = worker();
    std::map<std::uint64_t, int> sizes;
    for (const auto& id : ids) ++sizes[together(id)];
    EXPECT_EQ(sizes, (std::map<std::uint64_t, int>{{16, 32}, {8, 8}}));
}

TEST_F(Together, OneThatFailsDoesNotFailItsNeighbours) {
    submit(2, "good-");
    house.submit(gather, "bad", failing());
    ASSERT_TRUE(eventually([&] { return house.status("bad").kind == "gather"; }));
    const Process one = worker();
    EXPECT_EQ(together("good-0"), 3u);
    EXPECT_EQ(together("good-1"), 3u);
    const JobView bad = house.wait("bad");
    EXPECT_EQ(bad.state, State::failed);
    EXPECT_EQ(bad.failure.value().code, "asked-to-fail");
}

TEST_F(Together, ACallAndAJobShareTheSlotsOfAWorker) {
    const Process one = worker();
    house.submit("sleep", "long", numbers({{"seconds", 1}})); // 50 times what a call waits
    ASSERT_TRUE(eventually([&] { return house.status("long").state == State::running; }));
    submit(3, "behind-");
    EXPECT_EQ(together("behind-0"), 3u);
    EXPECT_EQ(house.status("long").state, State::succeeded);
    EXPECT_LE(house.status("long").finished_at, house.status("behind-0").finished_at);
}

} // namespace
} // namespace penstock::testing
