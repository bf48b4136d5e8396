// Jobs that go together: when a batch is sent, what is in it, and what it costs a worker.

#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

struct Call { // one batch on one lane
    LaneId lane = 0;
    Ids ids;
    Duration timeout{0};
};

class DispatcherBatchingTest : public DispatcherTest {
protected:
    static Join batching(const char* worker, std::uint32_t slots, std::uint32_t max, Duration wait) {
        Join j = join(worker, slots, {"embed"});
        j.batch = j.heartbeats = true;
        j.batching = {{"embed", max, wait}};
        return j;
    }

    static Terms embed() { return terms("embed"); }

    [[nodiscard]] std::vector<Call> calls() const {
        std::vector<Call> found;
        for (const auto& to : said.to_lanes) {
            const auto* batch = std::get_if<JobBatch>(&to.message);
            if (batch == nullptr) continue;
            EXPECT_TRUE(batch->together);
            Call& call = found.emplace_back(Call{to.lane, {}, batch->timeout});
            for (const auto& row : batch->rows) call.ids.push_back(row.id.text());
        }
        return found;
    }

    // So many jobs, without a step in between.
    void submit_many(int count, const char* prefix = "j") {
        Submit s{embed(), {}};
        for (int i = 0; i < count; ++i) {
            s.rows.push_back({id(prefix + std::to_string(i)), Bytes("\xa1p", 2)});
        }
        const JobNumber first = next_number;
        next_number += static_cast<JobNumber>(count);
        machine.on(std::move(s), now, out);
        step();
        tell(Stored{{{first, static_cast<std::uint32_t>(count)}}, {}, {}});
    }

    WorkerView worker() { return machine.workers(now).workers.at(0); }
};

TEST_F(DispatcherBatchingTest, SendsWhatIsThereAtOnceIfItNeedNotWait) {
    join_up(batching("w", 1, 16, 0s));
    submit_stored(embed(), {"a", "b", "c"});
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, (Ids{"a", "b", "c"}));
}

TEST_F(DispatcherBatchingTest, SendsAFullBatchAtOnce) {
    join_up(batching("w", 2, 3, 10s));
    submit_stored(embed(), {"a", "b"});
    EXPECT_TRUE(calls().empty());
    submit_stored(embed(), {"c"});
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, (Ids{"a", "c", "b"})); // requests take turns, as one by one
}

TEST_F(DispatcherBatchingTest, SendsWhatThereIsWhenTheFirstHasWaited) {
    join_up(batching("w", 1, 16, 20ms));
    submit_stored(embed(), {"a"});
    pass(15ms);
    submit_stored(embed(), {"b"});
    EXPECT_TRUE(calls().empty());
    EXPECT_LE(machine.wake_at(), now + 5ms);
    pass(5ms);
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, (Ids{"a", "b"}));
    submit_stored(embed(), {"c"}); // waits anew
    EXPECT_TRUE(calls().empty());
}

TEST_F(DispatcherBatchingTest, SaysWhatAJobWaitsFor) {
    join_up(batching("w", 1, 16, 20ms));
    submit_stored(embed(), {"a"});
    const Explanation why = machine.explain(1, now);
    EXPECT_EQ(why.why, "batch");
    EXPECT_NE(why.text.find("16 jobs together: it waits for others, 20 ms at most"),
              std::string::npos)
        << why.text;
}

TEST_F(DispatcherBatchingTest, ABatchTakesOneSlotUntilItsLastJobIsAnswered) {
    join_up(batching("w", 1, 2, 0s));
    submit_many(4);
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, (Ids{"j0", "j1"}));
    settle({0, 1, "j0", 1});
    EXPECT_TRUE(calls().empty());
    settle({0, 2, "j1", 1});
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, (Ids{"j2", "j3"}));
}

