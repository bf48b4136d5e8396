// The dispatcher's lanes as scripts: who gets how much, and what becomes of a worker's jobs when it
// dies, falls silent, leaves or comes back.

#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

TEST_F(DispatcherTest, PrefetchesOnlyWhenWorkIsShortBesideTheWay) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a", "b", "c", "d", "e", "f"});
    ASSERT_EQ(sent_ids(), Ids{"a"});
    now += 1ms; // one millisecond there and back for 100 µs of work
    tell(Settled{{{1, 1, 1, 100}}, {}});
    EXPECT_GT(sent.size(), 1u);
}

TEST_F(DispatcherTest, KeepsVeryShortJobsTogetherAlthoughOthersAreFree) {
    for (const char* each : {"w1", "w2", "w3", "w4"}) join_up(join(each, 1, {"echo"}));
    submit_stored(terms("echo"), {"measured"});
    now += 1ms;
    tell(Settled{{{1, 1, 1, 2}}, {}}); // two microseconds: a message costs more
    submit_stored(terms("echo"), {"a", "b", "c", "d"});
    ASSERT_EQ(sent_ids(), (Ids{"a", "b", "c", "d"}));
    EXPECT_EQ(sent[0].lane, sent[3].lane);
}

TEST_F(DispatcherTest, SpreadsJobsThatAreWorthAMessage) {
    for (const char* each : {"w1", "w2", "w3", "w4"}) join_up(join(each, 1, {"echo"}));
    submit_stored(terms("echo"), {"measured"});
    now += 1ms;
    tell(Settled{{{1, 1, 1, 60}}, {}});
    submit_stored(terms("echo"), {"a", "b", "c", "d"});
    std::set<LaneId> lanes;
    for (const Sent& each : sent) lanes.insert(each.lane);
    EXPECT_EQ(lanes.size(), 4u);
}

// A thousand full lanes, and one that gave something back: it is found although few are looked at.
TEST_F(DispatcherTest, PrefetchFindsTheLaneThatGaveBackAmongManyFullOnes) {
    constexpr std::uint32_t kLanes = 1000;
    Limits many;
    many.jobs_max = 100'000;
    many.bytes_max = 1u << 20;
    Dispatcher large(many, 42, now);
    large.sink_up(7, 1, false, out);
    for (std::uint32_t i = 0; i < kLanes; ++i) {
        large.lane_up(large.join(join("w" + std::to_string(i), 1, {"echo"}), now, out).lane, now);
    }
    constexpr std::uint32_t kJobs = 10 * kLanes;
    Submit jobs{terms("echo"), {}};
    for (std::uint32_t i = 0; i < kJobs; ++i) {
        jobs.rows.push_back({id("j" + std::to_string(i)), Bytes("\xa1p", 2)});
    }
    large.on(std::move(jobs), now, out);
    large.pump(now, out);
    large.on(FromSink{Stored{{{1, kJobs}}, {}, {}}}, now, out);
    large.pump(now, out); // every slot has a job; prefetch is not measured yet
    now += 1ms;
    large.on(FromSink{Settled{{{1, 1, 1, 500}}, {}}}, now, out); // two beyond the slot, no more
    for (std::uint32_t i = 0; i < kLanes; ++i) large.pump(now, out);
    ASSERT_EQ(large.stats(now).kinds[0].running, 3u * kLanes);
    out = {};
    large.pump(now, out);
    ASSERT_TRUE(out.to_lanes.empty()) << "all lanes are full";
    large.on(FromSink{Returned{{{500, 1, 1, 500}}}}, now, out);
    large.pump(now, out);
    ASSERT_EQ(out.to_lanes.size(), 1u);
}

TEST_F(DispatcherTest, AsksTheSinkWhenALaneDiesAndSendsTheOpenJobsAgain) {
    const LaneId lane = join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    machine.lane_down(lane, out);
    step();
    const auto lost = all_of<Lost>(said.to_sink);
    ASSERT_EQ(lost.size(), 1u);
    EXPECT_TRUE(lost[0].rows[0].suspect);
    EXPECT_EQ(said.close_lanes, std::vector<LaneId>{lane});
    join_up(join("v", 1, {"echo"}));
    EXPECT_TRUE(sent.empty()); // not before the sink has said which are open
    tell(Open{{{1, 1}}});
    ASSERT_EQ(sent_ids(), Ids{"a"});
    EXPECT_EQ(sent[0].attempt, 2u);
}

