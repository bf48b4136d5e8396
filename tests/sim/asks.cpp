// Those who ask why a job does not run yet, and when it will: what they are told is compared with what
// the world knows, and with when it did.

#include "tests/sim/world.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kMeasured = 3s; // from the beginning: then it is known how fast jobs go
// How far an estimate may be off: where turns are known, by one of them, since nobody says how far the
// jobs are that run; and by a fifth. Where a rate decides it is known when each may start.
constexpr double kOffShare = 0.2;
constexpr Duration kOff = 20ms;

} // namespace

void World::set_rate() {
    AskKind wish;
    wish.kind = "k0";
    wish.set.rate = plan_.rate;
    if (!set_kind(wish)) at(10ms, [this] { set_rate(); });
}

void World::ask_why() {
    if (healing_) return;
    if (!waiters_.empty()) {
        auto any = waiters_.begin();
        const double many = static_cast<double>(waiters_.size());
        std::advance(any, static_cast<std::ptrdiff_t>(chance_.unit() * many));
        check_why(any->first, any->second);
    }
    at(from_seconds((0.5 + chance_.unit()) / plan_.asks), [this] { ask_why(); });
}

void World::check_why(JobNumber number, const Waiter& w) {
    const Explanation said = dispatcher_->explain(number, now_);
    if (w.ready > now_) { // until when
        const bool is_said = said.why == "delayed" && said.position == 0;
        if (!is_said) fail(w.id + " is delayed, and not said to be: " + said.why);
        const double off = std::abs(said.start_in - seconds(w.ready - now_));
        if (off > seconds(kTimersLate)) fail(w.id + " is delayed until another time");
        return saw("rule: told why it waits: delayed");
    }
    const bool is_settled = std::none_of(waiters_.begin(), waiters_.end(), [&](const auto& each) {
        return each.second.ready <= now_ && now_ < each.second.ready + kTimersLate;
    });
    if (!is_settled) return; // a timer is about to look
    const std::string why = why_it_waits(w);
    const bool is_known = !why.empty();
    if (is_known && said.why != why) fail(w.id + " waits for \"" + why + "\", and \"" + said.why + "\" was said");
    if (is_known) saw("rule: told why it waits: " + why);
    if (said.position == 0) return fail(w.id + " waits at no position");
    Question question{w.id, w.kind, now_, said.position, said.start_in, {}, seen_[w.kind].came};
    bool is_all = plan_.needs == 0; // else others have lines of their own
    for (const auto& [other, its] : waiters_) {
        if (its.kind != w.kind || other == number) continue;
        is_all = is_all && its.ready <= now_;
        if (its.ready <= now_) question.others.insert(other);
    }
    if (said.position > question.others.size() + 1 + seen_[w.kind].gone) fail(w.id + " waits behind more than there are");
    if (is_all) asked_.try_emplace(number, std::move(question));
}

// "": it can't be said from here.
std::string World::why_it_waits(const Waiter& w) {
    const Terms& wish = wishes_.at(w.id);
    const Seen& seen = seen_[w.kind];
    const KindSettings& set = seen.settings;
    const auto sees = [&](Duration there_for) {
        return std::any_of(workers_.begin(), workers_.end(), [&](const auto& worker) {
            const bool has_labels = wish.needs.empty() || worker->has_label;
            const bool takes_it = has_labels && wish.priority >= worker->min_priority;
            return worker->lane != 0 && takes_it && worker->joined + there_for <= now_;
        });
    };
    const auto out = std::count_if(flights_.begin(), flights_.end(), [&](const auto& each) {
        return each.second.kind == w.kind;
    });
    if (set.paused.value_or(false)) return "paused";
    if (!sees(0s)) return "no-worker";
    if (set.max_running && out >= static_cast<std::int64_t>(*set.max_running)) return "max-running";
    if (set.rate && seen.due > now_ + ventilator::Rate::kEarly + 1ms) return "rate";
    if (set.rate || !sees(kTimersLate)) return ""; // it has come, and is not connected yet
    if (plan_.alike && w.kind == "k0") {
        const std::uint32_t full = std::min(alike_.max, set.max_running.value_or(alike_.max));
        return ready(w.kind, now_) < full && now_ < waits_since(w.kind) + alike_.wait ? "batch" : "";
    }
    return w.kind == "k0" && plan_.together > 0 ? "" : "position"; // some of its workers gather it
}

// ---- and when it did ----------------------------------------------------------------------

// After each step of the ventilator. In which order those of one step were started is not seen.
void World::note_started() {
    for (const JobNumber number : started_) {
        const auto found = asked_.find(number);
        if (found == asked_.end()) continue;
        const Question& question = found->second;
        const auto beside = std::count_if(started_.begin(), started_.end(), [&](JobNumber other) {
            return question.others.contains(other);
        });
        check_start(question, static_cast<std::uint64_t>(beside));
        asked_.erase(found);
    }
    for (auto& [number, question] : asked_) {
        for (const JobNumber other : started_) question.before += question.others.contains(other) ? 1 : 0;
    }
    started_.clear();
}

// If nobody has come meanwhile: whoever does takes a turn.
void World::check_start(const Question& question, std::uint64_t beside) {
    if (seen_[question.kind].came != question.came) return;
    const std::uint64_t gone = seen_[question.kind].gone; // they may have stood before it, or not
    const std::uint64_t said = question.position - 1;
    const bool is_right = said >= question.before && said <= question.before + beside + gone;
    if (!is_right) {
        fail(question.id + " was said to be behind " + std::to_string(said) + ", and was behind " +
             std::to_string(question.before));
    }
    if (beside + gone == 0) saw("rule: position, to the one");
    if (plan_.steady == 0 || question.asked.time_since_epoch() < 1h + kMeasured) return;
    if (question.start_in < 0) return fail(question.id + " was not told when it starts");
    const double waited = seconds(now_ - question.asked);
    const double off = std::abs(waited - question.start_in);
    const double may_be = seconds(kOff) + (plan_.rate > 0 ? 0 : plan_.steady + kOffShare * waited);
    if (off > may_be) {
        fail(question.id + " was to start in " + std::to_string(question.start_in) + " s, and did in " +
             std::to_string(waited));
    }
    saw(plan_.rate > 0 ? "rule: its start was estimated, by the rate" : "rule: its start was estimated");
}

} // namespace penstock::sim
