// The ledger as scripts: facts and questions in, settlements and answers out.

#include "protocol/codec.hpp"
#include "tests/unit/ledger_fixture.hpp"

namespace penstock::sink {
namespace {

TEST_F(LedgerTest, SaysStoredInRanges) {
    store(terms("echo"), {"a", "b", "c"});
    EXPECT_EQ(said.stored.rows, (std::vector<Range>{{1, 3}}));
    EXPECT_EQ(status("b").state, State::queued);
}

TEST_F(LedgerTest, KnowsTheSameJobAgain) {
    store(terms("echo"), {"a"});
    store(terms("echo"), {"a"});
    EXPECT_EQ(said.stored.duplicates, std::vector<JobNumber>{2});
    EXPECT_TRUE(said.stored.rows.empty());
}

TEST_F(LedgerTest, KnowsAnotherJobOfTheSameId) {
    store(terms("echo"), {"a"});
    store(terms("other"), {"a"});
    EXPECT_EQ(said.stored.conflicts, std::vector<JobNumber>{2});
}

TEST_F(LedgerTest, SettlesASuccess) {
    store(terms("echo"), {"a"});
    succeed("a", 1);
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 1, 500}}));
    const JobView job = status("a");
    EXPECT_EQ(job.state, State::succeeded);
    EXPECT_EQ(job.value, "\x07");
    EXPECT_EQ(job.worker, "w");
}

TEST_F(LedgerTest, SettlesNeighboursAsOneRange) {
    store(terms("echo"), {"a", "b"});
    machine.on(Result{1, "w", "", {{id("a"), 1, 5, "\x07", {}}, {id("b"), 1, 6, "\x07", {}}}}, now,
               out);
    step();
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 2, 1, 11}}));
}

TEST_F(LedgerTest, TheFirstOutcomeWins) {
    store(terms("echo"), {"a"});
    succeed("a", 1);
    machine.on(Result{1, "v", "", {{id("a"), 2, 9, Bytes("\x08", 1), {}}}}, now, out);
    step();
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 2, 9}})); // settled again
    EXPECT_EQ(status("a").value, "\x07");
    ask(AskStats{});
    EXPECT_EQ(answer<SinkStats>().kinds.at(0).duplicates, 1u);
}

TEST_F(LedgerTest, AFailureLeavesTheJobToTheVentilator) {
    store(terms("echo"), {"a"});
    fail("a", 1);
    ASSERT_EQ(said.settled.failed.size(), 1u);
    EXPECT_TRUE(said.settled.rows.empty());
    tell(Retrying{1, 1, 1s});
    EXPECT_EQ(status("a").state, State::retrying);
    tell(Final{1, State::failed, {}});
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 0, 0}}));
    const JobView job = status("a");
    EXPECT_EQ(job.state, State::failed);
    EXPECT_EQ(job.failure.value().message, "no");
}

TEST_F(LedgerTest, ALateSuccessOfAnOlderAttemptCounts) {
    store(terms("echo"), {"a"});
    tell(Lost{"w", {{1, 1, true}}});
    EXPECT_EQ(said.open.rows.at(0).deaths, 1u);
    succeed("a", 1);
    EXPECT_EQ(status("a").state, State::succeeded);
}

TEST_F(LedgerTest, LostSaysNothingOfJobsThatHaveAnOutcome) {
    store(terms("echo"), {"a", "b"});
    succeed("a", 1);
    tell(Lost{"w", {{1, 1, true}, {2, 1, false}}});
    ASSERT_EQ(said.open.rows.size(), 1u);
    EXPECT_EQ(said.open.rows[0].number, 2u);
    EXPECT_EQ(said.open.rows[0].deaths, 0u);
}

TEST_F(LedgerTest, DropsResultsForJobsItDoesNotKnow) {
    succeed("nobody", 1);
    EXPECT_TRUE(said.settled.rows.empty());
    ask(AskStats{});
    EXPECT_EQ(answer<SinkStats>().unknown_results, 1u);
}

TEST_F(LedgerTest, DropsResultsOfAnEpochThatWasNeverGranted) {
    store(terms("echo"), {"a"});
    machine.on(Result{2, "w", "", {{id("a"), 1, 5, "\x07", {}}}}, now, out);
    step();
    EXPECT_TRUE(said.settled.rows.empty());
    EXPECT_EQ(status("a").state, State::queued);
}

