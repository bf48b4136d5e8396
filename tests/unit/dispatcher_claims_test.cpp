// Jobs that workers run while ventilators and sinks come and go: named, adopted, waited for, said
// again.

#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

// The third epoch: jobs of the second one are open at the sink, and some of them run.
class ClaimsTest : public DispatcherTest {
protected:
    ClaimsTest() { machine.sink_up(8, 3, false, out); }

    static Join sdk(const std::string& name, std::uint32_t slots = 1) {
        Join j = join(name, slots, {"echo"});
        j.heartbeats = j.outbox = true;
        return j;
    }

    static Join sdk_running(const std::string& name, const char* job, std::uint32_t attempt,
                            Epoch epoch = 2) {
        Join j = sdk(name);
        j.runs.push_back({id(job), epoch, attempt, 77});
        return j;
    }

    static Terms one_second() { // and one attempt
        Terms t = terms("echo");
        t.timeout = 1s;
        t.max_attempts = 1;
        return t;
    }

    void sink_begins_again() {
        machine.sink_down();
        machine.sink_up(9, 3, true, out);
        step();
    }

    // The sink offers it, numbers go on, and it is stored.
    JobNumber take(const char* job, std::uint32_t attempt, Terms t = terms("echo"),
                   std::uint32_t deaths = 0) {
        Take m{std::move(t), {}, {}};
        m.rows.push_back({id(job), Bytes("\xa1p", 2), attempt, deaths, 0s, true});
        tell(m);
        const JobNumber mine = next_number++;
        tell(Stored{{{mine, 1}}, {}, {}});
        return mine;
    }

    void beat(const std::string& worker, std::vector<JobNumber> running) {
        Heartbeat h;
        h.worker = worker;
        h.running = std::move(running);
        h.epoch = 3;
        machine.on(h, now);
    }

    // Watched all the while: after a gap the ventilator blames its own sleep. The lanes it closed.
    std::size_t watch(Duration time, const std::string& worker, std::vector<JobNumber> running) {
        std::size_t closed = 0;
        for (Duration passed{0}; passed < time; passed += 100ms) {
            beat(worker, running);
            pass(100ms);
            closed += said.close_lanes.size();
        }
        return closed;
    }

    template <class Message>
    std::vector<Message> told() const {
        return all_of<Message>(said.to_sink);
    }
};

TEST_F(ClaimsTest, AWorkerThatNamesTheJobKeepsIt) {
    const LaneId lane = join_up(sdk_running("w", "a", 1));
    take("a", 1);
    ASSERT_EQ(told<Started>().size(), 1u);
    EXPECT_EQ(told<Started>()[0].worker, "w");
    EXPECT_EQ(told<Started>()[0].token, 2u) << "its result will carry the epoch that gave it";
    EXPECT_TRUE(sent.empty());
    join_up(sdk("v"));
    EXPECT_TRUE(sent.empty()) << "nobody else gets it";
    machine.lane_down(lane, out);
    step();
    ASSERT_EQ(told<Lost>().size(), 1u);
    EXPECT_TRUE(told<Lost>()[0].rows[0].suspect);
}

TEST_F(ClaimsTest, AJobThatRanWaitsThreeSecondsForItsWorker) {
    join_up(sdk("v"));
    take("a", 1);
    EXPECT_TRUE(sent.empty());
    EXPECT_NE(machine.explain(1, now).text.find("may be running it"), std::string::npos);
    pass(2900ms);
    EXPECT_TRUE(sent.empty());
    pass(200ms);
    ASSERT_EQ(sent_ids(), Ids{"a"});
    EXPECT_EQ(sent[0].attempt, 2u);
}

TEST_F(ClaimsTest, AWorkerThatComesWhileItIsWaitedForKeepsIt) {
    join_up(sdk("v"));
    take("a", 1);
    pass(1s);
    join_up(sdk_running("w", "a", 1));
    ASSERT_EQ(told<Started>().size(), 1u);
    pass(3s);
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(machine.explain(1, now).why, "running");
}

TEST_F(ClaimsTest, AnAdoptedJobsFailureCountsOnce) {
    Terms twice = terms("echo");
    twice.max_attempts = 2;
    join_up(sdk_running("w", "a", 1));
    const JobNumber a = take("a", 1, twice);
    tell(Settled{{}, {{a, 1, 1000, true}}});
    EXPECT_TRUE(told<Final>().empty());
    EXPECT_EQ(told<Retrying>().size(), 1u);
}

TEST_F(ClaimsTest, DeathsAreNoFailuresOfAnAdoptedJob) {
    Terms twice = terms("echo");
    twice.max_attempts = 2;
    join_up(sdk_running("w", "a", 2));
    const JobNumber a = take("a", 2, twice, 1);
    tell(Settled{{}, {{a, 2, 1000, true}}});
    EXPECT_TRUE(told<Final>().empty()) << "its first attempt was a worker's death";
}

