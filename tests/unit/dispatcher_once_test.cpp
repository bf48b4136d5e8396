// Jobs that must not run twice (redeliver is false): whoever they were sent to may have begun them.

#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

class OnceTest : public DispatcherTest {
protected:
    OnceTest() {
        Join sdk = join("w", 1, {"echo"});
        sdk.heartbeats = true;
        lane = join_up(sdk);
        Terms once = terms("echo");
        once.redeliver = false;
        submit_stored(once, {"a", "b", "c", "d"});
        now += 1ms;
        tell(Settled{{{1, 1, 1, 100}}, {}}); // they are short, so the others are sent ahead
        held = sent.size();
        EXPECT_GE(held, 2u);
        said = {};
    }

    void pass_seconds(int seconds) {
        for (int i = 0; i < 4 * seconds; ++i) {
            pass(250ms);
            for (auto& each : all_of<Lost>(said.to_sink)) lost.push_back(each);
        }
    }

    void expect_all_suspects() {
        ASSERT_EQ(lost.size(), 1u);
        EXPECT_EQ(lost[0].rows.size(), held);
        for (const auto& row : lost[0].rows) EXPECT_TRUE(row.suspect) << row.number;
    }

    LaneId lane = 0;
    std::size_t held = 0; // sent, and not answered
    std::vector<Lost> lost;
};

TEST_F(OnceTest, FailsWhenItsWorkerIsLost) {
    machine.lane_down(lane, out);
    step();
    lost = all_of<Lost>(said.to_sink);
    expect_all_suspects();
    tell(Open{{{2, 1}}});
    const auto finals = all_of<Final>(said.to_sink);
    ASSERT_EQ(finals.size(), 1u);
    EXPECT_EQ(finals[0].outcome, State::failed);
    EXPECT_EQ(finals[0].failure.code, "worker-lost");
}

TEST_F(OnceTest, IsNotTakenFromASilentWorkerThatMayWakeUp) {
    pass_seconds(59);
    EXPECT_TRUE(lost.empty());
    pass_seconds(5);
    expect_all_suspects();
}

TEST_F(OnceTest, GoesElsewhereWhenItsWorkerHandsItBack) {
    machine.on(Bye{"w", {3}}, out);
    step();
    lost = all_of<Lost>(said.to_sink);
    ASSERT_EQ(lost.size(), 1u);
    ASSERT_EQ(lost[0].rows.size(), 1u);
    EXPECT_EQ(lost[0].rows[0].number, 3u);
    EXPECT_FALSE(lost[0].rows[0].suspect);
}

TEST_F(OnceTest, FailsWithAWorkerThatEndsBeforeItIsDone) {
    machine.on(Bye{"w", {}}, out);
    machine.lane_down(lane, out);
    step();
    lost = all_of<Lost>(said.to_sink);
    expect_all_suspects();
}

TEST_F(OnceTest, FailsWithAWorkerThatComesBackAndNamesItNot) {
    Join again = join("w", 1, {"echo"});
    again.heartbeats = true;
    join_up(again);
    lost = all_of<Lost>(said.to_sink);
    expect_all_suspects();
}

} // namespace
} // namespace penstock::ventilator
