// What the sink remembers of kinds, and how it and ventilators come to agree on it.

#include "sink/ledger.hpp"
#include "tests/support/jobs.hpp"
#include "tests/support/settings.hpp"

#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

using namespace penstock::testing;

class LedgerKindsTest : public ::testing::Test {
protected:
    // A ventilator of a new epoch, and what it is told.
    Kinds meet(std::uint64_t instance) {
        Hello hello;
        hello.instance = instance;
        EXPECT_EQ(machine.hello(hello, 1).error, "");
        return step();
    }

    Kinds step() {
        machine.tick(now, out);
        const Kinds told = out.kinds;
        replies = std::exchange(out, {}).replies;
        return told;
    }

    Kinds tell(std::vector<Kinds::Row> rows) {
        machine.on(ToSink(Kinds{std::move(rows)}), now, out);
        return step();
    }

    Kinds set(const KindSettings& settings, std::vector<std::string> clear = {}) {
        machine.ask(3, {}, AskKind{"render", settings, std::move(clear)}, now, out);
        return step();
    }

    StatusAnswer answer() { return replies.at(0).answer; }

    Now now = both_at(0s);
    Outbox out;
    std::vector<Reply> replies;
    Ledger machine{Limits(), 42, at(0s)};
};

TEST_F(LedgerKindsTest, RecordsASettingAndTellsTheVentilator) {
    meet(1);
    tell({{"render", {}}});
    const Kinds told = set(rate(10));
    ASSERT_EQ(told.rows.size(), 1u);
    EXPECT_EQ(told.rows[0].kind, "render");
    EXPECT_EQ(told.rows[0].settings, rate(10));
    EXPECT_EQ(std::get<KindAnswer>(answer()).settings, rate(10));
}

TEST_F(LedgerKindsTest, SettingsAddUpUntilTheyAreCleared) {
    meet(1);
    tell({});
    set(rate(10));
    set(most(3));
    KindSettings both = rate(10);
    both.max_running = 3;
    EXPECT_EQ(std::get<KindAnswer>(answer()).settings, both);
    EXPECT_EQ(set({}, {"rate"}).rows[0].settings, most(3));
}

TEST_F(LedgerKindsTest, ANewVentilatorIsToldAllKindsAndWhatIsSet) {
    meet(1);
    tell({{"add", {}}, {"render", {}}});
    set(rate(10));
    const Kinds told = meet(2);
    ASSERT_EQ(told.rows.size(), 2u);
    EXPECT_EQ(told.rows[0].kind, "add");
    EXPECT_EQ(told.rows[1].settings, rate(10));
}

TEST_F(LedgerKindsTest, TheSameVentilatorAgainIsToldNothing) {
    meet(1);
    tell({{"render", {}}});
    EXPECT_TRUE(meet(1).rows.empty());
}

TEST_F(LedgerKindsTest, ANewSinkTakesOverWhatTheVentilatorRemembers) {
    EXPECT_TRUE(meet(1).rows.empty());
    tell({{"render", rate(10)}});
    EXPECT_EQ(meet(2).rows.at(0).settings, rate(10));
}

TEST_F(LedgerKindsTest, NothingCanBeSetBeforeAVentilatorWasHeard) {
    meet(1);
    EXPECT_TRUE(set(rate(10)).rows.empty());
    EXPECT_EQ(std::get<JobAnswer>(answer()).found, Found::starting);
}

TEST_F(LedgerKindsTest, WhatWasSetHereWinsOverWhatAVentilatorRemembers) {
    meet(1);
    tell({{"render", {}}});
    set(rate(10));
    meet(2);
    const Kinds corrected = tell({{"render", most(3)}});
    ASSERT_EQ(corrected.rows.size(), 1u);
    EXPECT_EQ(corrected.rows[0].settings, rate(10));
}

TEST_F(LedgerKindsTest, AVentilatorThatWasToldOtherwiseMeanwhileIsToldAgain) {
    meet(1);
    tell({{"render", {}}}); // the first to come knows the name only
    meet(2);                // so this one is told that nothing is set,
    const Kinds corrected = tell({{"render", rate(10)}}); // which crosses what it remembers
    EXPECT_EQ(corrected.rows.at(0).settings, rate(10));
}

TEST_F(LedgerKindsTest, RemembersNoMoreKindsThanItsLimit) {
    meet(1);
    std::vector<Kinds::Row> many;
    for (std::size_t i = 0; i < KnownKinds::kMost; ++i) many.push_back({"k" + std::to_string(i), {}});
    tell(std::move(many));
    set(rate(10));
    EXPECT_EQ(std::get<JobAnswer>(answer()).found, Found::refused);
}

} // namespace
} // namespace penstock::sink