TEST_F(DispatcherBatchingTest, EachSlotTakesABatch) {
    join_up(batching("w", 2, 2, 0s));
    submit_many(6);
    ASSERT_EQ(calls().size(), 2u);
    EXPECT_EQ(worker().outstanding, 4u);
    EXPECT_EQ(worker().window, 4u);
}

TEST_F(DispatcherBatchingTest, WhileAllSlotsAreBusyTheNextBatchGrows) {
    join_up(batching("w", 1, 4, 1ms));
    submit_stored(embed(), {"a"});
    pass(1ms);
    ASSERT_EQ(calls().size(), 1u);
    submit_stored(embed(), {"b"});
    pass(10ms);
    submit_stored(embed(), {"c"});
    EXPECT_TRUE(calls().empty());
    settle({0, 1, "a", 1});
    ASSERT_EQ(calls().size(), 1u); // at once: b has waited
    EXPECT_EQ(calls()[0].ids, (Ids{"b", "c"}));
}

TEST_F(DispatcherBatchingTest, TakesTheMostUrgentFirst) {
    Terms high = embed();
    high.priority = 9;
    join_up(batching("w", 1, 2, 10s));
    submit_stored_together({{embed(), {"a", "b"}}, {high, {"high"}}});
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, (Ids{"high", "a"}));
}

TEST_F(DispatcherBatchingTest, OneTimeoutEndsOneAttempt) {
    Terms quick = embed();
    quick.timeout = 1s;
    join_up(batching("w", 1, 2, 0s));
    submit_stored_together({{embed(), {"slow"}}, {quick, {"quick"}}});
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].timeout, Duration(1s)); // the shortest
    pass(1001ms);
    EXPECT_EQ(cancels(), 1u);
    EXPECT_EQ(all_of<Final>(said.to_sink).at(0).number, 2u);
    submit_stored(embed(), {"next"});
    settle({0, 1, "slow", 1});
    EXPECT_TRUE(calls().empty()); // the call has not returned: it owes an answer
    fail({0, 2, "quick", 1});
    EXPECT_EQ(calls().size(), 1u);
}

TEST_F(DispatcherBatchingTest, OneFailureIsRetriedAlone) {
    Terms twice = embed();
    twice.max_attempts = 2;
    join_up(batching("w", 1, 2, 0s));
    submit_stored(twice, {"a", "b"});
    ASSERT_EQ(calls().size(), 1u);
    settle({0, 1, "a", 1});
    fail({0, 2, "b", 1});
    pass(200ms);
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, Ids{"b"});
}

TEST_F(DispatcherBatchingTest, AllOfALostBatchAreSentAgainEachAlone) {
    const LaneId lane = join_up(batching("w", 1, 4, 0s));
    submit_many(3);
    ASSERT_EQ(calls().size(), 1u);
    machine.lane_down(lane, out);
    step();
    const auto lost = all_of<Lost>(said.to_sink);
    ASSERT_EQ(lost.size(), 1u);
    ASSERT_EQ(lost[0].rows.size(), 3u);
    for (const auto& row : lost[0].rows) EXPECT_TRUE(row.suspect);
    join_up(batching("v", 2, 4, 0s));
    tell(Open{{{1, 1}, {2, 1}, {3, 1}}});
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, Ids{"j0"});
    settle({0, 1, "j0", 2});
    EXPECT_EQ(calls().at(0).ids, Ids{"j1"});
}

TEST_F(DispatcherBatchingTest, ABatchThatTheWorkerHadNotBegunIsNotBlamed) {
    const LaneId lane = join_up(batching("w", 2, 2, 0s));
    submit_many(4);
    ASSERT_EQ(calls().size(), 2u);
    machine.on(Bye{"w", {3, 4}}, out);
    step();
    machine.lane_down(lane, out);
    step();
    const auto lost = all_of<Lost>(said.to_sink);
    ASSERT_EQ(lost.size(), 1u);
    EXPECT_EQ(lost[0].rows.size(), 2u);
}

