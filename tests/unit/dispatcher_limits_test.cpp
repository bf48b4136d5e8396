// What holds for all jobs of a kind, whoever submitted them and whichever worker takes them.

#include "tests/unit/dispatcher_kinds_fixture.hpp"

namespace penstock::ventilator {
namespace {

using DispatcherLimitsTest = DispatcherKindsTest;

TEST_F(DispatcherLimitsTest, APausedKindWaitsAndOthersDoNot) {
    join_up(join("w", 4, {"echo", "add"}));
    set("echo", paused(true));
    submit_stored(terms("echo"), {"waits"});
    submit_stored(terms("add"), {"goes"});
    EXPECT_EQ(sent_ids(), Ids{"goes"});
    set("echo", paused(false));
    EXPECT_EQ(sent_ids(), Ids{"waits"});
}

TEST_F(DispatcherLimitsTest, APauseTakesNothingBack) {
    join_up(join("w", 4, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    const Sent job = sent[0];
    set("echo", paused(true));
    EXPECT_EQ(cancels(), 0u);
    settle(job);
    EXPECT_EQ(machine.open_jobs(), 0u);
}

TEST_F(DispatcherLimitsTest, NoMoreRunThanMayOnAllWorkersTogether) {
    set("echo", most(2));
    join_up(join("w", 4, {"echo"}));
    join_up(join("v", 4, {"echo"}));
    submit_stored(terms("echo"), {"a", "b", "c", "d"});
    ASSERT_EQ(sent.size(), 2u);
    settle(sent[0]);
    EXPECT_EQ(sent_ids(), Ids{"c"});
    set("echo", {});
    EXPECT_EQ(sent_ids(), Ids{"d"});
}

TEST_F(DispatcherLimitsTest, WhatRunsNeverExceedsAnotherPoolsShare) {
    set("echo", most(1));
    join_up(join("w", 4, {"echo", "add"}));
    join_up(join("v", 4, {"echo"})); // another pool: the limit is of the kind
    submit_stored(terms("echo"), {"a", "b"});
    EXPECT_EQ(sent.size(), 1u);
}

TEST_F(DispatcherLimitsTest, AnAttemptThatTimedOutCountsUntilItsWorkerAnswers) {
    Terms quick = terms("echo");
    quick.timeout = 1s;
    set("echo", most(1));
    join_up(join("w", 4, {"echo"}));
    submit_stored(quick, {"a"});
    const Sent job = sent[0];
    submit_stored(terms("echo"), {"b"});
    pass(1001ms);
    ASSERT_EQ(cancels(), 1u);
    EXPECT_TRUE(sent.empty());
    fail(job);
    EXPECT_EQ(sent_ids(), Ids{"b"});
}

TEST_F(DispatcherLimitsTest, WhatADeadWorkerHeldCountsNoMore) {
    set("echo", most(1));
    join_up(join("w", 1, {"echo"}));
    join_up(join("v", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    machine.lane_down(sent[0].lane, out);
    submit_stored(terms("echo"), {"b"});
    EXPECT_EQ(sent_ids(), Ids{"b"});
}

TEST_F(DispatcherLimitsTest, SoManyASecondAndItSaysWhen) {
    set("echo", rate(2));
    join_up(join("w", 9, {"echo"}));
    submit_stored(terms("echo"), {"a", "b", "c"});
    EXPECT_EQ(sent_ids(), Ids{"a"});
    EXPECT_LE(machine.wake_at(), now + 500ms);
    now = machine.wake_at();
    step();
    while (sent.empty()) { // it may have woken for something else
        now = machine.wake_at();
        step();
    }
    EXPECT_EQ(sent_ids(), Ids{"b"});
    EXPECT_NEAR(seconds(now - at(0s)), 0.5, 0.011);
}

TEST_F(DispatcherLimitsTest, ARateHoldsOverTenSeconds) {
    set("echo", rate(7));
    join_up(join("w", 99, {"echo"}));
    std::size_t started = 0;
    for (int i = 0; i < 90; ++i) {
        submit_stored(terms("echo"), {("a" + std::to_string(i)).c_str()});
        started += sent.size();
    }
    while (now < at(10s)) {
        now = std::max(now + 1us, std::min(machine.wake_at(), at(10s)));
        step();
        started += sent.size();
    }
    EXPECT_GE(started, 70u);
    EXPECT_LE(started, 71u);
}

TEST_F(DispatcherLimitsTest, WhoIsHeldByARateAloneDoesNotSpin) {
    set("echo", rate(0.001));
    submit_stored(terms("echo"), {"a", "b"});
    join_up(join("w", 9, {"echo"}));
    ASSERT_EQ(sent_ids(), Ids{"a"});
    int steps = 0;
    for (; now < at(10s); ++steps) {
        now = std::max(now, machine.wake_at());
        step();
    }
    EXPECT_LE(steps, 60); // the lanes are looked at four times a second
}

TEST_F(DispatcherLimitsTest, ASinkThatIsAwayDoesNotMakeARateSpin) {
    set("echo", rate(1));
    submit_stored(terms("echo"), {"a", "b"});
    join_up(join("w", 9, {"echo"}));
    machine.sink_down();
    pass(5s);
    EXPECT_GT(machine.wake_at(), now);
}

TEST_F(DispatcherLimitsTest, SuspectsAreHeldToo) {
    const LaneId lane = join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    machine.lane_down(lane, out);
    set("echo", paused(true));
    join_up(join("v", 1, {"echo"}));
    tell(Open{{{1, 1}}});
    EXPECT_TRUE(sent.empty());
    set("echo", {});
    EXPECT_EQ(sent_ids(), Ids{"a"});
}

} // namespace
} // namespace penstock::ventilator