TEST_F(ClaimsTest, AnAdoptedJobStaysWithASilentWorker) {
    join_up(sdk_running("w", "a", 1));
    submit_stored(terms("echo"), {"b", "c"});
    const JobNumber a = take("a", 1);
    beat("w", {a});
    for (int i = 0; i < 20; ++i) { // no heartbeat: what it had not started goes elsewhere
        pass(100ms);
        for (const auto& lost : told<Lost>()) {
            for (const auto& row : lost.rows) EXPECT_NE(row.number, a);
        }
    }
    EXPECT_EQ(machine.explain(a, now).why, "workers-silent");
}

TEST_F(ClaimsTest, TheNewestOfTwoWorkersThatNameItHolds) {
    join_up(sdk_running("old", "a", 1));
    join_up(sdk_running("new", "a", 2));
    take("a", 2);
    ASSERT_EQ(told<Started>().size(), 1u);
    EXPECT_EQ(told<Started>()[0].worker, "new");
    join_up(sdk_running("new2", "b", 2));
    join_up(sdk_running("old2", "b", 1));
    take("b", 2);
    ASSERT_EQ(told<Started>().size(), 1u);
    EXPECT_EQ(told<Started>()[0].worker, "new2");
}

TEST_F(ClaimsTest, AnOlderAttemptThanTheSinksIsNotAdopted) {
    join_up(sdk_running("old", "a", 1));
    take("a", 2);
    EXPECT_TRUE(told<Started>().empty());
    pass(3100ms);
    ASSERT_EQ(sent_ids(), Ids{"a"});
    EXPECT_EQ(sent[0].attempt, 3u);
}

TEST_F(ClaimsTest, WhatWasHandedBackIsNotBlamedForTheNextDeath) {
    join_up(sdk("w"));
    submit_stored(terms("echo"), {"a", "b", "c", "d"});
    now += 1ms;
    tell(Settled{{{1, 1, 1, 100}}, {}}); // prefetch begins
    ASSERT_GE(sent.size(), 3u);
    machine.on(Bye{"w", {3, 4}}, out); // those had not started
    step();
    const LaneId second = join_up(sdk("v"));
    tell(Open{{{3, 0}, {4, 0}}});
    const JobNumber runs = sent.at(0).number;
    machine.lane_down(second, out);
    step();
    const auto lost = told<Lost>();
    ASSERT_EQ(lost.size(), 1u);
    for (const auto& row : lost[0].rows) EXPECT_EQ(row.suspect, row.number == runs) << row.number;
}

TEST_F(ClaimsTest, AnAdoptedJobThatTimedOutDoesNotCostItsLane) {
    join_up(sdk_running("w", "a", 1));
    const JobNumber a = take("a", 1, one_second());
    pass(1100ms);
    ASSERT_EQ(told<Final>().size(), 1u);
    tell(Settled{{{a, 1, 0, 0}}, {}});
    EXPECT_EQ(watch(70s, "w", {}), 0u) << "it goes on with other things, and says so";
}

TEST_F(ClaimsTest, AWorkerThatStillRunsWhatTimedOutLosesItsLane) {
    join_up(sdk("w"));
    submit_stored(one_second(), {"a"});
    pass(1100ms);
    ASSERT_EQ(told<Final>().size(), 1u);
    tell(Settled{{{1, 1, 0, 0}}, {}});
    EXPECT_EQ(watch(70s, "w", {1}), 1u);
}

TEST_F(ClaimsTest, AResultThatIsSettledWhileItsWorkerJoinsAgainDoesNotCostTheLane) {
    join_up(sdk("w", 2));
    submit_stored(terms("echo"), {"a", "b"});
    ASSERT_EQ(sent.size(), 2u);
    Join again = sdk("w", 2);
    again.epoch = 3;
    again.runs = {{id("a"), 3, 1, 1}, {id("b"), 3, 1, 2}};
    machine.on(FromSink(Settled{{{1, 1, 1, 1000}}, {}}), now, out); // in the same burst
    const Joined joined = machine.join(again, now, out);
    machine.lane_up(joined.lane, now);
    step();
    EXPECT_EQ(watch(70s, "w", {2}), 0u);
}

TEST_F(ClaimsTest, WhatAJoinNamesAndItsWorkerNoMoreCostsItsSlotForTwoSeconds) {
    join_up(sdk("w", 1));
    submit_stored(terms("echo"), {"a"});
    tell(Settled{{{1, 1, 1, 1000}}, {}}); // while the question was on its way
    Join again = sdk("w", 1);
    again.epoch = 3;
    again.runs = {{id("a"), 3, 1, 1}};
    const Joined joined = machine.join(again, now, out);
    machine.lane_up(joined.lane, now);
    step();
    EXPECT_EQ(machine.workers(now).workers.at(0).outstanding, 1u); // nobody knows better yet
    EXPECT_EQ(watch(2s, "w", {}), 0u);
    EXPECT_EQ(machine.workers(now).workers.at(0).outstanding, 0u);
}

