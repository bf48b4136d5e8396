#pragma once
// The life of a worker, as a machine: it owns no socket, clock, thread or random source. The shell
// (loop.cpp) tells it what happened and when, and does what it answers.
//
//     resting ──▶ asking ──▶ dialling ──▶ serving ──▶ draining ──▶ (the shell leaves)
//        ▲  ▲_______│            │           │
//        └───────────────────────┴───────────┘   the lane broke, fell silent, or we slept
//
// Jobs that had not started are dropped whenever a lane is left: the ventilator gives them to
// others. Jobs that run go on, and are named in the next `join`.

#include "protocol/questions.hpp"
#include "protocol/time.hpp"

#include <string>
#include <variant>
#include <vector>

namespace penstock::worker {

struct LifeTimes {
    Duration heartbeat = std::chrono::milliseconds(500);
    Duration answer_within = std::chrono::seconds(2); // of a join; of a lane's handshake
    Duration backoff_first = std::chrono::milliseconds(200);
    // A ventilator that comes back waits for three seconds until workers name what they run.
    Duration backoff_most = std::chrono::seconds(2);
    // A loop that was not called for so long was stopped: its heartbeats stopped too, and the
    // ventilator has moved what had not started.
    Duration slept = std::chrono::milliseconds(1500);
    int silent_pings = 3; // ping periods without a word on the lane
};

class Life {
public:
    struct AskToJoin {}; // with a fresh socket, naming what runs

    struct StopAsking {}; // close that socket

    struct DialLane { // and say lane_up() at its handshake
        Lane lane;
    };

    struct LeaveLane {
        std::string why; // for people
    };

    struct DropWaiting {}; // forget the jobs that have not started

    struct HandBack {}; // `bye` with those jobs, then forget them

    struct Heartbeat {};

    using Action =
        std::variant<AskToJoin, StopAsking, DialLane, LeaveLane, DropWaiting, HandBack, Heartbeat>;
    using Actions = std::vector<Action>;

    Life(LifeTimes times, Instant now);

    // `chance` is a random number from 0 to 1: it spreads workers that lost the same ventilator.
    void tick(Instant now, double chance, Actions& out);
    [[nodiscard]] Instant wake_at() const;

    void answered(const Lane& answer, Instant now, double chance, Actions& out);
    void lane_up(Instant now, Actions& out);
    void lane_down(Instant now, double chance, Actions& out);
    void heard(Instant now); // any message on the lane
    // False: that ventilator was replaced by another one since.
    bool takes(Epoch epoch);

    // Take nothing more; jobs that come in spite of it are to be handed back too.
    void drain(Instant now, Actions& out);

    [[nodiscard]] bool draining() const { return stage_ == Stage::draining; }

    [[nodiscard]] bool has_lane() const { return has_lane_; }

    [[nodiscard]] Epoch epoch() const { return epoch_; } // of the newest lane; 0: there was none

private:
    enum class Stage : std::uint8_t { resting, asking, dialling, serving, draining };

    void ask(Instant now, Actions& out);
    void rest(Instant now, double chance);
    void leave(std::string why, Instant now, double chance, Actions& out);

    const LifeTimes times_;
    Stage stage_ = Stage::resting;
    bool has_lane_ = false;
    Duration ping_ = std::chrono::seconds(5);
    Epoch epoch_ = 0;  // of the lane's ventilator
    int failures_ = 0; // in a row
    Instant ticked_at_, heard_at_, up_at_, heartbeat_at_ = kNever;
    Instant deadline_; // of resting, asking and dialling
};

} // namespace penstock::worker