TEST_F(LedgerTest, FencesAnOlderVentilator) {
    Hello newer;
    newer.instance = 100;
    EXPECT_EQ(machine.hello(newer, 1).epoch, 2u);
    Hello older;
    older.instance = 99;
    older.epoch = 1;
    EXPECT_NE(machine.hello(older, 1).error, "");
    EXPECT_EQ(machine.hello(newer, 1).epoch, 2u); // the newest keeps it
}

TEST_F(LedgerTest, NumbersOfAnOlderEpochSettleNobodyElsesJobs) {
    store(terms("echo"), {"old"});
    Hello newer;
    newer.instance = 100;
    machine.hello(newer, 1);
    next_number = 1;
    store(terms("echo"), {"new"});
    machine.on(Result{1, "w", "", {{id("old"), 1, 5, "\x07", {}}}}, now, out);
    step();
    EXPECT_TRUE(said.settled.rows.empty());
    EXPECT_EQ(status("old").state, State::succeeded);
    EXPECT_EQ(status("new").state, State::queued);
}

TEST_F(LedgerTest, AnswersAWaitAtOnceWhenItIsTrueAlready) {
    store(terms("echo"), {"a"});
    ask(until(Until::stored, "a"));
    EXPECT_EQ(answer<JobAnswer>().found, Found::found);
}

TEST_F(LedgerTest, HoldsAWaitUntilTheJobIsStored) {
    ask(until(Until::stored, "a"));
    EXPECT_TRUE(said.replies.empty());
    store(terms("echo"), {"a"});
    EXPECT_EQ(answer<JobAnswer>().found, Found::found);
}

TEST_F(LedgerTest, AnswersManyWaitsByTheirNumbersAlone) {
    using Body = std::optional<std::uint64_t>;
    const auto row = [&](std::uint64_t request, const char* job, Body body) {
        machine.ask(3, {request, id(job), body}, 5s, now, out);
    };
    store(terms("echo"), {"early", "other"});
    row(8, "early", {});
    row(9, "late", {});
    row(10, "other", 1); // of another body
    row(11, "never", {});
    step();
    ASSERT_EQ(said.stored_replies.size(), 1u);
    EXPECT_EQ(said.stored_replies[0].request, 8u);
    EXPECT_EQ(said.stored_replies[0].asker, 3u);
    ASSERT_EQ(said.replies.size(), 1u);
    EXPECT_EQ(said.replies[0].request, Request(10));
    EXPECT_EQ(std::get<JobAnswer>(said.replies[0].answer).found, Found::conflict);
    store(terms("echo"), {"late"});
    ASSERT_EQ(said.stored_replies.size(), 1u);
    EXPECT_EQ(said.stored_replies[0].request, 9u);
    pass(5001ms);
    EXPECT_EQ(said.replies[0].request, Request(11));
}

TEST_F(LedgerTest, HoldsAWaitUntilTheJobIsFinished) {
    ask(until(Until::finished, "a"));
    store(terms("echo"), {"a"});
    EXPECT_TRUE(said.replies.empty());
    succeed("a", 1);
    EXPECT_EQ(answer<JobAnswer>().job.value, "\x07");
}

TEST_F(LedgerTest, EndsAWaitWhenItsTimeIsUp) {
    store(terms("echo"), {"a"});
    ask(until(Until::finished, "a"));
    EXPECT_LE(machine.wake_at(), now.at + 5s + 1ms);
    pass(5001ms);
    const auto reply = answer<JobAnswer>();
    EXPECT_EQ(reply.found, Found::timed_out);
    EXPECT_EQ(reply.job.state, State::queued);
}

TEST_F(LedgerTest, SaysARefusalOnce) {
    ask(until(Until::stored, "a"));
    tell(Refused{"unknown-kind", {id("a"), id("b")}});
    ask(until(Until::stored, "b"));
    EXPECT_EQ(answer<JobAnswer>().found, Found::refused);
    // Both are submitted again: what counts is what becomes of that.
    for (const char* again : {"a", "b"}) {
        ask(until(Until::stored, again));
        EXPECT_TRUE(said.replies.empty());
        store(terms("echo"), {again});
        EXPECT_EQ(answer<JobAnswer>().found, Found::found);
    }
}

TEST_F(LedgerTest, HoldsManyWaitsForOneJob) {
    for (int i = 0; i < 100; ++i)
        machine.ask(3, Request(17), until(Until::finished, "a"), now, out);
    store(terms("echo"), {"a"});
    succeed("a", 1);
    EXPECT_EQ(said.replies.size(), 100u);
}