TEST_F(DispatcherBatchingTest, AWorkerThatJoinsAgainKeepsItsCall) {
    join_up(batching("w", 1, 2, 0s));
    submit_many(4);
    ASSERT_EQ(calls().size(), 1u);
    Join again = batching("w", 1, 2, 0s);
    again.running = {1, 2};
    again.epoch = 1;
    join_up(again);
    EXPECT_TRUE(calls().empty()); // its slot is taken
    settle({0, 1, "j0", 1});
    EXPECT_TRUE(calls().empty());
    settle({0, 2, "j1", 1});
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, (Ids{"j2", "j3"}));
}

TEST_F(DispatcherBatchingTest, ALimitOfTheKindBoundsABatch) {
    KindSettings settings;
    settings.max_running = 3;
    tell(Kinds{{{"embed", settings}}});
    join_up(batching("w", 2, 2, 0s));
    submit_many(6);
    ASSERT_EQ(calls().size(), 2u);
    EXPECT_EQ(calls()[0].ids.size() + calls()[1].ids.size(), 3u);
}

TEST_F(DispatcherBatchingTest, OtherContentTypesMakeAnotherBatch) {
    Terms png = embed();
    png.content_type = "image/png";
    join_up(batching("w", 2, 4, 0s));
    submit_stored_together({{embed(), {"a"}}, {png, {"b"}}});
    ASSERT_EQ(calls().size(), 2u);
    EXPECT_EQ(calls()[0].ids, Ids{"a"});
    EXPECT_EQ(calls()[1].ids, Ids{"b"});
}

TEST_F(DispatcherBatchingTest, NothingIsSentAhead) {
    join_up(batching("w", 1, 2, 0s));
    submit_many(2);
    settle({0, 1, "j0", 1}); // a millisecond: short beside its way
    settle({0, 2, "j1", 1});
    submit_many(8, "k");
    EXPECT_EQ(calls().size(), 1u);
}

TEST_F(DispatcherBatchingTest, WhatAFullBatchLeavesBehindGathersForEveryWorker) {
    Join labelled = batching("v", 1, 3, 20ms); // in a pool of its own
    labelled.labels = {"gpu"};
    join_up(batching("w", 1, 3, 20ms));
    join_up(labelled);
    submit_many(4);
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids.size(), 3u);
    pass(20ms);
    ASSERT_EQ(calls().size(), 1u);
    EXPECT_EQ(calls()[0].ids, Ids{"j3"});
}

TEST_F(DispatcherBatchingTest, OtherKindsOfTheWorkerGoOneByOne) {
    Join both = batching("w", 2, 4, 10s);
    both.kinds.push_back("echo");
    join_up(both);
    submit_stored(embed(), {"gathers"});
    submit_stored(terms("echo"), {"goes"});
    ASSERT_EQ(sent_ids(), Ids{"goes"});
    EXPECT_FALSE(std::get<JobBatch>(said.to_lanes.at(0).message).together);
}

TEST_F(DispatcherBatchingTest, AWorkerThatTakesJobsOneByOneDoesNotWaitForOthers) {
    join_up(batching("w", 1, 16, 10s));
    join_up(join("v", 1, {"embed"}));
    submit_stored(embed(), {"a"});
    EXPECT_EQ(sent_ids(), Ids{"a"});
}

TEST_F(DispatcherBatchingTest, WhatIsLeftOfACancelledBatchStillTakesTheSlot) {
    join_up(batching("w", 1, 2, 0s));
    submit_many(3);
    ASSERT_EQ(calls().size(), 1u);
    tell(Cancel{{1}});
    EXPECT_EQ(cancels(), 1u);
    tell(Settled{{}, {{1, 1, 0, false}}});
    EXPECT_TRUE(calls().empty());
    settle({0, 2, "j1", 1});
    EXPECT_EQ(calls().size(), 1u);
}

} // namespace
} // namespace penstock::ventilator
