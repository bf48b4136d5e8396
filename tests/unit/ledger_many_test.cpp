// Finished jobs again, one deed for many jobs, and groups of a hundred thousand: by counts.

#include "tests/unit/ledger_fixture.hpp"

namespace penstock::sink {
namespace {

class ManyTest : public LedgerTest {
protected:
    void store_many(JobNumber count, const std::string& prefix) {
        Store many{next_number, terms("echo"), {}};
        for (JobNumber n = 0; n < count; ++n) {
            many.rows.push_back({id(prefix + std::to_string(n)), Bytes("\xa1p", 2), 0, 0});
        }
        next_number += count;
        tell(many);
    }

    ManyAnswer many(AskMany question) {
        ask(question);
        return answer<ManyAnswer>();
    }

    // Until the cursor says that this was all.
    std::uint64_t matched(AskMany question) {
        std::uint64_t sum = 0;
        for (int i = 0; i < 100; ++i) {
            const ManyAnswer part = many(question);
            sum += part.matched;
            if (part.cursor == 0) return sum;
            question.cursor = part.cursor;
        }
        return 0;
    }

    [[nodiscard]] SinkStats stats() {
        ask(AskStats{});
        return answer<SinkStats>();
    }
};

TEST_F(ManyTest, RunsAFinishedJobAgainAsANewOne) {
    Terms late = terms("echo");
    late.delay = 10s;
    store(late, {"a"});
    succeed("a", 1);
    ask(AskRetry{id("a"), id("b")});
    const JobAnswer made = answer<JobAnswer>();
    EXPECT_EQ(made.found, Found::found);
    EXPECT_EQ(made.job.retry_of, id("a"));
    EXPECT_EQ(made.job.state, State::queued); // the delay was for the first time
    EXPECT_EQ(offered(), std::vector<std::string>{"b"});
    EXPECT_EQ(said.takes.at(0).rows.at(0).payload, Bytes("\xa1p", 2));
    EXPECT_EQ(status("a").state, State::succeeded);
    EXPECT_EQ(status("a").value, "\x07");
}

TEST_F(ManyTest, TheSameRetryIsMadeOnce) {
    store(terms("echo"), {"a", "c"});
    succeed("a", 1);
    ask(AskRetry{id("a"), id("b")});
    ask(AskRetry{id("a"), id("b")});
    EXPECT_EQ(answer<JobAnswer>().found, Found::found);
    EXPECT_TRUE(offered().empty());
    ask(AskRetry{id("a"), id("c")});
    EXPECT_EQ(answer<JobAnswer>().found, Found::conflict);
}

TEST_F(ManyTest, AnOpenJobIsNotRunAgain) {
    store(terms("echo"), {"a"});
    ask(AskRetry{id("a"), id("b")});
    EXPECT_EQ(answer<JobAnswer>().why, "not-finished");
    ask(AskRetry{id("nobody"), id("b")});
    EXPECT_EQ(answer<JobAnswer>().found, Found::unknown);
}

TEST_F(ManyTest, LooksAtTenThousandAtATime) {
    store_many(25'000, "j");
    AskMany cancel;
    const ManyAnswer first = many(cancel);
    EXPECT_EQ(first.matched, 10'000u);
    EXPECT_EQ(stats().open_jobs, 15'000u);
    cancel.cursor = first.cursor;
    EXPECT_EQ(matched(cancel), 15'000u);
    EXPECT_EQ(stats().open_jobs, 0u);
}

TEST_F(ManyTest, OnlyCountsWhenItIsToldTo) {
    store(terms("echo"), {"a", "b"});
    AskMany cancel;
    cancel.dry_run = true;
    EXPECT_EQ(many(cancel).matched, 2u);
    EXPECT_EQ(stats().open_jobs, 2u);
}

TEST_F(ManyTest, TakesThoseThatFit) {
    Terms red = terms("other");
    red.tags = {"red"};
    store(terms("echo"), {"a", "b"});
    store(red, {"c"});
    AskMany cancel;
    cancel.kind = "other";
    cancel.tag = "red";
    EXPECT_EQ(many(cancel).matched, 1u);
    EXPECT_EQ(status("c").state, State::cancelled);
    cancel = {};
    cancel.ids = {id("a"), id("nobody"), id("c")};
    EXPECT_EQ(many(cancel).matched, 1u);
    EXPECT_EQ(status("b").state, State::queued);
}

TEST_F(ManyTest, RunsAgainWhatDidNotGoWell) {
    store(terms("echo"), {"good", "bad", "open"});
    succeed("good", 1);
    tell(Final{2, State::failed, {"handler-error", "no", false}});
    AskMany retry;
    retry.deed = AskMany::Deed::retry;
    ManyAnswer made = many(retry);
    EXPECT_EQ(made.matched, 1u);
    ASSERT_EQ(made.made.size(), 1u);
    EXPECT_EQ(status(made.made[0].text().c_str()).retry_of, id("bad"));
    retry.state = State::succeeded; // unless it is said
    EXPECT_EQ(many(retry).matched, 1u);
}

TEST_F(ManyTest, PurgesFinishedJobsOnly) {
    store(terms("echo"), {"a", "open"});
    succeed("a", 1);
    AskMany purge;
    purge.deed = AskMany::Deed::purge;
    EXPECT_EQ(many(purge).matched, 1u);
    ask(AskStatus{id("a"), false});
    EXPECT_EQ(answer<JobAnswer>().found, Found::unknown);
    EXPECT_EQ(status("open").state, State::queued);
    EXPECT_EQ(stats().evicted, 0u); // nobody's limit was the reason
}

TEST_F(ManyTest, PurgesAGroupWholeAndNeverAnOpenOne) {
    OpenGroup m;
    m.id = id("g");
    m.parts = {{terms("echo"), {{id("a"), {}}, {id("b"), {}}}}};
    ask(m);
    take_all();
    succeed("a", 1);
    AskMany purge;
    purge.deed = AskMany::Deed::purge;
    EXPECT_EQ(many(purge).matched, 0u);
    succeed("b", 1);
    purge.dry_run = true;
    EXPECT_EQ(many(purge).matched, 2u);
    purge.dry_run = false;
    EXPECT_EQ(many(purge).matched, 2u);
    EXPECT_EQ(stats().finished_jobs, 0u);
}

// A hundred thousand members: each costs the same, and nothing is done for all of them at once but
// the callback's payload.
TEST_F(ManyTest, AGroupMayBeLarge) {
    constexpr std::uint32_t kMembers = 100'000;
    std::vector<std::string> names;
    OpenGroup m;
    m.id = id("g");
    m.parts.push_back({terms("echo"), {}});
    for (std::uint32_t i = 0; i < kMembers; ++i) {
        names.push_back("m" + std::to_string(i));
        m.parts[0].rows.push_back({id(names.back()), Bytes("\x05", 1)});
    }
    m.then = OpenGroup::Callback{id("then"), terms("sum"), {}};
    ask(m);
    std::uint64_t taken_jobs = 0;
    while (!offered().empty()) {
        taken_jobs += offered().size();
        tell(taken());
    }
    EXPECT_EQ(taken_jobs, kMembers);
    Result result{1, "w", "", {}};
    for (const auto& name : names) result.rows.push_back({id(name), 1, 5, Bytes("\x07", 1), {}});
    machine.on(result, now, out);
    step();
    EXPECT_EQ(offered(), std::vector<std::string>{"then"});
    EXPECT_EQ(said.takes.at(0).rows.at(0).payload.size(), 5u + kMembers);
    EXPECT_EQ(stats().finished_jobs, kMembers);
    pass(3601s); // it goes in slices
    const std::uint64_t left = stats().finished_jobs;
    EXPECT_LT(left, kMembers);
    EXPECT_GE(left, kMembers - 30'000);
    for (int i = 0; i < 20; ++i) step();
    EXPECT_EQ(stats().finished_jobs, 0u);
}

TEST_F(ManyTest, CancelsALargeGroupInSlices) {
    OpenGroup m;
    m.id = id("g");
    m.parts.push_back({terms("echo"), {}});
    for (int i = 0; i < 25'000; ++i) m.parts[0].rows.push_back({id("m" + std::to_string(i)), {}});
    ask(m);
    machine.ask(3, Request(17), CancelGroup{id("g")}, now, out);
    EXPECT_EQ(std::get<GroupAnswer>(out.replies.at(0).answer).finished, 10'000u);
    EXPECT_LE(machine.wake_at(), now.at);
    for (int i = 0; i < 3; ++i) step();
    EXPECT_EQ(stats().open_jobs, 0u);
    EXPECT_GT(machine.wake_at(), now.at);
}

} // namespace
} // namespace penstock::sink
