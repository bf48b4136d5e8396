// The dispatcher's limits: what is set for a kind holds for all of its jobs, on all workers
// together. A kind that has reached one is held: it is as if nothing of it waited, so that nobody
// behind it is kept waiting. Only held kinds are looked at in every pump; the others are when they
// are given a lane.

#include "ventilator/dispatcher.hpp"

#include <algorithm>

namespace penstock::ventilator {

// So many more attempts of the kind may start now.
std::uint64_t Dispatcher::allowance(const KindState& kind, Instant now) {
    const KindSettings& set = kind.settings;
    if (set.paused.value_or(false)) return 0;
    std::uint64_t out = UINT64_MAX;
    if (set.max_running) {
        const std::uint64_t used = kind.running + kind.ghosts;
        out = used < *set.max_running ? *set.max_running - used : 0;
    }
    if (set.rate && out > 0) out = std::min(out, kind.rate.room(*set.rate, now));
    return out;
}

// So many were started.
void Dispatcher::count_started(KindState& kind, std::uint64_t jobs, Instant now) {
    const KindSettings& set = kind.settings;
    if (set.rate && jobs > 0) kind.rate.take(*set.rate, jobs, now);
    const bool limited = set.max_running || set.rate;
    if (!limited || allowance(kind, now) > 0) return;
    roster_.hold(kind, true);
    look_at(kind);
}

// In the next pump: it is held, or should be, or need be no more.
void Dispatcher::look_at(KindState& kind) {
    if (kind.is_looked_at) return;
    kind.is_looked_at = true;
    looked_at_.push_back(&kind);
}

void Dispatcher::look_at_limits(Instant now) {
    std::erase_if(looked_at_, [&](KindState* kind) {
        kind->is_looked_at = allowance(*kind, now) == 0;
        roster_.hold(*kind, kind->is_looked_at);
        return !kind->is_looked_at;
    });
}

// When the first kind that is held by nothing but its rate may go on.
Instant Dispatcher::limits_wake_at() const {
    Instant when = kNever;
    for (const KindState* kind : looked_at_) {
        const KindSettings& set = kind->settings;
        const bool waits = kind->queued > 0 && set.rate && !set.paused.value_or(false);
        if (!waits) continue;
        const bool is_full = set.max_running && kind->running + kind->ghosts >= *set.max_running;
        if (!is_full) when = std::min(when, kind->rate.wake_at());
    }
    return when;
}

} // namespace penstock::ventilator
