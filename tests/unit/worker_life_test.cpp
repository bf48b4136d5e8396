// The life of a worker as scripts of events and times.

#include "tests/support/jobs.hpp"
#include "workers/life.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace penstock::worker {
namespace {

using namespace penstock::testing;

class LifeTest : public ::testing::Test {
protected:
    Life life{LifeTimes(), at(0s)};
    Duration now{0};
    Life::Actions actions;

    void pass(Duration time) {
        now += time;
        tick();
    }

    void pass_in_steps(Duration time) {
        Life::Actions all;
        for (Duration gone{0}; gone < time; gone += 100ms) {
            pass(100ms);
            all.insert(all.end(), actions.begin(), actions.end());
        }
        actions = all;
    }

    void tick() {
        actions.clear();
        life.tick(at(now), 1.0, actions);
    }

    void answer(const Lane& lane) {
        actions.clear();
        life.answered(lane, at(now), 1.0, actions);
    }

    void up() {
        actions.clear();
        life.lane_up(at(now), actions);
    }

    void down() {
        actions.clear();
        life.lane_down(at(now), 1.0, actions);
    }

    void drain() {
        actions.clear();
        life.drain(at(now), actions);
    }

    void serve() {
        tick();
        answer(lane(7));
        up();
    }

    static Lane lane(Epoch epoch) {
        Lane out;
        out.endpoint = "tcp://*:20000";
        out.epoch = epoch;
        out.ping = 1s;
        return out;
    }

    static Lane refusal() {
        Lane out;
        out.error = "draining";
        return out;
    }