TEST_F(DispatcherTest, BlamesOnlyWhatMayHaveBeenRunning) {
    Join sdk = join("w", 1, {"echo"});
    sdk.heartbeats = true;
    const LaneId lane = join_up(sdk);
    submit_stored(terms("echo"), {"a", "b", "c", "d"});
    now += 1ms;
    tell(Settled{{{1, 1, 1, 100}}, {}}); // prefetch begins: the lane holds more than its slot
    ASSERT_GE(sent.size(), 2u);
    machine.lane_down(lane, out);
    step();
    const auto lost = all_of<Lost>(said.to_sink);
    ASSERT_EQ(lost.size(), 1u);
    EXPECT_TRUE(lost[0].rows[0].suspect);
    EXPECT_FALSE(lost[0].rows[1].suspect);
}

TEST_F(DispatcherTest, BlamesWhatWasThereWhenTheWorkerBeforeDiedToo) {
    const LaneId first = join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a", "b", "bad", "c"});
    now += 1ms;
    tell(Settled{{{1, 1, 1, 100}}, {}}); // prefetch begins: the lane holds more than its slot
    ASSERT_EQ(sent_ids(), (Ids{"b", "bad", "c"}));
    machine.lane_down(first, out);
    step();
    const LaneId second = join_up(join("v", 1, {"echo"}));
    tell(Open{{{2, 1}, {3, 0}, {4, 0}}});
    ASSERT_EQ(sent_ids(), Ids{"b"});
    settle(sent[0]);
    ASSERT_EQ(sent_ids(), (Ids{"c", "bad"}));
    machine.lane_down(second, out);
    step();
    const auto lost = all_of<Lost>(said.to_sink);
    ASSERT_EQ(lost.size(), 1u);
    ASSERT_EQ(lost[0].rows.size(), 2u);
    EXPECT_TRUE(lost[0].rows[1].suspect);
}

TEST_F(DispatcherTest, RunsASuspectAlone) {
    const LaneId lane = join_up(join("w", 4, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    machine.lane_down(lane, out);
    step();
    join_up(join("v", 4, {"echo"}));
    tell(Open{{{1, 1}}});
    ASSERT_EQ(sent_ids(), Ids{"a"});
    const Sent suspect = sent[0];
    submit_stored(terms("echo"), {"b"});
    EXPECT_TRUE(sent.empty());
    settle(suspect);
    EXPECT_EQ(sent_ids(), Ids{"b"});
}

TEST_F(DispatcherTest, EmptiesAWorkerForASuspect) {
    const LaneId lane = join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"bad"});
    machine.lane_down(lane, out);
    step();
    join_up(join("v", 2, {"echo"}));
    submit_stored(terms("echo"), {"x", "y"});
    const Sent x = sent[0], y = sent[1];
    tell(Open{{{1, 1}}});
    settle(x);
    EXPECT_TRUE(sent.empty());
    settle(y);
    EXPECT_EQ(sent_ids(), Ids{"bad"});
}

TEST_F(DispatcherTest, QuarantinesAfterThreeDeaths) {
    submit_stored(terms("echo"), {"a"});
    for (std::uint32_t deaths = 1; deaths <= 3; ++deaths) {
        const LaneId lane = join_up(join("w" + std::to_string(deaths), 1, {"echo"}));
        machine.lane_down(lane, out);
        step();
        tell(Open{{{1, deaths}}});
    }
    const auto finals = all_of<Final>(said.to_sink);
    ASSERT_EQ(finals.size(), 1u);
    EXPECT_EQ(finals[0].outcome, State::quarantined);
    EXPECT_EQ(machine.open_jobs(), 1u);
    tell(Settled{{{1, 1, 0, 0}}, {}});
    EXPECT_EQ(machine.open_jobs(), 0u);
}

TEST_F(DispatcherTest, TellsTheSinkWhoRunsAJobThatIsNotSettledSoon) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    EXPECT_TRUE(all_of<Started>(said.to_sink).empty());
    pass(11ms);
    const auto started = all_of<Started>(said.to_sink);
    ASSERT_EQ(started.size(), 1u);
    EXPECT_EQ(started[0].worker, "w");
}

TEST_F(DispatcherTest, PingsALaneOnWhichNothingWasSent) {
    join_up(join("w", 1, {"echo"}));
    std::size_t pings = 0;
    for (int i = 0; i < 44; ++i) { // eleven seconds
        pass(250ms);
        for (const auto& to : said.to_lanes) pings += std::holds_alternative<Ping>(to.message);
    }
    EXPECT_EQ(pings, 2u);
}

