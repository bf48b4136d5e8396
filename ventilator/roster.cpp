#include "ventilator/roster.hpp"

#include "protocol/check.hpp"

#include <algorithm>

namespace penstock::ventilator {

namespace {

bool has_all(const std::vector<std::string>& labels, const std::vector<std::string>& needs) {
    return std::includes(labels.begin(), labels.end(), needs.begin(), needs.end());
}

} // namespace

std::uint32_t LaneState::open_call() {
    const auto free = std::find(calls.begin(), calls.end(), 0u);
    if (free == calls.end()) {
        calls.push_back(0);
        return static_cast<std::uint32_t>(calls.size());
    }
    return static_cast<std::uint32_t>(free - calls.begin()) + 1;
}

LaneState& Roster::open(LaneId id, std::string worker, std::uint32_t slots, const PoolKey& key) {
    PENSTOCK_CHECK(!key.kinds.empty());
    const auto known = pool_by_key_.find(key);
    const Index pool = known == pool_by_key_.end() ? make_pool(key) : known->second;
    const Index index = lanes_.allocate();
    LaneState& lane = lanes_[index];
    lane.id = id;
    lane.worker = worker;
    lane.slots = slots;
    lane.pool = pool;
    ++pools_[pool].lanes;
    for (const Share& share : pools_[pool].shares) {
        ++share.kind->workers;
        share.kind->slots += slots;
    }
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
    const Index pool = lane.pool;
    for (const Share& share : pools_[pool].shares) {
        --share.kind->workers;
        share.kind->slots -= lane.slots;
    }
    PENSTOCK_CHECK(pools_[pool].lanes > 0);
    if (--pools_[pool].lanes == 0) drop_pool(pool);
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
                       !lane.alone && lane.used() < lane.slots + kPrefetchMax &&
                       lane.bytes < lane_bytes_max_;
    const bool able = lane.is_up && !lane.silent && !lane.draining;
    if (able != lane.is_able) pool.able += able ? 1u : ~0u;
    lane.is_able = able;
    const Standing wanted = !takes                     ? Standing::none
                            : lane.used() < lane.slots ? Standing::idle
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

void Roster::ease(Index index) {
    place(index);
    if (lanes_[index].standing != Standing::busy) return;
    List& busy = pools_[lanes_[index].pool].busy;
    if (busy.first == index) return;
    standings_.remove(busy, index);
    standings_.push_front(busy, index);
}

Index Roster::find_prefetch(Pool& pool, const KindState& kind) {
    // Not all of thousands, in every pump: those that lately gave something back stand first. A job
    // that finds no lane so waits no longer than for a slot, as it would without prefetch.
    constexpr std::size_t kLooksMax = 64;
    if (kind.prefetch(1) == 0) return kNoIndex;
    for (std::size_t tries = std::min(pool.busy.count, kLooksMax); tries > 0; --tries) {
        const Index index = standings_.pop_front(pool.busy);
        standings_.push_back(pool.busy, index); // the next one first the next time
        const LaneState& lane = lanes_[index];
        if (lane.used() < lane.slots + kind.prefetch(lane.slots)) return index;
    }
    return kNoIndex;
}

Index Roster::find_room(const Line& line, int priority) {
    for (const auto& claim : line.claims) {
        const Pool& pool = pools_[claim.pool];
        if (priority >= pool.min_priority && !pool.idle.empty()) return pool.idle.first;
    }
    for (const auto& claim : line.claims) {
        Pool& pool = pools_[claim.pool];
        if (priority < pool.min_priority) continue;
        const Index lane = find_prefetch(pool, *line.kind);
        if (lane != kNoIndex) return lane;
    }
    return kNoIndex;
}

Index Roster::find_empty(const Line& line, int priority) const {
    constexpr int kLooksMax = 64; // lanes with many slots may stand before an empty one
    for (const auto& claim : line.claims) {
        const Pool& pool = pools_[claim.pool];
        if (priority < pool.min_priority) continue;
        int looks = 0;
        for (Index at = pool.idle.first; at != kNoIndex && looks < kLooksMax;
             at = standings_.next(at), ++looks) {
            if (lanes_[at].outstanding == 0) return at;
        }
    }
    return kNoIndex;
}

std::size_t Roster::count_idle(const Line& line, int priority) const {
    constexpr std::size_t kLooksMax = 64;
    std::size_t lanes = 0;
    for (std::size_t i = 0; i < std::min(line.claims.size(), kLooksMax); ++i) {
        const Pool& pool = pools_[line.claims[i].pool];
        if (priority >= pool.min_priority) lanes += pool.idle.count;
    }
    return lanes;
}

// ---- pools and lines ----------------------------------------------------------------------

Index Roster::make_pool(const PoolKey& key) {
    const Index index = pools_.allocate();
    Pool& pool = pools_[index];
    pool.labels = key.labels;
    pool.min_priority = key.min_priority;
    for (std::size_t i = 0; i < key.kinds.size(); ++i) {
        Share& share = pool.shares.emplace_back();
        share.kind = key.kinds[i];
        share.together = key.together[i];
        share.is_gathering = share.together.max > 0;
        share.is_held = share.kind->held || share.is_gathering;
        pool.takes_together = pool.takes_together || share.is_gathering;
        share.kind->pools.push_back(index);
    }
    for (std::size_t share = 0; share < key.kinds.size(); ++share) {
        for (const auto& [needs, line] : key.kinds[share]->lines) claim(*line, index, share);
    }
    pool_by_key_.emplace(key, index);
    const auto goes_before = [this](Index a, Index b) {
        const Pool &x = pools_[a], &y = pools_[b];
        return x.rank() < y.rank();
    };
    order_.insert(std::upper_bound(order_.begin(), order_.end(), index, goes_before), index);
    return index;
}

void Roster::drop_pool(Index index) {
    Pool& pool = pools_[index];
    PoolKey key{{}, {}, pool.labels, pool.min_priority};
    for (Share& share : pool.shares) {
        key.kinds.push_back(share.kind);
        key.together.push_back(share.together);
        std::erase(share.kind->pools, index);
        for (Line* line : share.lines) {
            std::erase_if(line->claims, [index](const auto& c) { return c.pool == index; });
        }
    }
    pool_by_key_.erase(key);
    std::erase(order_, index);
    pools_.release(index);
}

void Roster::claim(Line& line, Index index, std::size_t share) {
    Pool& pool = pools_[index];
    if (!has_all(pool.labels, line.needs)) return;
    pool.shares[share].lines.push_back(&line);
    line.claims.push_back({index, share});
    for (int p = pool.min_priority; p <= kPriorityMax; ++p) {
        if (line.waiting.has(p)) pool.begin(share, p, line);
    }
}

void Roster::add_line(Line& line) {
    for (const Index index : line.kind->pools) {
        const auto& shares = pools_[index].shares;
        const auto own = std::find_if(shares.begin(), shares.end(),
                                      [&](const Share& s) { return s.kind == line.kind; });
        claim(line, index, static_cast<std::size_t>(own - shares.begin()));
    }
}

void Roster::drop_line(Line& line) {
    for (const auto& at : line.claims) std::erase(pools_[at.pool].shares[at.share].lines, &line);
    line.claims.clear();
}

void Roster::begin(const Line& line, int priority) {
    for (const auto& at : line.claims) {
        Pool& pool = pools_[at.pool];
        if (priority >= pool.min_priority) pool.begin(at.share, priority, line);
    }
}

void Roster::end(const Line& line, int priority) {
    for (const auto& at : line.claims) {
        Pool& pool = pools_[at.pool];
        if (priority >= pool.min_priority) pool.end(at.share, priority);
    }
}

void Roster::hold(KindState& kind, bool is_held) {
    if (kind.held == is_held) return;
    kind.held = is_held;
    for (const Index index : kind.pools) {
        Pool& pool = pools_[index];
        for (std::size_t i = 0; i < pool.shares.size(); ++i) {
            const Share& share = pool.shares[i];
            if (share.kind == &kind) pool.hold(i, is_held || share.is_gathering);
        }
    }
}

} // namespace penstock::ventilator
