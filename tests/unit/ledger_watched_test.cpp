// What can be seen of jobs at the sink: events, progress, pieces of results, and times.

#include "tests/unit/ledger_fixture.hpp"

namespace penstock::sink {
namespace {

using namespace penstock::testing;

class LedgerWatched : public LedgerTest {
protected:
    LedgerWatched() { machine.chronicle().listen(true); }

    void store(const Terms& t, const char* job) { LedgerTest::store(t, {job}); }

    void start(JobNumber number, std::uint32_t attempt) { tell(Started{"w", {{number, attempt}}}); }

    void piece(const char* job, std::uint32_t attempt, Bytes value) {
        machine.on(Partial{id(job), attempt, value}, out);
        step();
    }

    void ask_partials(const char* job, std::uint32_t from) {
        ask(AskPartials{id(job), from, 5s});
    }

    std::vector<Event> heard() { return machine.chronicle().take().rows; }

    std::vector<std::string> names() {
        Names told;
        for (const auto& event : heard()) {
            told.push_back(event.id.text() + " " + std::string(to_string(event.what)) + " " +
                          std::to_string(event.attempt));
        }
        return told;
    }

    using Names = std::vector<std::string>;
};

TEST_F(LedgerWatched, TheLifeOfAJobIsToldInOrder) {
    store(terms("echo"), "a");
    start(1, 1);
    machine.on(Progress{id("a"), 1, 0.5, "half"});
    fail("a", 1);
    tell(Retrying{1, 1, 1s});
    start(1, 2);
    succeed("a", 2);
    EXPECT_EQ(names(), (Names{"a stored 0", "a running 1", "a progress 1", "a retrying 1",
                              "a running 2", "a succeeded 2"}));
}

TEST_F(LedgerWatched, EveryEndIsToldByItsName) {
    for (const State state : {State::failed, State::cancelled, State::expired,
                              State::quarantined}) {
        store(terms("echo"), std::string(to_string(state)).c_str());
        tell(Final{next_number - 1, state, {"why", "", false}});
        const auto events = heard();
        EXPECT_EQ(to_string(events.back().what), to_string(state));
        EXPECT_EQ(events.back().note, "why");
    }
}

TEST_F(LedgerWatched, AnEventSaysWhatItsReadersFilterBy) {
    Terms t = terms("echo");
    t.tags = {"nightly"};
    store(t, "a");
    machine.on(Progress{id("a"), 1, 2.0 / 3, "most"});
    step();
    const auto events = heard();
    EXPECT_EQ(events[0].kind, "echo");
    EXPECT_EQ(events[0].tags, std::vector<std::string>{"nightly"});
    EXPECT_EQ(events[1].progress, 0.666667);
    EXPECT_EQ(events[1].note, "most");
    EXPECT_EQ(status("a").progress, 0.666667);
}

TEST_F(LedgerWatched, WhatChangesNothingIsNoEvent) {
    store(terms("echo"), "a");
    succeed("a", 1);
    names();
    store(terms("echo"), "a"); // a duplicate
    succeed("a", 1);
    machine.on(Progress{id("a"), 1, 0.5, ""});
    piece("a", 1, "\x01");
    EXPECT_EQ(names(), Names{});
}

TEST_F(LedgerWatched, APieceIsThereAtOnce) {
    store(terms("count"), "a");
    piece("a", 1, "\x01");
    ask_partials("a", 0);
    EXPECT_EQ(answer<PartialsAnswer>().rows.at(0).value, "\x01");
    EXPECT_EQ(status("a").partials, 1u);
    EXPECT_EQ(status("a").state, State::running);
}

TEST_F(LedgerWatched, WhoAsksForPiecesWaitsUntilThereAreSome) {
    store(terms("count"), "a");
    ask_partials("a", 0);
    EXPECT_TRUE(said.replies.empty());
    piece("a", 1, "\x01");
    EXPECT_EQ(answer<PartialsAnswer>().next, 1u);
}

TEST_F(LedgerWatched, WhoAsksForPiecesIsToldThatThereAreNoMore) {
    store(terms("count"), "a");
    ask_partials("a", 0);
    succeed("a", 1);
    EXPECT_TRUE(answer<PartialsAnswer>().finished);
}

TEST_F(LedgerWatched, WhoAsksForPiecesWaitsNoLongerThanAsked) {
    store(terms("count"), "a");
    ask_partials("a", 0);
    EXPECT_EQ(machine.wake_at(), at(5s));
    pass(5s);
    EXPECT_TRUE(answer<PartialsAnswer>().rows.empty());
    EXPECT_FALSE(answer<PartialsAnswer>().finished);
}

TEST_F(LedgerWatched, ThePiecesOfAnUnknownJobAreUnknown) {
    ask_partials("a", 0);
    EXPECT_EQ(answer<PartialsAnswer>().found, Found::unknown);
}

TEST_F(LedgerWatched, ALostAttemptTakesItsPiecesWithIt) {
    store(terms("count"), "a");
    piece("a", 1, "\x01");
    ask_partials("a", 1);
    tell(Lost{"w", {{1, 1, true}}});
    EXPECT_TRUE(answer<PartialsAnswer>().rows.at(0).lost);
    piece("a", 2, "\x02");
    piece("a", 1, "\x03"); // the dead have nothing more to say
    ask_partials("a", 2);
    EXPECT_EQ(answer<PartialsAnswer>().rows.size(), 1u);
}

TEST_F(LedgerWatched, WhatALostAttemptDroppedIsNoMoreMissed) {
    store(terms("count"), "a");
    piece("a", 1, std::string(2u << 20, 'x'));
    tell(Lost{"w", {{1, 1, false}}});
    piece("a", 2, "\x01");
    EXPECT_EQ(status("a").partials, 1u);
}

TEST_F(LedgerWatched, AFailedAttemptTakesItsPiecesWithItIfAnotherFollows) {
    store(terms("count"), "a");
    piece("a", 1, "\x01");
    fail("a", 1);
    tell(Retrying{1, 1, 1s});
    ask_partials("a", 0);
    EXPECT_TRUE(answer<PartialsAnswer>().rows.at(0).lost);
}

TEST_F(LedgerWatched, PiecesCountAsBytesAndGoWithTheirJob) {
    const std::string large(100'000, 'x');
    store(terms("count"), "a");
    ask(AskStats{});
    const auto before = answer<SinkStats>().bytes;
    piece("a", 1, large);
    ask(AskStats{});
    EXPECT_GE(answer<SinkStats>().bytes, before + large.size());
    succeed("a", 1);
    pass(Limits().result_ttl + 1s);
    ask(AskStats{});
    EXPECT_EQ(answer<SinkStats>().bytes, 0u);
}

TEST_F(LedgerWatched, NothingOfAJobIsFoundInTheNextOneAtItsPlace) {
    store(terms("count"), "a");
    piece("a", 1, std::string(2u << 20, 'x')); // none is kept, and one was dropped
    succeed("a", 1);
    pass(Limits().result_ttl + 1s);
    store(terms("count"), "b");
    succeed("b", 1);
    ask_partials("b", 0);
    EXPECT_EQ(answer<PartialsAnswer>().next, 0u);
}

TEST_F(LedgerWatched, SaysWhereTheTimeWent) {
    store(terms("echo"), "a");
    pass(100ms);
    Result result{1, "w", "", {{id("a"), 1, 50'000, Bytes("\x07", 1), {}, 10'000}}};
    result.queued_us = 30'000;
    machine.on(result, now, out);
    const JobView view = status("a");
    EXPECT_NEAR(view.queue, 0.030, 1e-6);
    EXPECT_NEAR(view.dispatch, 0.010, 1e-6);
    EXPECT_NEAR(view.run, 0.050, 1e-6);
    EXPECT_NEAR(view.back, 0.010, 1e-6);
}

TEST_F(LedgerWatched, ADelayIsNoTimeOnTheWay) {
    Terms t = terms("echo");
    t.delay = 10s;
    store(t, "a");
    pass(10s + 50ms);
    Result result{1, "w", "", {{id("a"), 1, 50'000, Bytes("\x07", 1), {}}}};
    result.queued_us = 1;
    machine.on(result, now, out);
    EXPECT_LT(status("a").back, 0.001);
}

TEST_F(LedgerWatched, DoesNotSayWhatItCanNotKnow) {
    store(terms("echo"), "a");
    tell(Final{1, State::expired, {}});
    EXPECT_LT(status("a").run, 0); // it never ran
    store(terms("echo"), "b");
    pass(100ms);
    succeed("b", 1); // a worker that hands back no queue time
    EXPECT_GE(status("b").run, 0);
    EXPECT_LT(status("b").queue, 0);
    EXPECT_LT(status("b").back, 0);
}

TEST_F(LedgerWatched, QueueingAndRunningAreCountedApart) {
    store(terms("echo"), "a");
    pass(10s);
    Result result{1, "w", "", {{id("a"), 1, 2'000'000, Bytes("\x07", 1), {}, 1'000'000}}};
    result.queued_us = 3'000'000;
    machine.on(result, now, out);
    ask(AskStats{});
    const SinkKind kind = answer<SinkStats>().kinds.at(0);
    EXPECT_NEAR(kind.queue.sum, 4.0, 1e-3);
    EXPECT_NEAR(kind.run.sum, 2.0, 1e-3);
    EXPECT_NEAR(kind.total.sum, 10.0, 1e-3);
}

TEST_F(LedgerWatched, JobsThatRanAndFailedAreCountedToo) {
    store(terms("echo"), "a");
    store(terms("echo"), "b");
    pass(10s);
    const Failure no{"handler-error", "no", false};
    machine.on(Result{1, "w", "", {{id("a"), 1, 2'000'000, {}, no}}}, now, out);
    tell(Final{1, State::failed, no});
    tell(Final{2, State::expired, {}}); // this one never ran
    ask(AskStats{});
    const SinkKind kind = answer<SinkStats>().kinds.at(0);
    EXPECT_NEAR(kind.run.sum, 2.0, 1e-3);
    EXPECT_NEAR(kind.queue.sum, 8.0, 1e-3);
    EXPECT_NEAR(kind.total.sum, 20.0, 1e-3);
}

} // namespace
} // namespace penstock::sink