TEST_F(DispatcherTest, MovesWhatASilentWorkerHasNotStarted) {
    Join sdk = join("w", 1, {"echo"});
    sdk.heartbeats = true;
    join_up(sdk);
    submit_stored(terms("echo"), {"a", "b", "c", "d"});
    now += 1ms;
    tell(Settled{{{1, 1, 1, 100}}, {}});
    const std::size_t held = sent.size();
    ASSERT_GE(held, 2u);
    std::vector<Lost> lost;
    for (int i = 0; i < 8; ++i) {
        pass(250ms);
        for (auto& each : all_of<Lost>(said.to_sink)) lost.push_back(each);
    }
    ASSERT_EQ(lost.size(), 1u);
    EXPECT_EQ(lost[0].rows.size(), held - 1);
    for (const auto& row : lost[0].rows) EXPECT_FALSE(row.suspect);
}

TEST_F(DispatcherTest, LeavesARunningJobWithASilentWorkerUntilTheLimit) {
    Join sdk = join("w", 1, {"echo"});
    sdk.heartbeats = true;
    join_up(sdk);
    submit_stored(terms("echo"), {"a"});
    std::size_t lost = 0;
    for (int i = 0; i < 4 * 59; ++i) {
        pass(250ms);
        lost += all_of<Lost>(said.to_sink).size();
    }
    EXPECT_EQ(lost, 0u);
    for (int i = 0; i < 4 * 4; ++i) {
        pass(250ms);
        lost += all_of<Lost>(said.to_sink).size();
    }
    EXPECT_EQ(lost, 1u);
}

TEST_F(DispatcherTest, APlainWorkerMayBeBusyForAnHour) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    for (int i = 0; i < 4 * 600; ++i) {
        pass(250ms);
        ASSERT_TRUE(all_of<Lost>(said.to_sink).empty());
    }
}

TEST_F(DispatcherTest, BlamesNobodyForItsOwnSleep) {
    Join sdk = join("w", 1, {"echo"});
    sdk.heartbeats = true;
    join_up(sdk);
    submit_stored(terms("echo"), {"a"});
    pass(250ms);
    pass(100s);
    EXPECT_TRUE(all_of<Lost>(said.to_sink).empty());
    EXPECT_TRUE(said.close_lanes.empty());
}

TEST_F(DispatcherTest, ARejoiningWorkerKeepsWhatItRuns) {
    Join sdk = join("w", 2, {"echo"});
    sdk.heartbeats = true;
    join_up(sdk);
    submit_stored(terms("echo"), {"a", "b"});
    sdk.running = {1};
    sdk.epoch = 1;
    join_up(sdk);
    const auto lost = all_of<Lost>(said.to_sink);
    ASSERT_EQ(lost.size(), 1u);
    ASSERT_EQ(lost[0].rows.size(), 1u);
    EXPECT_EQ(lost[0].rows[0].number, 2u);
    EXPECT_FALSE(lost[0].rows[0].suspect);
    tell(Open{{{2, 0}}});
    ASSERT_EQ(sent_ids(), Ids{"b"});
    EXPECT_EQ(sent[0].attempt, 2u);
    tell(Settled{{{1, 1, 1, 10}}, {}});
    EXPECT_EQ(machine.open_jobs(), 1u);
}

TEST_F(DispatcherTest, AWorkerThatSaysByeGetsNothingMoreAndHandsBack) {
    Join sdk = join("w", 2, {"echo"});
    sdk.heartbeats = true;
    join_up(sdk);
    submit_stored(terms("echo"), {"a", "b"});
    machine.on(Bye{"w", {2}}, out);
    step();
    const auto lost = all_of<Lost>(said.to_sink);
    ASSERT_EQ(lost.size(), 1u);
    ASSERT_EQ(lost[0].rows.size(), 1u);
    EXPECT_EQ(lost[0].rows[0].number, 2u);
    EXPECT_FALSE(lost[0].rows[0].suspect);
    tell(Open{{{2, 0}}});
    EXPECT_TRUE(sent.empty());
}

TEST_F(DispatcherTest, RefusesToOpenALaneBeforeThereIsASink) {
    Dispatcher fresh(limits(), 1, now);
    EXPECT_NE(fresh.join(join("w", 1, {"echo"}), now, out).error, "");
}

TEST_F(DispatcherTest, DrainsByFinishingWhatRuns) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a", "b"});
    const Sent job = sent[0];
    machine.drain();
    EXPECT_FALSE(machine.drained());
    settle(job);
    EXPECT_TRUE(sent.empty());
    EXPECT_TRUE(machine.drained());
}

TEST_F(DispatcherTest, ClosesALaneThatNobodyDialled) {
    machine.join(join("w", 1, {"echo"}), now, out);
    step();
    std::size_t closed = 0;
    for (int i = 0; i < 4 * 11; ++i) {
        pass(250ms);
        closed += said.close_lanes.size();
    }
    EXPECT_EQ(closed, 1u);
}

} // namespace
} // namespace penstock::ventilator
