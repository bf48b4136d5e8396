// What of a ledger is there again in the next life of its process.

#include "tests/unit/ledger_kept_fixture.hpp"

namespace penstock::sink {
namespace {

TEST_F(KeptTest, AnOutcomeIsThereAfterwardsAsItWas) {
    Terms t = terms("resize");
    t.tenant = "acme";
    t.tags = {"nightly", "a\"b"};
    t.needs = {"gpu"};
    t.timeout = 1500ms;
    store(t, {"a"});
    tell(Started{"w", {{1, 1}}});
    pass(2s);
    machine.on(Result{epoch, "w", "text/plain", {{id("a"), 1, 500, Bytes("\x07", 1), {}, 900}}}, now, out);
    step();
    const JobView before = status("a");
    commit();
    pass(10s);
    restart();
    const JobView after = status("a");
    EXPECT_EQ(after.state, State::succeeded);
    EXPECT_EQ(after.value, "\x07");
    EXPECT_EQ(after.content_type, "text/plain");
    EXPECT_EQ(after.worker, "w");
    EXPECT_EQ(after.attempt, 1u);
    EXPECT_EQ(after.tenant, "acme");
    EXPECT_EQ(after.tags, before.tags);
    EXPECT_EQ(after.submitted_at, before.submitted_at);
    EXPECT_EQ(after.finished_at, before.finished_at);
    EXPECT_NEAR(after.run, before.run, 1e-6);
}

TEST_F(KeptTest, WhatWasNotSafeIsAsIfItHadNeverBeen) {
    store(terms("echo"), {"a"});
    restart();
    ask(AskStatus{id("a"), false});
    EXPECT_EQ(answer<JobAnswer>().found, Found::unknown);
}

TEST_F(KeptTest, ItSaysThatItRemembersItsVentilator) {
    store(terms("echo"), {"a"});
    commit();
    restart();
    EXPECT_TRUE(greeting.remembers);
    EXPECT_EQ(greeting.epoch, epoch);
}

TEST_F(KeptTest, AnotherVentilatorGetsALaterEpochAndWhatIsOpen) {
    store(terms("echo"), {"a"});
    commit();
    const Epoch before = epoch;
    epoch = 0; // it is new, and knows none
    restart(100);
    EXPECT_EQ(greeting.epoch, before + 1);
    EXPECT_FALSE(greeting.remembers);
    EXPECT_EQ(offered(), std::vector<std::string>{"a"});
}

TEST_F(KeptTest, DeathsAreRememberedAndEachCountsOnce) {
    store(terms("echo"), {"a"});
    tell(Lost{"w", {{1, 1, true}}});
    commit();
    restart();
    tell(Lost{"", {{1, 1, true}}}); // the ventilator had no answer to this
    ASSERT_EQ(said.open.rows.size(), 1u);
    EXPECT_EQ(said.open.rows[0].deaths, 1u);
    tell(Lost{"w", {{1, 2, true}}});
    EXPECT_EQ(said.open.rows[0].deaths, 2u);
}

// Its lane was gone, its worker was not.
TEST_F(KeptTest, ADeathIsRememberedAlthoughTheAttemptAnswersLater) {
    store(terms("echo"), {"a"});
    tell(Lost{"w", {{1, 1, true}}});
    commit();
    fail("a", 1);
    commit();
    restart();
    tell(Lost{"w", {{1, 2, true}}});
    ASSERT_EQ(said.open.rows.size(), 1u);
    EXPECT_EQ(said.open.rows[0].deaths, 2u);
}

TEST_F(KeptTest, AGroupGoesOnWhereItWas) {
    OpenGroup m;
    m.id = id("g");
    OpenGroup::Part part{terms("echo"), {}};
    for (const char* each : {"a", "b"}) part.rows.push_back({id(each), Bytes("\xc0", 1)});
    m.parts.push_back(std::move(part));
    m.then = OpenGroup::Callback{id("then"), terms("sum"), {}};
    ask(m);
    take_all();
    machine.on(Result{epoch, "w", "", {{id("a"), 1, 500, Bytes("\x07", 1), {}}}}, now, out);
    step();
    commit();
    restart();
    EXPECT_TRUE(offered().empty()); // the ventilator has what was taken
    machine.on(Result{epoch, "w", "", {{id("b"), 1, 500, Bytes("\x09", 1), {}}}}, now, out);
    step();
    EXPECT_EQ(offered(), std::vector<std::string>{"then"});
    EXPECT_EQ(said.takes.at(0).rows.at(0).payload, Bytes("\x92\x07\x09", 3));
}

TEST_F(KeptTest, WhatWasOnOfferIsOfferedAgain) {
    store(terms("echo"), {"a"});
    succeed("a", 1);
    ask(AskRetry{id("a"), id("again")});
    EXPECT_EQ(offered(), std::vector<std::string>{"again"});
    commit();
    restart();
    EXPECT_EQ(offered(), std::vector<std::string>{"again"});
    EXPECT_EQ(status("again").retry_of, id("a"));
}

TEST_F(KeptTest, SettingsOfAKindAreRemembered) {
    tell(Kinds{{{"echo", {}}}});
    AskKind wish;
    wish.kind = "echo";
    wish.set.max_running = 3;
    ask(wish);
    commit();
    restart();
    ASSERT_EQ(said.kinds.rows.size(), 1u);
    EXPECT_EQ(said.kinds.rows[0].settings.max_running, 3u);
}

TEST_F(KeptTest, OutcomesGoAfterTheirTimeHoweverOftenItWasKilled) {
    store(terms("echo"), {"a"});
    succeed("a", 1);
    commit();
    pass(30min);
    restart();
    pass(29min);
    EXPECT_EQ(status("a").state, State::succeeded);
    pass(2min);
    commit();
    EXPECT_EQ(disk.find(id("a")), nullptr);
}

TEST_F(KeptTest, WithNoSpaceNewJobsAreRefusedAndOutcomesAreNot) {
    store(terms("echo"), {"a"});
    machine.set_full(true);
    store(terms("echo"), {"b"});
    EXPECT_EQ(said.stored.refused, std::vector<JobNumber>{2});
    ask(until(Until::stored, "b"));
    EXPECT_EQ(answer<JobAnswer>().why, "storage-full");
    succeed("a", 1);
    EXPECT_EQ(status("a").state, State::succeeded);
    machine.set_full(false);
    store(terms("echo"), {"c"});
    EXPECT_EQ(said.stored.rows, (std::vector<Range>{{3, 1}}));
}

TEST_F(KeptTest, AFailureUnderAnOldTokenCountsForWhoeverTakesTheJobOver) {
    store(terms("echo"), {"a"});
    tell(Started{"w", {{1, 1}}});
    const Epoch before = epoch;
    next_ventilator();
    take_all();
    const Failure failure{"handler-error", "no", true};
    machine.on(Result{before, "w", "", {{id("a"), 1, 500, {}, failure}}}, now, out);
    step();
    EXPECT_TRUE(said.settled.failed.empty()); // nobody says yet that it is still his
    tell(Started{"w", {{1, 1}}, before});
    ASSERT_EQ(said.settled.failed.size(), 1u);
    EXPECT_EQ(said.settled.failed[0].attempt, 1u);
}

// Its ventilator died before it could act on the failure, and the worker had asked the next one to let
// it keep the job while that still ran.
TEST_F(KeptTest, AFailureThatADeadVentilatorWasToldCountsForWhoeverTakesTheJobOver) {
    store(terms("echo"), {"a"});
    tell(Started{"w", {{1, 1}}});
    const Epoch before = epoch;
    const Failure failure{"handler-error", "no", true};
    machine.on(Result{before, "w", "", {{id("a"), 1, 500, {}, failure}}}, now, out);
    step();
    ASSERT_EQ(said.settled.failed.size(), 1u);
    next_ventilator();
    take_all();
    tell(Started{"w", {{1, 1}}, before});
    ASSERT_EQ(said.settled.failed.size(), 1u);
    EXPECT_EQ(said.settled.failed[0].attempt, 1u);
    EXPECT_TRUE(said.settled.failed[0].retryable);
}

// Sink and ventilator begin again, and a worker keeps what it runs under the old token.
struct TakenOverTest : KeptTest {
    void take_over(Epoch before) {
        epoch = 0;
        next_number = 1;
        commit();
        restart(100);
        take_all();
        tell(Started{"w", {{1, 1}}, before});
    }
};

TEST_F(TakenOverTest, AFailureCountsThatWasToldBeforeTheSinkBeganAgain) {
    store(terms("echo"), {"a"});
    tell(Started{"w", {{1, 1}}});
    const Epoch before = epoch;
    machine.on(Result{before, "w", "", {{id("a"), 1, 500, {}, Failure{"handler-error", "no", true}}}}, now, out);
    step();
    take_over(before);
    ASSERT_EQ(said.settled.failed.size(), 1u);
    EXPECT_EQ(said.settled.failed[0].attempt, 1u);
}

TEST_F(TakenOverTest, WhoTookAJobOverIsRemembered) {
    store(terms("echo"), {"a"});
    tell(Started{"w", {{1, 1}}});
    const Epoch before = epoch;
    take_over(before);
    commit();
    restart(100);
    const Failure failure{"handler-error", "no", true};
    machine.on(Result{before, "w", "", {{id("a"), 1, 500, {}, failure}}}, now, out);
    step();
    ASSERT_EQ(said.settled.failed.size(), 1u);
    EXPECT_EQ(said.settled.failed[0].attempt, 1u);
}

// ---- how old it is, and what belongs together -----------------------------------------------

TEST_F(KeptTest, AMachineThatBeganSinceKnowsHowOldItIs) {
    store(terms("echo"), {"a"});
    succeed("a", 1);
    commit();
    pass(59min);
    now.at = Instant(3s); // it counts from its own beginning
    restart();
    now.at += 2min;
    now.wall += 2min;
    step();
    commit();
    EXPECT_EQ(disk.find(id("a")), nullptr) << "an hour is over";
}

class KeptGroupTest : public KeptTest {
protected:
    void open_group() {
        OpenGroup m;
        m.id = id("g");
        m.parts.push_back({terms("echo"), {{id("a"), Bytes("\xc0", 1)}}});
        m.then = OpenGroup::Callback{id("then"), terms("sum"), {}};
        ask(m);
        take_all();
    }
};

TEST_F(KeptGroupTest, ACallbackOutlivesItsGroup) {
    open_group();
    succeed("a", 1);
    take_all();
    tell(Started{"w", {{2, 1}}});
    commit();
    for (int i = 0; i < 5; ++i) pass(20min); // the group goes; its callback still runs
    commit();
    EXPECT_FALSE(disk.has_group(id("g")));
    ASSERT_NE(disk.find(id("then")), nullptr);
    restart();
    EXPECT_EQ(status("then").state, State::running);
}

TEST_F(KeptGroupTest, AGroupOutlivesItsCallback) {
    open_group();
    ask(AskCancel{id("then")});
    commit();
    for (int i = 0; i < 5; ++i) pass(20min);
    commit();
    EXPECT_EQ(disk.find(id("then")), nullptr);
    restart();
    succeed("a", 1);
    AskGroup group;
    group.id = id("g");
    ask(group);
    EXPECT_EQ(answer<GroupAnswer>().state, State::succeeded);
}

TEST_F(KeptTest, DamagedRowsAreNotTakenForNothing) {
    store(terms("echo"), {"a"});
    Changes all = machine.take_changes();
    all.terms.clear();
    Ledger next(limits, 1, now.at);
    EXPECT_THROW(next.restore(all, now), StoreError);
}

TEST_F(KeptGroupTest, AGroupWithoutItsMembersIsDamaged) {
    open_group();
    Changes all = machine.take_changes();
    all.jobs.erase(all.jobs.begin());
    Ledger next(limits, 1, now.at);
    next.restore(all, now);
    EXPECT_THROW(next.restored(now), StoreError);
}

// ---- attempts, for people -------------------------------------------------------------------

class AttemptsTest : public KeptTest {
protected:
    // Of job 1, as it would be kept.
    Changes::Attempt newest() {
        const Changes changes = machine.take_changes();
        EXPECT_FALSE(changes.attempts.empty());
        return changes.attempts.empty() ? Changes::Attempt() : changes.attempts.back();
    }
};

TEST_F(AttemptsTest, AnAttemptThatTimedOutSaysSo) {
    store(terms("echo"), {"a"});
    tell(Retrying{1, 1, 1s});
    const auto row = newest();
    EXPECT_EQ(row.how, Changes::Attempt::How::failed);
    EXPECT_EQ(row.failure.code, "timeout");
}

TEST_F(AttemptsTest, AFailureOfItsWorkerStaysWhatItSaid) {
    store(terms("echo"), {"a"});
    fail("a", 1);
    tell(Retrying{1, 1, 1s});
    const auto row = newest();
    EXPECT_EQ(row.failure.code, "handler-error");
    EXPECT_NEAR(row.run_seconds, 500e-6, 1e-9);
}

TEST_F(AttemptsTest, ALostOneNamesTheWorkerThatHadIt) {
    store(terms("echo"), {"a"});
    fail("a", 1); // by w
    tell(Retrying{1, 1, 1s});
    tell(Lost{"v", {{1, 2, true}}});
    const auto row = newest();
    EXPECT_EQ(row.how, Changes::Attempt::How::lost);
    EXPECT_EQ(row.worker, "v");
    EXPECT_LT(row.run_seconds, 0) << "nobody knows how long it ran";
}

} // namespace
} // namespace penstock::sink
