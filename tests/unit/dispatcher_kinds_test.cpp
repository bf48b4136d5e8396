// Which kinds a dispatcher knows, what holds for them, and what sink and dispatcher tell each other.

#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

class DispatcherKindsTest : public DispatcherTest {
protected:
    static KindSettings rate(double a_second) {
        KindSettings settings;
        settings.rate = a_second;
        return settings;
    }

    static KindSettings most(std::uint32_t running) {
        KindSettings settings;
        settings.max_running = running;
        return settings;
    }

    static KindSettings paused(bool yes) {
        KindSettings settings;
        settings.paused = yes;
        return settings;
    }

    void set(const std::string& kind, const KindSettings& settings) {
        tell(Kinds{{{kind, settings}}});
    }

    DispatchKind stats(const std::string& kind) {
        for (const auto& each : machine.stats(now).kinds) {
            if (each.kind == kind) return each;
        }
        return {};
    }

    // Of the only `kinds` message that was said.
    std::vector<Kinds::Row> told() {
        const auto messages = all_of<Kinds>(said.to_sink);
        EXPECT_EQ(messages.size(), 1u);
        return messages.empty() ? std::vector<Kinds::Row>() : messages[0].rows;
    }
};

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
    machine.sink_up(8, 2, out);
    step();
    ASSERT_EQ(told().size(), 1u);
    EXPECT_EQ(told()[0].settings, rate(10)); // not what it was configured with
}

TEST_F(DispatcherKindsTest, TellsASinkThatItHasNothingToTell) {
    machine.sink_up(8, 2, out);
    step();
    EXPECT_TRUE(told().empty());
}

TEST_F(DispatcherKindsTest, TellsASinkThatKnowsItNothing) {
    set("echo", rate(10));
    machine.sink_down();
    machine.sink_up(7, 1, out);
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

// ---- what holds for all jobs of a kind ----------------------------------------------------

TEST_F(DispatcherKindsTest, APausedKindWaitsAndOthersDoNot) {
    join_up(join("w", 4, {"echo", "add"}));
    set("echo", paused(true));
    submit_stored(terms("echo"), {"waits"});
    submit_stored(terms("add"), {"goes"});
    EXPECT_EQ(sent_ids(), Ids{"goes"});
    set("echo", paused(false));
    EXPECT_EQ(sent_ids(), Ids{"waits"});
}

TEST_F(DispatcherKindsTest, APauseTakesNothingBack) {
    join_up(join("w", 4, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    const Sent job = sent[0];
    set("echo", paused(true));
    EXPECT_EQ(cancels(), 0u);
    settle(job);
    EXPECT_EQ(machine.open_jobs(), 0u);
}

TEST_F(DispatcherKindsTest, NoMoreRunThanMayOnAllWorkersTogether) {
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

TEST_F(DispatcherKindsTest, WhatRunsNeverExceedsAnotherPoolsShare) {
    set("echo", most(1));
    join_up(join("w", 4, {"echo", "add"}));
    join_up(join("v", 4, {"echo"})); // another pool: the limit is of the kind
    submit_stored(terms("echo"), {"a", "b"});
    EXPECT_EQ(sent.size(), 1u);
}

TEST_F(DispatcherKindsTest, AnAttemptThatTimedOutCountsUntilItsWorkerAnswers) {
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

TEST_F(DispatcherKindsTest, WhatADeadWorkerHeldCountsNoMore) {
    set("echo", most(1));
    const LaneId lane = join_up(join("w", 1, {"echo"}));
    join_up(join("v", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    const bool on_w = sent[0].lane == lane;
    machine.lane_down(sent[0].lane, out);
    submit_stored(terms("echo"), {"b"});
    EXPECT_EQ(sent_ids(), Ids{"b"}) << on_w;
}

TEST_F(DispatcherKindsTest, SoManyASecondAndItSaysWhen) {
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

TEST_F(DispatcherKindsTest, ARateHoldsOverAMinute) {
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

TEST_F(DispatcherKindsTest, WhoIsHeldByARateAloneDoesNotSpin) {
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

TEST_F(DispatcherKindsTest, ASinkThatIsAwayDoesNotMakeARateSpin) {
    set("echo", rate(1));
    submit_stored(terms("echo"), {"a", "b"});
    join_up(join("w", 9, {"echo"}));
    machine.sink_down();
    pass(5s);
    EXPECT_GT(machine.wake_at(), now);
}

TEST_F(DispatcherKindsTest, SuspectsAreHeldToo) {
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
