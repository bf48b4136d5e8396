// The dispatcher's jobs as scripts: facts and times in, messages out. No sockets, no sleeps.

#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

TEST_F(DispatcherTest, StoresBeforeItDispatches) {
    join_up(join("w", 1, {"echo"}));
    machine.on(submit(terms("echo"), {"a", "b"}), now, out);
    step();
    const auto stores = all_of<Store>(said.to_sink);
    ASSERT_EQ(stores.size(), 1u);
    EXPECT_EQ(stores[0].first, 1u);
    EXPECT_EQ(stores[0].rows.size(), 2u);
    EXPECT_TRUE(sent.empty());
    tell(Stored{{{1, 2}}, {}, {}});
    EXPECT_EQ(sent_ids(), Ids{"a"});
}

TEST_F(DispatcherTest, GivesAOneSlotWorkerOneJobAtATime) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a", "b"});
    ASSERT_EQ(sent_ids(), Ids{"a"});
    tell(Settled{{{1, 1, 1, 10'000'000}}, {}}); // ten seconds of work: no prefetch
    EXPECT_EQ(sent_ids(), Ids{"b"});
}

TEST_F(DispatcherTest, ForgetsAJobOnlyWhenItIsSettled) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    EXPECT_EQ(machine.open_jobs(), 1u);
    settle(sent[0]);
    EXPECT_EQ(machine.open_jobs(), 0u);
}

TEST_F(DispatcherTest, ReturnedFreesTheSlotButKeepsTheJob) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a", "b"});
    tell(Returned{{{1, 1, 1, 1000}}});
    EXPECT_EQ(sent_ids(), Ids{"b"});
    EXPECT_EQ(machine.open_jobs(), 2u);
    tell(Settled{{{1, 1, 1, 1000}}, {}});
    EXPECT_EQ(machine.open_jobs(), 1u);
}

TEST_F(DispatcherTest, AFailureAfterReturnedIsDecidedToo) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    const Sent job = sent[0];
    tell(Returned{{{1, 1, 1, 1000}}});
    fail(job);
    ASSERT_EQ(all_of<Final>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Final>(said.to_sink)[0].outcome, State::failed);
}

TEST_F(DispatcherTest, SendsHigherPrioritiesFirst) {
    Terms high = terms("echo");
    high.priority = 9;
    submit_stored(terms("echo"), {"low"});
    submit_stored(high, {"high"});
    join_up(join("w", 1, {"echo"}));
    EXPECT_EQ(sent_ids(), Ids{"high"});
}

TEST_F(DispatcherTest, SpreadsJobsOverIdleWorkers) {
    const LaneId one = join_up(join("w1", 2, {"echo"}));
    const LaneId two = join_up(join("w2", 2, {"echo"}));
    submit_stored(terms("echo"), {"a", "b"});
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_NE(sent[0].lane, sent[1].lane);
    EXPECT_EQ(sent[0].lane + sent[1].lane, one + two);
}

TEST_F(DispatcherTest, SendsAKindOnlyToWorkersThatHaveIt) {
    join_up(join("w", 4, {"echo"}));
    machine.declare_kind("other");
    submit_stored(terms("other"), {"a"});
    EXPECT_TRUE(sent.empty());
    join_up(join("v", 1, {"other"}));
    EXPECT_EQ(sent_ids(), Ids{"a"});
}

TEST_F(DispatcherTest, RefusesWhatIsOverTheLimits) {
    for (int i = 0; i < 100; ++i) submit_stored(terms("echo"), {("j" + std::to_string(i)).c_str()});
    machine.on(submit(terms("echo"), {"over"}), now, out);
    step();
    const auto refused = all_of<Refused>(said.to_sink);
    ASSERT_EQ(refused.size(), 1u);
    EXPECT_EQ(refused[0].reason, "jobs-full");
    EXPECT_EQ(refused[0].ids[0], id("over"));
    EXPECT_EQ(machine.room().jobs_free, 0u);
}