TEST_F(LedgerTest, SaysWhyAJobWasRefusedBeforeAndAfterTheQuestion) {
    ask(until(Until::stored, "a"));
    tell(Refused{"jobs-full", {id("a"), id("b")}});
    EXPECT_EQ(answer<JobAnswer>().found, Found::refused);
    ask(until(Until::stored, "b"));
    EXPECT_EQ(answer<JobAnswer>().why, "jobs-full");
    pass(11s);
    ask(until(Until::stored, "b"));
    EXPECT_TRUE(said.replies.empty());
}

TEST_F(LedgerTest, SaysConflictToWhoeverSubmittedAnotherBody) {
    AskWait other = until(Until::stored, "a");
    other.body = body_digest(terms("echo"), "another");
    ask(other);
    store(terms("echo"), {"a"});
    EXPECT_EQ(answer<JobAnswer>().found, Found::conflict);
    AskWait same = until(Until::stored, "a");
    same.body = body_digest(terms("echo"), Bytes("\xa1p", 2));
    ask(same);
    EXPECT_EQ(answer<JobAnswer>().found, Found::found);
}

TEST_F(LedgerTest, CancelsAWaitingJobAtOnce) {
    store(terms("echo"), {"a"});
    ask(AskCancel{id("a")});
    EXPECT_EQ(answer<CancelAnswer>().result, CancelResult::cancelled);
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 0, 0}}));
    succeed("a", 1); // no success wins any more
    EXPECT_EQ(status("a").state, State::cancelled);
}

TEST_F(LedgerTest, HasTheWorkerOfARunningJobTold) {
    store(terms("echo"), {"a"});
    tell(Started{"w", {{1, 1}}});
    EXPECT_EQ(status("a").state, State::running);
    ask(AskCancel{id("a")});
    EXPECT_EQ(answer<CancelAnswer>().result, CancelResult::telling_worker);
    EXPECT_EQ(said.cancel.numbers, std::vector<JobNumber>{1});
    succeed("a", 1); // it was faster
    EXPECT_EQ(status("a").state, State::succeeded);
    ask(AskCancel{id("a")});
    EXPECT_EQ(answer<CancelAnswer>().result, CancelResult::finished);
}

TEST_F(LedgerTest, ProgressThatWasFasterThanStartedStays) {
    store(terms("echo"), {"a"});
    machine.on(Progress{id("a"), 1, 0.5, "half"});
    tell(Started{"w", {{1, 1}}});
    EXPECT_EQ(status("a").progress, 0.5);
    tell(Started{"w", {{1, 2}}}); // another attempt begins at nothing
    EXPECT_LT(status("a").progress, 0);
}

TEST_F(LedgerTest, ProgressIsOfTheNewestAttempt) {
    const auto begin = [&](const char* job) {
        store(terms("echo"), {job});
        machine.on(Progress{id(job), 1, 0.5, "half"});
        tell(Retrying{next_number - 1, 1, 1s});
    };
    const auto expect_nothing_of_the_first = [&](const char* job) {
        EXPECT_LT(status(job).progress, 0) << job;
        EXPECT_EQ(status(job).note, "") << job;
    };
    begin("piece");
    machine.on(Partial{id("piece"), 2, Bytes("\xa1p", 2)}, out); // before it is said to run
    expect_nothing_of_the_first("piece");
    tell(Started{"w", {{1, 2}}});
    expect_nothing_of_the_first("piece");
    begin("running");
    tell(Started{"w", {{2, 2}}});
    expect_nothing_of_the_first("running");
    begin("retrying");
    tell(Retrying{3, 2, 1s}); // too short to be heard of
    expect_nothing_of_the_first("retrying");
    begin("short");
    succeed("short", 2);
    expect_nothing_of_the_first("short");
}

TEST_F(LedgerTest, ShowsProgress) {
    store(terms("echo"), {"a"});
    machine.on(Progress{id("a"), 1, 0.5, "half"});
    const JobView job = status("a");
    EXPECT_EQ(job.state, State::running);
    EXPECT_DOUBLE_EQ(job.progress, 0.5);
    EXPECT_EQ(job.note, "half");
}

