// Which kinds a dispatcher knows, what holds for them, and what sink and dispatcher tell each other.

#include "tests/unit/dispatcher_kinds_fixture.hpp"

namespace penstock::ventilator {
namespace {

TEST_F(DispatcherKindsTest, TellsTheSinkWhichKindsJoined) {
    join_up(join("w", 1, {"echo", "add"}));
    machine.join(join("v", 1, {"echo", "late"}), now, out);
    step();
    ASSERT_EQ(told().size(), 1u);
    EXPECT_EQ(told()[0].kind, "late");
}

TEST_F(DispatcherKindsTest, KnowsTheKindsThatTheSinkRemembers) {
    set("render", {});
    EXPECT_EQ(machine.room().kinds, Ids{"render"});
    machine.on(submit(terms("nothing"), {"a"}), now, out);
    step();
    ASSERT_EQ(all_of<Refused>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Refused>(said.to_sink)[0].reason, "unknown-kind");
}

TEST_F(DispatcherKindsTest, WhatTheSinkRemembersWinsFieldByField) {
    KindSettings configured = most(3);
    configured.rate = 1;
    machine.configure_kind("echo", configured);
    set("echo", rate(10));
    EXPECT_EQ(stats("echo").settings.max_running, 3u);
    EXPECT_EQ(stats("echo").settings.rate, 10);
    set("echo", {}); // cleared
    EXPECT_EQ(stats("echo").settings, configured);
}

TEST_F(DispatcherKindsTest, TellsANewSinkWhatTheOldOneRemembered) {
    machine.configure_kind("echo", most(3));
    set("echo", rate(10));
    machine.sink_down();
    machine.sink_up(8, 2, false, out);
    step();
    ASSERT_EQ(told().size(), 1u);
    EXPECT_EQ(told()[0].settings, rate(10)); // not what it was configured with
}

TEST_F(DispatcherKindsTest, TellsASinkThatItHasNothingToTell) {
    machine.sink_up(8, 2, false, out);
    step();
    EXPECT_TRUE(told().empty());
}

TEST_F(DispatcherKindsTest, TellsASinkThatKnowsItNothing) {
    set("echo", rate(10));
    machine.sink_down();
    machine.sink_up(7, 1, false, out);
    step();
    EXPECT_TRUE(all_of<Kinds>(said.to_sink).empty());
}

TEST_F(DispatcherKindsTest, TheTimeoutOfAKindHoldsForJobsThatSayNone) {
    KindSettings settings;
    settings.timeout = 1s;
    join_up(join("w", 2, {"echo"}));
    set("echo", settings);
    Terms own = terms("echo");
    own.timeout = 10s;
    submit_stored(own, {"own"});
    submit_stored(terms("echo"), {"none"});
    pass(1001ms);
    ASSERT_EQ(all_of<Final>(said.to_sink).size(), 1u);
    EXPECT_EQ(all_of<Final>(said.to_sink)[0].number, 2u);
    EXPECT_EQ(all_of<Final>(said.to_sink)[0].failure.code, "timeout");
}

} // namespace
} // namespace penstock::ventilator