TEST_F(ClaimsTest, AFailureOfWhatWasTakenAwayGivesItsSlotBack) {
    join_up(sdk("w", 1));
    submit_stored(terms("echo"), {"a", "b", "c", "d"});
    now += 1ms;
    tell(Settled{{{1, 1, 1, 100}}, {}}); // very short: others are sent ahead
    std::vector<Lost> lost;
    for (int i = 0; i < 8; ++i) {
        pass(250ms); // not a word of it
        for (auto& each : told<Lost>()) lost.push_back(each);
    }
    ASSERT_EQ(lost.size(), 1u);
    const auto held = machine.workers(now).workers.at(0).outstanding;
    const Lost::Row taken = lost[0].rows.at(0);
    tell(Settled{{}, {{taken.number, taken.attempt, 500, true}}}); // it was told to stop it, and has
    EXPECT_EQ(machine.workers(now).workers.at(0).outstanding, held - 1);
}

// ---- a sink that began again and remembers --------------------------------------------------

TEST_F(ClaimsTest, ASinkThatRemembersIsAskedWhatHasBecomeOfTheRest) {
    join_up(sdk("w", 4));
    submit_stored(terms("echo"), {"a", "b", "c"});
    sink_begins_again();
    ASSERT_EQ(told<Holds>().size(), 1u);
    ASSERT_EQ(told<Holds>()[0].rows.size(), 1u);
    EXPECT_EQ(told<Holds>()[0].rows[0].first, 1u);
    EXPECT_EQ(told<Holds>()[0].rows[0].count, 3u);
    EXPECT_TRUE(said.close_lanes.empty()) << "this worker keeps its results";
}

TEST_F(ClaimsTest, AWorkerWithoutAnOutboxJoinsAgainWhenTheSinkBegan) {
    const LaneId lane = join_up(join("plain", 4, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    sink_begins_again();
    EXPECT_EQ(said.close_lanes, std::vector<LaneId>{lane});
    EXPECT_EQ(told<Lost>().size(), 1u);
}

TEST_F(ClaimsTest, ADecisionIsSaidAgainInTheSameWords) {
    join_up(sdk("w"));
    submit_stored(one_second(), {"a"});
    pass(1100ms);
    ASSERT_EQ(told<Final>().size(), 1u);
    const Failure first = told<Final>()[0].failure;
    EXPECT_EQ(first.code, "timeout");
    sink_begins_again();
    ASSERT_EQ(told<Final>().size(), 1u);
    EXPECT_EQ(told<Final>()[0].failure, first);
}

TEST_F(ClaimsTest, WhoAdoptedAJobIsSaidAgain) {
    join_up(sdk_running("w", "a", 1));
    take("a", 1);
    sink_begins_again();
    ASSERT_EQ(told<Started>().size(), 1u);
    EXPECT_EQ(told<Started>()[0].token, 2u);
}

TEST_F(ClaimsTest, AnAdoptedJobIsCancelledByItsIdAlone) {
    join_up(sdk_running("w", "a", 1));
    const JobNumber a = take("a", 1);
    tell(Cancel{{a}});
    ASSERT_EQ(cancels(), 1u);
    const auto& cancel = std::get<CancelJob>(said.to_lanes.at(0).message);
    EXPECT_EQ(cancel.number, 0u) << "the worker knows it by a number of another epoch";
    EXPECT_EQ(cancel.id, id("a"));
}

TEST_F(ClaimsTest, WhatTheSinkNeverHadIsStoredAgain) {
    join_up(sdk("w"));
    submit_stored(terms("echo"), {"runs", "waits"});
    machine.on(submit(terms("echo"), {"new"}), now, out);
    step();
    sink_begins_again();
    machine.on(FromSink(Stored{{}, {}, {}, {}, {{1, 2}}}), now, out);
    machine.on(FromSink(Stored{{{3, 1}}, {}, {}}), now, out); // in the same burst
    step();
    const auto stores = told<Store>();
    ASSERT_EQ(stores.size(), 1u);
    EXPECT_EQ(stores[0].first, 1u);
    EXPECT_TRUE(stores[0].again);
    EXPECT_EQ(stores[0].rows.size(), 2u);
    EXPECT_EQ(machine.explain(3, now).why, "position") << "that one was stored";
    tell(Stored{{{1, 2}}, {}, {}});
    EXPECT_EQ(machine.explain(2, now).why, "position");
}

} // namespace
} // namespace penstock::ventilator
