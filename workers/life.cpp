#include "workers/life.hpp"

#include <algorithm>

namespace penstock::worker {

Life::Life(LifeTimes times, Instant now)
    : times_(times), ticked_at_(now), heard_at_(now), up_at_(now), deadline_(now) {}

void Life::ask(Instant now, Actions& out) {
    stage_ = Stage::asking;
    deadline_ = now + times_.answer_within;
    out.emplace_back(AskToJoin{});
}

void Life::rest(Instant now, double chance) {
    stage_ = Stage::resting;
    Duration longest = times_.backoff_first;
    for (int i = 0; i < failures_ && longest < times_.backoff_most; ++i) longest *= 2;
    longest = std::min(longest, times_.backoff_most);
    ++failures_;
    deadline_ = now + from_seconds(seconds(longest) * (0.5 + 0.5 * chance));
}

void Life::leave(std::string why, Instant now, double chance, Actions& out) {
    const bool lived = stage_ == Stage::serving && now - up_at_ >= times_.backoff_first * 5;
    has_lane_ = false;
    heartbeat_at_ = kNever;
    out.emplace_back(LeaveLane{std::move(why)});
    if (stage_ == Stage::draining) return;
    out.emplace_back(DropWaiting{});
    // A lane that lived is asked for again at once; one that breaks as soon as it is there is not.
    if (lived) {
        failures_ = 0;
        ask(now, out);
    } else {
        rest(now, chance);
    }
}

void Life::tick(Instant now, double chance, Actions& out) {
    const Duration since = now - ticked_at_;
    ticked_at_ = now;
    if (has_lane_ && since > times_.slept) {
        leave("this process was stopped for " + std::to_string(seconds(since)) + " s", now, chance,
              out);
    } else if (has_lane_ && stage_ != Stage::dialling &&
               now - heard_at_ > ping_ * times_.silent_pings) {
        leave("the ventilator has said nothing for " + std::to_string(seconds(now - heard_at_)) +
                  " s",
              now, chance, out);
    } else if (stage_ == Stage::dialling && now >= deadline_) {
        leave("the lane could not be dialled", now, chance, out);
    } else if (stage_ == Stage::asking && now >= deadline_) {
        out.emplace_back(StopAsking{});
        ask(now, out); // at once: a question that waits is read by a ventilator as soon as there is one
    } else if (stage_ == Stage::resting && now >= deadline_) {
        ask(now, out);
    }
    if (now >= heartbeat_at_) {
        heartbeat_at_ = now + times_.heartbeat;
        out.emplace_back(Heartbeat{});
    }
}

Instant Life::wake_at() const {
    Instant at = heartbeat_at_;
    if (has_lane_ && stage_ != Stage::dialling) {
        at = std::min(at, heard_at_ + ping_ * times_.silent_pings);
    }
    const bool timed =
        stage_ == Stage::resting || stage_ == Stage::asking || stage_ == Stage::dialling;
    return timed ? std::min(at, deadline_) : at;
}

void Life::answered(const Lane& answer, Instant now, double chance, Actions& out) {
    if (stage_ != Stage::asking) return; // too late: that attempt was given up
    out.emplace_back(StopAsking{});
    if (!answer.error.empty()) {
        rest(now, chance);
        return;
    }
    // Also if it is older than what was seen: a pipeline that lost everything begins again, and the
    // address that we were told to join says who the ventilator is.
    epoch_ = answer.epoch;
    ping_ = answer.ping;
    stage_ = Stage::dialling;
    has_lane_ = true;
    heard_at_ = now;
    deadline_ = now + times_.answer_within;
    out.emplace_back(DialLane{answer});
}

void Life::lane_up(Instant now, Actions& out) {
    if (stage_ != Stage::dialling) return;
    stage_ = Stage::serving;
    up_at_ = heard_at_ = now;
    heartbeat_at_ = now + times_.heartbeat;
    out.emplace_back(Heartbeat{});
}

void Life::lane_down(Instant now, double chance, Actions& out) {
    if (has_lane_) leave("the lane broke", now, chance, out);
}

void Life::heard(Instant now) {
    heard_at_ = now;
}

bool Life::takes(Epoch epoch) {
    if (epoch < epoch_) return false;
    epoch_ = epoch;
    return true;
}

void Life::drain(Instant, Actions& out) {
    if (stage_ == Stage::draining) return;
    if (stage_ == Stage::asking) out.emplace_back(StopAsking{});
    if (has_lane_) out.emplace_back(HandBack{});
    stage_ = Stage::draining;
}

} // namespace penstock::worker
