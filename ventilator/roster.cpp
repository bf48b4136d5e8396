#include "ventilator/roster.hpp"

#include "protocol/check.hpp"

#include <algorithm>

namespace penstock::ventilator {

LaneState& Roster::open(LaneId id, std::string worker, const std::vector<KindState*>& kinds) {
    PENSTOCK_CHECK(!kinds.empty());
    auto [at, is_new] = pool_by_kinds_.try_emplace(kinds, static_cast<Index>(pools_.size()));
    if (is_new) {
        pools_.push_back(Pool{kinds, {}, {}, 0});
        for (KindState* kind : kinds) kind->pools.push_back(at->second);
    }
    const Index index = lanes_.allocate();
    LaneState& lane = lanes_[index];
    lane.id = id;
    lane.worker = worker;
    lane.pool = at->second;
    ++pools_[lane.pool].lanes;
    for (KindState* kind : kinds) ++kind->workers;
    by_id_.emplace(id, index);
    by_worker_.insert_or_assign(std::move(worker), index);
    return lane;
}

void Roster::close(LaneId id) {
    const Index index = by_id_.at(id);
    LaneState& lane = lanes_[index];
    PENSTOCK_CHECK(lane.flights.empty());
    lane.is_up = false;
    place(index);
    Pool& pool = pools_[lane.pool];
    --pool.lanes;
    for (KindState* kind : pool.kinds) --kind->workers;
    if (const auto named = by_worker_.find(lane.worker);
        named != by_worker_.end() && named->second == index) {
        by_worker_.erase(named);
    }
    by_id_.erase(id);
    lanes_.release(index);
}

Index Roster::find(LaneId id) const {
    const auto at = by_id_.find(id);
    return at == by_id_.end() ? kNoIndex : at->second;
}

Index Roster::find_worker(std::string_view worker) const {
    const auto at = by_worker_.find(std::string(worker));
    return at == by_worker_.end() ? kNoIndex : at->second;
}

void Roster::place(Index index) {
    LaneState& lane = lanes_[index];
    Pool& pool = pools_[lane.pool];
    const bool takes = lane.is_up && !lane.silent && !lane.draining && !lane.reserved &&
                       !lane.alone && lane.outstanding < lane.slots + kPrefetchMax &&
                       lane.bytes < kLaneBytesMax;
    const Standing wanted = !takes                          ? Standing::none
                            : lane.outstanding < lane.slots ? Standing::idle
                                                            : Standing::busy;
    if (wanted == lane.standing) return;
    if (lane.standing == Standing::idle) standings_.remove(pool.idle, index);
    if (lane.standing == Standing::busy) standings_.remove(pool.busy, index);
    lane.standing = wanted;
    if (wanted == Standing::idle) standings_.push_back(pool.idle, index);
    if (wanted == Standing::busy) standings_.push_back(pool.busy, index);
}

void Roster::rotate(Index index) {
    if (lanes_[index].standing != Standing::idle) return;
    List& idle = pools_[lanes_[index].pool].idle;
    standings_.remove(idle, index);
    standings_.push_back(idle, index);
}

Index Roster::find_idle(const KindState& kind) const {
    for (const Index pool : kind.pools) {
        if (!pools_[pool].idle.empty()) return pools_[pool].idle.first;
    }
    return kNoIndex;
}

void Roster::ease(Index index) {
    place(index);
    if (lanes_[index].standing != Standing::busy) return;
    List& busy = pools_[lanes_[index].pool].busy;
    if (busy.first == index) return;
    standings_.remove(busy, index);
    standings_.push_front(busy, index);
}

Index Roster::find_prefetch(const KindState& kind) {
    // Not all of thousands, in every pump: those that lately gave something back stand first. A job
    // that finds no lane so waits no longer than for a slot, as it would without prefetch.
    constexpr std::size_t kLooksMax = 64;
    if (kind.prefetch(1) == 0) return kNoIndex;
    for (const Index pool_index : kind.pools) {
        Pool& pool = pools_[pool_index];
        for (std::size_t tries = std::min(pool.busy.count, kLooksMax); tries > 0; --tries) {
            const Index index = standings_.pop_front(pool.busy);
            standings_.push_back(pool.busy, index); // the next one first the next time
            const LaneState& lane = lanes_[index];
            if (lane.outstanding < lane.slots + kind.prefetch(lane.slots)) return index;
        }
    }
    return kNoIndex;
}

Index Roster::find_empty(const KindState& kind) const {
    constexpr int kLooksMax = 64; // lanes with many slots may stand before an empty one
    for (const Index pool : kind.pools) {
        int looks = 0;
        for (Index at = pools_[pool].idle.first; at != kNoIndex && looks < kLooksMax;
             at = standings_.next(at), ++looks) {
            if (lanes_[at].outstanding == 0) return at;
        }
    }
    return kNoIndex;
}

} // namespace penstock::ventilator