TEST_F(DispatcherTest, RefusesBytesOverTheLimit) {
    const std::string big(990, 'x');
    Submit s{terms("echo"), {{id("big"), big}, {id("bigger"), big}}};
    machine.on(std::move(s), now, out);
    step();
    ASSERT_EQ(all_of<Refused>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Refused>(said.to_sink)[0].reason, "bytes-full");
}

TEST_F(DispatcherTest, RefusesAnUnknownKindOnceOneIsKnown) {
    submit_stored(terms("anything"), {"before"});
    join_up(join("w", 1, {"echo"}));
    machine.on(submit(terms("nothing"), {"after"}), now, out);
    step();
    ASSERT_EQ(all_of<Refused>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Refused>(said.to_sink)[0].reason, "unknown-kind");
}

TEST_F(DispatcherTest, DropsDuplicatesAndConflicts) {
    machine.on(submit(terms("echo"), {"a", "b"}), now, out);
    step();
    tell(Stored{{}, {1}, {2}});
    EXPECT_EQ(machine.open_jobs(), 0u);
}

TEST_F(DispatcherTest, RetriesWithJitterUpToMaxAttempts) {
    Terms twice = terms("echo");
    twice.max_attempts = 2;
    twice.backoff = 1s;
    join_up(join("w", 1, {"echo"}));
    submit_stored(twice, {"a"});
    fail(sent[0]);
    ASSERT_EQ(all_of<Retrying>(said.to_sink).size(), 1u);
    EXPECT_LE(all_of<Retrying>(said.to_sink)[0].delay, Duration(1s));
    pass(1001ms);
    ASSERT_EQ(sent_ids(), Ids{"a"});
    EXPECT_EQ(sent[0].attempt, 2u);
    fail(sent[0]);
    ASSERT_EQ(all_of<Final>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Final>(said.to_sink)[0].outcome, State::failed);
}

TEST_F(DispatcherTest, DoesNotRetryWhatCannotBeRetried) {
    Terms often = terms("echo");
    often.max_attempts = 5;
    join_up(join("w", 1, {"echo"}));
    submit_stored(often, {"a"});
    tell(Settled{{}, {{1, 1, 0, false}}});
    EXPECT_EQ(all_of<Final>(said.to_sink).size(), 1u);
}

TEST_F(DispatcherTest, IgnoresALateFailureOfAnOlderAttempt) {
    const LaneId lane = join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    const Sent first = sent[0];
    machine.lane_down(lane, out);
    join_up(join("v", 1, {"echo"}));
    tell(Open{{{1, 1}}});
    ASSERT_EQ(sent[0].attempt, 2u);
    fail(first);
    EXPECT_TRUE(all_of<Final>(said.to_sink).empty());
    EXPECT_EQ(machine.open_jobs(), 1u);
}

TEST_F(DispatcherTest, ALateSuccessOfAnOlderAttemptCountsAndStopsTheNewer) {
    const LaneId lane = join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    const Sent first = sent[0];
    machine.lane_down(lane, out);
    join_up(join("v", 1, {"echo"}));
    tell(Open{{{1, 1}}});
    const Sent second = sent[0];
    settle(first);
    EXPECT_EQ(machine.open_jobs(), 0u);
    EXPECT_EQ(cancels(), 1u);
    submit_stored(terms("echo"), {"b"});
    EXPECT_TRUE(sent.empty()); // v still holds the second attempt of a
    settle(second);
    EXPECT_EQ(sent_ids(), Ids{"b"});
}

TEST_F(DispatcherTest, DelaysAJobThatAsksForIt) {
    Terms later = terms("echo");
    later.delay = 5s;
    join_up(join("w", 1, {"echo"}));
    submit_stored(later, {"a"});
    EXPECT_TRUE(sent.empty());
    EXPECT_LE(machine.wake_at(), now + 5s + 1ms);
    pass(4990ms);
    EXPECT_TRUE(sent.empty());
    pass(11ms);
    EXPECT_EQ(sent_ids(), Ids{"a"});
}

TEST_F(DispatcherTest, ExpiresWhatWasNotStartedInTime) {
    Terms brief = terms("echo");
    brief.ttl = 1s;
    submit_stored(brief, {"a"});
    pass(1001ms);
    ASSERT_EQ(all_of<Final>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Final>(said.to_sink)[0].outcome, State::expired);
}

