#include "workers/desk.hpp"

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
