// Jobs that a worker takes together: never more than it takes, at once when they are so many, else when
// the first has waited as long as it may; and nobody waits longer for company while a worker is free.
// All workers take them alike here, so that it is known which jobs could go together.

#include "tests/sim/world.hpp"

#include <algorithm>

namespace penstock::sim {

using namespace std::chrono_literals;

void World::draw_alike() {
    alike_.max = 1 + static_cast<std::uint32_t>(chance_.unit() * 6);
    alike_.wait = happens(0.2) ? Duration(0) : between(5ms, 300ms);
}

// It goes to a worker now; what it holds has been waiting until now.
void World::check_batch(const JobBatch& batch) {
    if (batch.rows.size() > alike_.max) fail("a batch is too large");
    const std::uint32_t may_run = seen_[batch.kind].settings.max_running.value_or(alike_.max);
    const bool is_full = ready(batch.kind, now_) >= std::min(alike_.max, may_run);
    const Instant over = waits_since(batch.kind) + alike_.wait;
    if (!is_full && now_ < over) fail("a batch of " + std::to_string(batch.rows.size()) + " went too early");
    const bool is_alone = alike_.max == 1 || batch.rows.size() == 1;
    if (!is_alone) saw(is_full ? "rule: a batch was full" : "rule: a batch went when its time had come");
}

// A worker that has nothing, beside jobs that may go.
void World::check_nobody_idles() {
    const KindSettings& set = seen_["k0"].settings;
    if (set.paused.value_or(false) || set.max_running || set.rate || v_asleep_until_ > now_) return;
    // Whose delays are seen to be over.
    const bool is_full = ready("k0", now_ - kTimersLate) >= alike_.max;
    const bool is_time = ready("k0", now_ - alike_.wait - kTimersLate) > 0;
    if (!is_full && !is_time) return;
    for (const auto& view : dispatcher_->workers(now_).workers) {
        // For company they wait since there is somebody who would take them together.
        const bool is_new = view.joined_seconds_ago < seconds(alike_.wait + kTimersLate);
        const bool idles = view.outstanding == 0 && (is_full || !is_new);
        if (idles) return fail(view.worker + " has nothing to do, and a batch waits");
    }
}

} // namespace penstock::sim