TEST_F(DispatcherTest, ATtlSaysNothingAboutAJobThatWasStarted) {
    Terms brief = terms("echo");
    brief.ttl = 1s;
    join_up(join("w", 1, {"echo"}));
    submit_stored(brief, {"a"});
    pass(2s);
    EXPECT_TRUE(all_of<Final>(said.to_sink).empty());
}

TEST_F(DispatcherTest, TimesOutAnAttemptAndKeepsItsSlotUntilTheWorkerAnswers) {
    Terms quick = terms("echo");
    quick.timeout = 1s;
    join_up(join("w", 1, {"echo"}));
    submit_stored(quick, {"a"});
    const Sent job = sent[0];
    pass(1001ms);
    EXPECT_EQ(cancels(), 1u);
    ASSERT_EQ(all_of<Final>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Final>(said.to_sink)[0].failure.code, "timeout");
    submit_stored(terms("echo"), {"b"});
    EXPECT_TRUE(sent.empty());
    fail(job);
    EXPECT_EQ(sent_ids(), Ids{"b"});
}

TEST_F(DispatcherTest, CancelReachesTheWorkerAndBecomesTheOutcome) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    tell(Cancel{{1}});
    EXPECT_EQ(cancels(), 1u);
    tell(Settled{{}, {{1, 1, 0, false}}});
    ASSERT_EQ(all_of<Final>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Final>(said.to_sink)[0].outcome, State::cancelled);
}

TEST_F(DispatcherTest, AWaitingJobThatTheSinkCancelledIsForgotten) {
    submit_stored(terms("echo"), {"a"});
    tell(Settled{{{1, 1, 0, 0}}, {}});
    join_up(join("w", 1, {"echo"}));
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(machine.open_jobs(), 0u);
}

TEST_F(DispatcherTest, SendsNothingWhileTheSinkIsAway) {
    join_up(join("w", 4, {"echo"}));
    machine.sink_down();
    submit_stored(terms("echo"), {"a"});
    EXPECT_TRUE(sent.empty());
    EXPECT_FALSE(machine.room().serving);
}

TEST_F(DispatcherTest, WhatIsStoredIsNoDuplicateAnyMore) {
    join_up(join("w", 1, {"add"}));
    submit_stored(terms("add"), {"a"});
    ASSERT_EQ(sent.size(), 1u);
    tell(Stored{{}, {1}, {1}});
    EXPECT_EQ(machine.open_jobs(), 1u);
    EXPECT_EQ(machine.workers(now).workers.at(0).outstanding, 1u); // the worker has it
}

TEST_F(DispatcherTest, ASinkSaysNothingOfWhatItWasNotTold) {
    machine.on(submit(terms("add"), {"a", "b"}), now, out);
    for (const FromSink& lie : {FromSink(Stored{{{1, 1}}, {2}, {}}),
                                FromSink(Settled{{{1, 2, 0, 0}}, {{1, 1, 0, true}}}),
                                FromSink(Cancel{{1, 2}}), FromSink(Open{{{1, 3}}})}) {
        machine.on(lie, now, out);
    }
    step();
    ASSERT_EQ(all_of<Store>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Store>(said.to_sink)[0].rows.size(), 2u);
    EXPECT_EQ(said.to_sink.size(), 1u);
}

TEST_F(DispatcherTest, StoresEverythingOpenAgainAtANewSink) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a", "b"});
    machine.sink_down();
    machine.sink_up(8, 2, false, out);
    step();
    const auto stores = all_of<Store>(said.to_sink);
    ASSERT_EQ(stores.size(), 1u);
    EXPECT_EQ(stores[0].rows.size(), 2u);
    EXPECT_EQ(stores[0].rows[0].attempt, 1u);
    EXPECT_EQ(said.close_lanes.size(), 1u);
    join_up(join("w", 2, {"echo"}));
    tell(Stored{{{1, 2}}, {}, {}});
    EXPECT_EQ(sent.size(), 2u);
}

} // namespace
} // namespace penstock::ventilator
