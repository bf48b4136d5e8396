#include "workers/desk.hpp"

#include <utility>

namespace penstock::worker {

void Desk::post(Progress progress) {
    {
        const std::lock_guard lock(mutex_);
        std::string id(progress.id.wire());
        latest_.insert_or_assign(std::move(id), std::move(progress));
        if (has_progress_.exchange(true)) return; // the loop knows
    }
    ring_if_resting();
}

void Desk::post_partial(Piece piece) {
    {
        const std::lock_guard lock(mutex_);
        partials_.push_back(std::move(piece));
        if (has_partials_.exchange(true)) return; // the loop knows
    }
    ring_if_resting();
}

std::vector<Piece> Desk::take_partials() {
    const std::lock_guard lock(mutex_);
    has_partials_ = false;
    return std::exchange(partials_, {});
}

std::vector<Progress> Desk::take_progress() {
    const std::lock_guard lock(mutex_);
    has_progress_ = false;
    std::vector<Progress> out;
    out.reserve(latest_.size());
    for (auto& entry : latest_) out.push_back(std::move(entry.second));
    latest_.clear();
    return out;
}

} // namespace penstock::worker
