#include "sink/waits.hpp"

namespace penstock::sink {

Index Waits::find(const JobId& id, std::uint64_t hash) const {
    return by_id_.find(hash, [&](Index index) { return waits_[index].question.id == id; });
}

void Waits::add(Wait wait, Instant until) {
    const std::uint64_t hash = wait.question.id.hash(seed_);
    const Index first = find(wait.question.id, hash);
    const Index index = waits_.allocate();
    wait.next = kNoIndex;
    waits_[index] = std::move(wait);
    if (first == kNoIndex) {
        by_id_.insert(hash, index);
    } else { // behind the first, so that the index needs no change
        waits_[index].next = waits_[first].next;
        waits_[first].next = index;
    }
    timers_.arm(index, until);
}

void Waits::unlink(Index index) {
    const std::uint64_t hash = waits_[index].question.id.hash(seed_);
    const Index first = find(waits_[index].question.id, hash);
    const Index behind = waits_[index].next;
    if (first == index) {
        by_id_.erase(hash, index);
        if (behind != kNoIndex) by_id_.insert(hash, behind);
    } else {
        Index at = first;
        while (waits_[at].next != index) at = waits_[at].next;
        waits_[at].next = behind;
    }
    waits_.release(index);
}

} // namespace penstock::sink
