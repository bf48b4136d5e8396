// Jobs that no ventilator has: how the ledger finds them after a ventilator died, and hands them on.

#include "tests/unit/ledger_fixture.hpp"

#include <algorithm>

namespace penstock::sink {
namespace {

using OffersTest = LedgerTest;

TEST_F(OffersTest, OffersEveryOpenJobToANewVentilator) {
    store(terms("echo"), {"a", "b", "c"});
    succeed("b", 1);
    next_ventilator();
    EXPECT_EQ(offered(), (std::vector<std::string>{"a", "c"}));
    EXPECT_EQ(said.takes.at(0).terms, terms("echo"));
    EXPECT_EQ(said.takes.at(0).rows.at(0).payload, Bytes("\xa1p", 2));
}

TEST_F(OffersTest, SaysStoredWhenTheyWereTaken) {
    store(terms("echo"), {"a", "b"});
    next_ventilator();
    tell(taken());
    EXPECT_EQ(said.stored.rows, (std::vector<Range>{{1, 2}}));
    EXPECT_TRUE(offered().empty());
    machine.on(Result{2, "w", "", {{id("b"), 1, 500, Bytes("\x07", 1), {}}}}, now, out);
    step();
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{2, 1, 1, 500}}));
}

TEST_F(OffersTest, TellsWhatWasUsedOfAJob) {
    store(terms("echo"), {"a"});
    tell(Started{"w", {{1, 2}}});
    tell(Lost{"w", {{1, 2, true}}});
    tell(Started{"w", {{1, 3}}});
    pass(5s);
    next_ventilator();
    const Take::Row row = said.takes.at(0).rows.at(0);
    EXPECT_EQ(row.attempt, 3u); // it may be running still
    EXPECT_EQ(row.deaths, 1u);
    EXPECT_EQ(row.age, 5s);
    EXPECT_EQ(status("a").state, State::running);
    next_ventilator();
    take_all();
    EXPECT_EQ(status("a").state, State::queued);
}

TEST_F(OffersTest, OffersNothingTwiceToOneVentilator) {
    store(terms("echo"), {"a"});
    next_ventilator();
    EXPECT_EQ(offered().size(), 1u);
    pass(1h - 1s);
    EXPECT_TRUE(offered().empty());
}

TEST_F(OffersTest, OffersAgainToTheNextWhatNobodyTook) {
    store(terms("echo"), {"a", "b"});
    next_ventilator();
    next_ventilator();
    EXPECT_EQ(offered(), (std::vector<std::string>{"a", "b"}));
    take_all();
    EXPECT_EQ(said.stored.rows, (std::vector<Range>{{1, 2}}));
}

TEST_F(OffersTest, WaitsForTheVentilatorsConnection) {
    store(terms("echo"), {"a"});
    machine.set_ventilator_up(false);
    next_ventilator();
    EXPECT_TRUE(offered().empty());
    machine.set_ventilator_up(true);
    step();
    EXPECT_EQ(offered().size(), 1u);
}

TEST_F(OffersTest, AnOfferedJobThatWasCancelledIsForgottenByItsTaker) {
    store(terms("echo"), {"a", "b"});
    next_ventilator();
    const Taken late = taken();
    ask(AskCancel{id("a")});
    EXPECT_EQ(answer<CancelAnswer>().result, CancelResult::cancelled);
    tell(late);
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 0, 0}}));
    EXPECT_EQ(said.stored.rows, (std::vector<Range>{{2, 1}}));
}

TEST_F(OffersTest, AJobThatWasBeingCancelledDoesNotRunAgain) {
    store(terms("echo"), {"a"});
    tell(Started{"w", {{1, 1}}});
    ask(AskCancel{id("a")});
    EXPECT_EQ(answer<CancelAnswer>().result, CancelResult::telling_worker);
    next_ventilator();
    EXPECT_TRUE(offered().empty());
    EXPECT_EQ(status("a").state, State::cancelled);
}

TEST_F(OffersTest, ALateSuccessUnderTheOldVentilatorCounts) {
    store(terms("echo"), {"a"});
    tell(Started{"w", {{1, 1}}});
    next_ventilator();
    const Taken late = taken();
    succeed("a", 1); // of epoch 1
    EXPECT_EQ(status("a").state, State::succeeded);
    tell(late);
    EXPECT_EQ(said.settled.rows, (std::vector<SettledRow>{{1, 1, 0, 0}}));
}

TEST_F(OffersTest, WhatANewVentilatorStoredItselfIsNotOffered) {
    store(terms("echo"), {"old"});
    Hello hello;
    hello.instance = ++instance;
    machine.hello(hello, 1);
    next_number = 1;
    store(terms("echo"), {"new"});
    EXPECT_EQ(offered(), std::vector<std::string>{"old"});
}

TEST_F(OffersTest, ATakenOfNothingIsDropped) {
    tell(Taken{1, {id("a")}});
    EXPECT_TRUE(said.stored.rows.empty());
    ask(AskStats{});
    EXPECT_EQ(answer<SinkStats>().malformed, 1u);
}

// Ten thousand looks at a time, four thousand on offer: nobody waits for a million of them.
TEST_F(OffersTest, HandsOverManyInPages) {
    constexpr JobNumber kJobs = 25'000;
    Store many{1, terms("echo"), {}};
    for (JobNumber n = 1; n <= kJobs; ++n) {
        many.rows.push_back({id("j" + std::to_string(n)), Bytes("\xa1p", 2), 0, 0});
    }
    tell(many);
    next_ventilator();
    EXPECT_EQ(offered().size(), 4096u);
    EXPECT_LE(machine.wake_at(), now.at); // there is more to look at
    std::vector<std::string> all;
    JobNumber stored = 0;
    for (int pages = 0; !offered().empty() && pages < 100; ++pages) {
        for (const auto& take : said.takes) EXPECT_LE(take.rows.size(), 512u);
        const auto page = offered();
        all.insert(all.end(), page.begin(), page.end());
        tell(taken());
        for (const Range& range : said.stored.rows) stored += range.count;
    }
    EXPECT_EQ(stored, kJobs);
    EXPECT_EQ(all.size(), kJobs);
    EXPECT_EQ(all.front(), "j1");
    EXPECT_EQ(all.back(), "j25000"); // in the order in which they were stored
    std::sort(all.begin(), all.end());
    EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
    EXPECT_GT(machine.wake_at(), now.at);
}

TEST_F(OffersTest, WhatWasTakenUnderAnotherIdIsOfferedAgain) {
    store(terms("echo"), {"a"});
    next_ventilator();
    ASSERT_EQ(offered(), std::vector<std::string>{"a"});
    tell(Taken{next_number++, {id("other")}});
    EXPECT_TRUE(said.stored.rows.empty());
    EXPECT_EQ(offered(), std::vector<std::string>{"a"});
    take_all();
    EXPECT_EQ(said.stored.rows, (std::vector<Range>{{2, 1}}));
}

} // namespace
} // namespace penstock::sink