    template <class What>
    [[nodiscard]] bool did() const {
        return std::any_of(actions.begin(), actions.end(),
                           [](const auto& action) { return std::holds_alternative<What>(action); });
    }
};

TEST_F(LifeTest, asks_at_once_and_dials_what_it_is_answered) {
    tick();
    EXPECT_TRUE(did<Life::AskToJoin>());
    answer(lane(1));
    EXPECT_TRUE(did<Life::StopAsking>());
    EXPECT_TRUE(did<Life::DialLane>());
}

TEST_F(LifeTest, heartbeats_when_the_lane_is_up_and_twice_a_second_from_then_on) {
    serve();
    EXPECT_TRUE(did<Life::Heartbeat>());
    pass(400ms);
    EXPECT_FALSE(did<Life::Heartbeat>());
    EXPECT_EQ(life.wake_at(), at(500ms));
    pass(100ms);
    EXPECT_TRUE(did<Life::Heartbeat>());
}

TEST_F(LifeTest, a_refusal_doubles_the_pause_up_to_two_seconds) {
    tick();
    for (const auto pause : {200ms, 400ms, 800ms, 1600ms, 2000ms, 2000ms}) {
        answer(refusal());
        EXPECT_EQ(life.wake_at(), at(now + pause));
        pass(pause);
        EXPECT_TRUE(did<Life::AskToJoin>());
    }
}

TEST_F(LifeTest, chance_halves_a_pause_at_most) {
    tick();
    actions.clear();
    life.answered(refusal(), at(now), 0.0, actions);
    EXPECT_EQ(life.wake_at(), at(now + 100ms));
}

TEST_F(LifeTest, who_does_not_answer_is_asked_again_and_never_left_unasked) {
    tick();
    for (int i = 0; i < 5; ++i) {
        pass(2s);
        EXPECT_TRUE(did<Life::StopAsking>());
        EXPECT_TRUE(did<Life::AskToJoin>());
    }
}

TEST_F(LifeTest, a_ventilator_that_is_gone_for_a_minute_is_asked_for_all_the_time) {
    serve();
    pass(1s);
    down();
    const Duration gone = now;
    Duration asked = now;
    while (now < gone + 60s) {
        pass(100ms);
        if (did<Life::AskToJoin>()) asked = now;
        EXPECT_LE(now - asked, 2s);
        EXPECT_FALSE(did<Life::DropWaiting>() || did<Life::HandBack>()) << "what runs goes on";
    }
    while (!did<Life::AskToJoin>()) pass(100ms);
    answer(lane(8));
    up();
    EXPECT_EQ(life.epoch(), 8u);
    EXPECT_TRUE(life.takes(8));
}

TEST_F(LifeTest, a_lane_that_lived_is_asked_for_again_at_once) {
    serve();
    pass(1s);
    down();
    EXPECT_TRUE(did<Life::LeaveLane>());
    EXPECT_TRUE(did<Life::DropWaiting>());
    EXPECT_TRUE(did<Life::AskToJoin>());
}

TEST_F(LifeTest, a_lane_that_breaks_at_once_is_not) {
    serve();
    down();
    EXPECT_FALSE(did<Life::AskToJoin>());
    pass(200ms);
    EXPECT_TRUE(did<Life::AskToJoin>());
}

TEST_F(LifeTest, a_lane_that_never_comes_up_is_given_up) {
    tick();
    answer(lane(1));
    pass_in_steps(2s);
    EXPECT_TRUE(did<Life::LeaveLane>());
}

TEST_F(LifeTest, three_ping_periods_of_silence_end_the_lane) {
    serve();
    pass_in_steps(3s);
    EXPECT_FALSE(did<Life::LeaveLane>());
    pass(100ms);
    EXPECT_TRUE(did<Life::LeaveLane>());
    EXPECT_TRUE(did<Life::AskToJoin>());
}

TEST_F(LifeTest, any_message_is_a_sign_of_life) {
    serve();
    pass_in_steps(2900ms);
    life.heard(at(now));
    pass_in_steps(2900ms);
    EXPECT_FALSE(did<Life::LeaveLane>());
}

TEST_F(LifeTest, a_process_that_was_stopped_drops_what_waits_and_joins_again) {
    serve();
    pass(1500ms);
    EXPECT_FALSE(did<Life::DropWaiting>());
    pass(1501ms);
    EXPECT_TRUE(did<Life::DropWaiting>());
    EXPECT_TRUE(did<Life::AskToJoin>());
}

TEST_F(LifeTest, jobs_of_an_older_ventilator_are_not_taken) {
    serve();
    EXPECT_FALSE(life.takes(6));
    EXPECT_TRUE(life.takes(7));
    EXPECT_TRUE(life.takes(8));
    EXPECT_FALSE(life.takes(7));
}

TEST_F(LifeTest, a_pipeline_that_began_anew_is_joined) {
    serve();
    pass(1s);
    down();
    answer(lane(1));
    EXPECT_TRUE(did<Life::DialLane>());
    EXPECT_TRUE(life.takes(1));
}

TEST_F(LifeTest, a_drain_hands_back_once_and_keeps_the_lane) {
    serve();
    drain();
    EXPECT_TRUE(did<Life::HandBack>());
    EXPECT_TRUE(life.draining());
    EXPECT_TRUE(life.has_lane());
    drain();
    EXPECT_TRUE(actions.empty());
    pass(500ms);
    EXPECT_TRUE(did<Life::Heartbeat>());
}

TEST_F(LifeTest, a_drain_while_joining_ends_the_attempt) {
    tick();
    drain();
    EXPECT_TRUE(did<Life::StopAsking>());
    EXPECT_FALSE(did<Life::HandBack>());
    pass_in_steps(10s);
    EXPECT_TRUE(actions.empty());
}

TEST_F(LifeTest, a_lane_that_breaks_in_a_drain_is_not_replaced) {
    serve();
    pass(1s);
    drain();
    down();
    EXPECT_TRUE(did<Life::LeaveLane>());
    EXPECT_FALSE(did<Life::AskToJoin>());
    EXPECT_FALSE(life.has_lane());
}

TEST_F(LifeTest, an_answer_that_nobody_waits_for_is_ignored) {
    tick();
    answer(refusal());
    answer(lane(1));
    EXPECT_TRUE(actions.empty());
}

} // namespace
} // namespace penstock::worker