TEST_F(LedgerTest, ListsNewestFirstInPages) {
    store(terms("echo"), {"a", "b", "c"});
    AskList page;
    page.limit = 2;
    ask(page);
    auto listed = answer<ListAnswer>();
    ASSERT_EQ(listed.jobs.size(), 2u);
    EXPECT_EQ(listed.jobs[0].id, id("c"));
    page.cursor = listed.cursor;
    ask(page);
    listed = answer<ListAnswer>();
    ASSERT_EQ(listed.jobs.size(), 1u);
    EXPECT_EQ(listed.jobs[0].id, id("a"));
    EXPECT_EQ(listed.cursor, 0u);
}

TEST_F(LedgerTest, ListsByStateKindAndTag) {
    Terms tagged = terms("echo");
    tagged.tags = {"red"};
    store(terms("echo"), {"a"});
    store(tagged, {"b"});
    store(terms("other"), {"c"});
    succeed("a", 1);
    AskList by_state;
    by_state.state = State::succeeded;
    ask(by_state);
    EXPECT_EQ(answer<ListAnswer>().jobs.at(0).id, id("a"));
    AskList by_tag;
    by_tag.tag = "red";
    ask(by_tag);
    EXPECT_EQ(answer<ListAnswer>().jobs.size(), 1u);
    AskList by_kind;
    by_kind.kind = "other";
    ask(by_kind);
    EXPECT_EQ(answer<ListAnswer>().jobs.at(0).id, id("c"));
}

TEST_F(LedgerTest, EvictsFinishedJobsByAge) {
    store(terms("echo"), {"a", "open"});
    succeed("a", 1);
    pass(3601s);
    ask(AskStatus{id("a"), false});
    EXPECT_EQ(answer<JobAnswer>().found, Found::unknown);
    EXPECT_EQ(status("open").state, State::queued); // an open job is never evicted
}

struct SmallLedgerTest : LedgerTest {
    static Limits small() {
        Limits limits;
        limits.finished_max = 2;
        limits.waits_max = 1;
        return limits;
    }

    SmallLedgerTest() : LedgerTest(small()) {}
};

TEST_F(SmallLedgerTest, EvictsTheOldestWhenThereAreTooMany) {
    store(terms("echo"), {"a", "b", "c"});
    for (const char* job : {"a", "b", "c"}) succeed(job, 1);
    ask(AskStatus{id("a"), false});
    EXPECT_EQ(answer<JobAnswer>().found, Found::unknown);
    EXPECT_EQ(status("b").state, State::succeeded);
}

TEST_F(SmallLedgerTest, RefusesMoreWaitsThanItHolds) {
    ask(until(Until::finished, "a"));
    ask(until(Until::finished, "b"));
    EXPECT_EQ(answer<JobAnswer>().why, "waits-full");
}

TEST(LedgerStart, SaysStartingUntilTheFirstHello) {
    Ledger fresh(Limits(), 1, at(0s));
    Outbox out;
    fresh.ask(1, Request(), AskStatus{id("a"), false}, both_at(0s), out);
    EXPECT_EQ(std::get<JobAnswer>(out.replies.at(0).answer).found, Found::starting);
}

TEST_F(LedgerTest, ACancelledJobWhoseWorkerDiedHasWords) {
    store(terms("echo"), {"a"});
    tell(Started{"w", {{1, 1}}});
    tell(Final{1, State::cancelled, {}});
    EXPECT_EQ(status("a").failure.value().code, "cancelled");
}

// Ids that the gateway makes say when: the sink before may have known them, and had them in memory.
TEST_F(LedgerTest, AnOutcomeThatTheSinkBeforeMayHaveHadIsLost) {
    step();
    const auto began = std::chrono::duration_cast<std::chrono::milliseconds>(now.wall.time_since_epoch());
    const auto why_of = [&](std::chrono::milliseconds made) {
        ask(AskStatus{make_uuid7(static_cast<std::uint64_t>(made.count()), 1, 2), true});
        const auto told = answer<JobAnswer>();
        EXPECT_EQ(told.found, Found::unknown);
        return told.why;
    };
    EXPECT_EQ(why_of(began - 1min), "outcome-lost");
    EXPECT_EQ(why_of(began + 1ms), "") << "this one was never submitted here";
    EXPECT_EQ(why_of(began - 2h), "") << "it would not be kept any more";
    ask(AskStatus{id("report-17"), true});
    EXPECT_EQ(answer<JobAnswer>().why, "") << "nobody knows how old it is";
}

} // namespace
} // namespace penstock::sink
