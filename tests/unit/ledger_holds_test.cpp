// A sink that began again and the ventilator that outlived it: what each still knows, and what is kept
// being older than what was promised.

#include "tests/unit/ledger_kept_fixture.hpp"

namespace penstock::sink {
namespace {

using HoldsTest = KeptTest;

TEST_F(HoldsTest, OfWhatTheVentilatorHoldsItSaysWhatHasEndedAndWhatIsToBeStopped) {
    store(terms("echo"), {"a", "b", "c"});
    tell(Started{"w", {{3, 1}}});
    machine.ask(3, Request(17), AskCancel{id("c")}, now, out);
    succeed("a", 1);
    commit();
    restart();
    tell(Holds{{{1, 3}}});
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 0, 0}}));
    EXPECT_EQ(said.cancel.numbers, std::vector<JobNumber>{3});
}

TEST_F(HoldsTest, ResultsThatComeBeforeTheVentilatorAreSettledWhenItIsThere) {
    store(terms("echo"), {"a", "b"});
    commit();
    machine.~Ledger(); // as in restart, and nobody says hello yet
    new (&machine) Ledger(limits, 77, now.at);
    machine.restore(disk.read(), now);
    machine.restored(now);
    const Failure failure{"handler-error", "no", true};
    machine.on(Result{epoch, "w", "", {{id("a"), 1, 500, Bytes("\x07", 1), {}}}}, now, out);
    machine.on(Result{epoch, "w", "", {{id("b"), 1, 500, {}, failure}}}, now, out);
    step();
    EXPECT_TRUE(said.settled.rows.empty() && said.settled.failed.empty());
    Hello hello;
    hello.instance = 99;
    hello.epoch = epoch;
    EXPECT_TRUE(machine.hello(hello, 78).remembers);
    step();
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 1, 500}}));
    ASSERT_EQ(said.settled.failed.size(), 1u);
    EXPECT_EQ(said.settled.failed[0].number, 2u);
    step();
    EXPECT_TRUE(said.settled.rows.empty()); // said once
}

TEST_F(HoldsTest, AJobThatIsStoredAgainIsNoDuplicate) {
    store(terms("echo"), {"a"});
    commit();
    restart();
    store_again("a", 1);
    EXPECT_EQ(said.stored.rows, (std::vector<Range>{{1, 1}}));
    EXPECT_TRUE(said.stored.duplicates.empty());
    store_again("a", 5); // that is somebody else's
    EXPECT_EQ(said.stored.duplicates, std::vector<JobNumber>{5});
}

TEST_F(HoldsTest, AJobThatHasEndedIsSettledWhenItIsStoredAgain) {
    store(terms("echo"), {"a"});
    succeed("a", 1);
    commit();
    restart();
    store_again("a", 1);
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 0, 0}}));
}

// ---- what is kept is older than what was promised -------------------------------------------

class OlderTest : public KeptTest {
protected:
    void put_back(const testing::KeptRows& copy) {
        disk = copy;
        restart();
    }

    // What is kept is from before "a" ended; the ventilator has forgotten it, and holds "b".
    void lose_the_end_of_a() {
        store(terms("echo"), {"a", "b"});
        commit();
        const auto copy = disk;
        succeed("a", 1);
        commit();
        put_back(copy);
        tell(Holds{{{2, 1}}});
        ASSERT_EQ(offered(), std::vector<std::string>{"a"});
    }
};

TEST_F(OlderTest, WhatItNeverHadIsStoredAgain) {
    store(terms("echo"), {"a"});
    commit();
    const auto copy = disk;
    store(terms("echo"), {"b", "c"});
    commit();
    put_back(copy);
    tell(Holds{{{1, 3}}});
    EXPECT_EQ(said.stored.unknown, (std::vector<Range>{{2, 2}}));
    EXPECT_TRUE(said.settled.rows.empty()) << "they have not ended";
    store_again("b", 2);
    EXPECT_EQ(said.stored.rows, (std::vector<Range>{{2, 1}}));
}

// It is said where nothing else is to be said.
TEST_F(OlderTest, JobsThatItNeverHadAreAllThatItNames) {
    restart();
    tell(Holds{{{1, 3}}});
    EXPECT_FALSE(said.empty());
    std::vector<FromSink> on_link;
    said.say_on_link([&](const FromSink& message) { on_link.push_back(message); });
    ASSERT_EQ(on_link.size(), 1u);
    EXPECT_EQ(std::get<Stored>(on_link[0]).unknown, (std::vector<Range>{{1, 3}}));
}

TEST_F(OlderTest, WhatEndedSinceIsOpenAgainAndRuns) {
    lose_the_end_of_a();
    EXPECT_TRUE(said.stored.unknown.empty() && said.settled.rows.empty());
}

// A worker of it is heard of, but there is no ventilator who could tell that worker.
TEST_F(OlderTest, WhatNobodyHoldsIsCancelledAtOnceThoughItIsSaidToRun) {
    lose_the_end_of_a();
    machine.on(Partial{id("a"), 1, Bytes("\x07", 1)}, out);
    ask(AskCancel{id("a")});
    EXPECT_EQ(answer<CancelAnswer>().result, CancelResult::cancelled);
    EXPECT_TRUE(said.cancel.numbers.empty());
    EXPECT_EQ(status("a").state, State::cancelled);
}

TEST_F(OlderTest, WhatIsHeldIsNamedInSeveralMessages) {
    store(terms("echo"), {"a", "b"});
    commit();
    restart();
    tell(Holds{{{1, 1}}, true});
    EXPECT_TRUE(offered().empty()) << "the rest is still to be named";
    tell(Holds{{{2, 1}}});
    EXPECT_TRUE(offered().empty());
}

TEST_F(OlderTest, WhatEndedAndIsGoneIsStillSettled) {
    store(terms("echo"), {"a"});
    succeed("a", 1);
    commit();
    pass(2h);
    commit();
    ASSERT_EQ(disk.find(id("a")), nullptr);
    restart();
    tell(Holds{{{1, 1}}});
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 0, 0}}));
    EXPECT_TRUE(said.stored.unknown.empty()) << "it would run twice";
}

TEST_F(OlderTest, ANumberThatIsTakenIsNotTakenTwice) {
    store(terms("echo"), {"a"});
    commit();
    restart();
    store_again("b", 1);
    EXPECT_TRUE(said.stored.rows.empty());
    store_again("b", 1u << 30);
    EXPECT_TRUE(said.stored.rows.empty()) << "so far away no ventilator is";
}

TEST_F(OlderTest, MoreThanCanBeHeldIsNotBelieved) {
    tell(Holds{{{1, UINT32_MAX}, {1, UINT32_MAX}}});
    EXPECT_TRUE(said.stored.unknown.empty() && said.settled.rows.empty());
}

} // namespace
} // namespace penstock::sink
