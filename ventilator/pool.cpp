#include "ventilator/pool.hpp"

#include "protocol/check.hpp"

#include <algorithm>

namespace penstock::ventilator {
namespace {

constexpr double kCostFloorUs = 20; // a job costs its messages too

} // namespace

void Pool::begin(std::size_t index, int priority, const Line& line) {
    const auto p = static_cast<std::size_t>(priority);
    Share& share = shares[index];
    ++share.waiting[p];
    if (share.is_held) return;
    Level& level = levels_[p];
    const Instant oldest = line.waiting.oldest(priority);
    level.oldest = level.heap.empty() ? oldest : std::min(level.oldest, oldest);
    if (share.place[p] == 0) enter(index, p);
}

void Pool::end(std::size_t index, int priority) {
    const auto p = static_cast<std::size_t>(priority);
    Share& share = shares[index];
    PENSTOCK_CHECK(share.waiting[p] > 0);
    if (--share.waiting[p] == 0 && !share.is_held) leave(index, p);
}

void Pool::hold(std::size_t index, bool is_held) {
    Share& share = shares[index];
    if (share.is_held == is_held) return;
    share.is_held = is_held;
    for (std::size_t p = 0; p < levels_.size(); ++p) {
        if (share.waiting[p] == 0) continue;
        if (is_held) {
            leave(index, p);
            continue;
        }
        Level& level = levels_[p];
        if (level.heap.empty()) level.oldest = kNever;
        level.oldest = std::min(level.oldest, oldest(share, p));
        enter(index, p);
    }
}

Instant Pool::oldest(const Share& share, std::size_t p) {
    Instant out = kNever;
    for (const Line* line : share.lines) {
        out = std::min(out, line->waiting.oldest(static_cast<int>(p)));
    }
    return out;
}

void Pool::look_at_ages(Instant now, Duration step) {
    constexpr int kLooksPerStep = 64;
    if (step <= Duration(0) || now - looked_ < step / kLooksPerStep) return;
    looked_ = now;
    for (std::size_t p = 0; p < levels_.size(); ++p) {
        Level& level = levels_[p];
        level.oldest = kNever;
        for (const std::size_t share : level.heap) {
            level.oldest = std::min(level.oldest, oldest(shares[share], p));
        }
    }
}

Instant Pool::due(int priority, Duration step) const {
    return levels_[static_cast<std::size_t>(priority)].oldest - priority * step;
}

bool Pool::goes_before(int p, int other, Duration step) const {
    const bool has_both = (occupied_ >> p & occupied_ >> other & 1) != 0;
    if (step <= Duration(0) || !has_both || due(p, step) == due(other, step)) return p > other;
    return due(p, step) < due(other, step);
}

int Pool::top_priority(Duration step) const {
    int best = static_cast<int>(std::bit_width(occupied_)) - 1;
    if (step <= Duration(0)) return best;
    for (int p = best - 1; p >= 0; --p) {
        if ((occupied_ >> p & 1) != 0 && goes_before(p, best, step)) best = p;
    }
    return best;
}

std::uint64_t Pool::count(std::size_t index) const {
    const Share& share = shares[index];
    std::uint64_t jobs = 0;
    for (int p = min_priority; p <= kPriorityMax; ++p) {
        if (share.waiting[static_cast<std::size_t>(p)] == 0) continue;
        for (const Line* line : share.lines) jobs += line->waiting.count(p);
    }
    return jobs;
}

Pool::Next Pool::first_of(const std::vector<std::size_t>& some, Duration step) const {
    Next best;
    for (std::size_t at = 0; at < some.size(); ++at) {
        for (int p = kPriorityMax; p >= 0; --p) {
            const auto level = static_cast<std::size_t>(p);
            if (shares[some[at]].place[level] == 0) continue;
            bool better = best.priority < 0;
            if (p == best.priority)
                better = spent(some[at], p) < spent(some[best.at], p);
            else if (!better)
                better = goes_before(p, best.priority, step);
            if (better) best = {at, p};
        }
    }
    return best;
}

Line& Pool::next_line(std::size_t index, int priority) {
    Share& share = shares[index];
    while (!share.lines[share.turn % share.lines.size()]->waiting.has(priority)) ++share.turn;
    return *share.lines[share.turn % share.lines.size()];
}

void Pool::charge(std::size_t index, int priority, std::size_t jobs, double cost_us,
                  double weight) {
    constexpr double kWeight = 0.01; // of one job in what is typical
    if (cost_us > 0) typical_us_ += kWeight * (std::max(cost_us, kCostFloorUs) - typical_us_);
    const double cost = cost_us > 0 ? std::max(cost_us, kCostFloorUs) : typical_us_;
    const auto p = static_cast<std::size_t>(priority);
    Share& share = shares[index];
    Level& level = levels_[p];
    level.clock = std::max(level.clock, share.spent[p]);
    share.spent[p] += cost * static_cast<double>(jobs) / weight;
    share.turn = (share.turn + 1) % std::max<std::size_t>(share.lines.size(), 1);
    if (share.place[p] != 0) sift_down(level, p, share.place[p] - 1);
}

// ---- the heaps ----------------------------------------------------------------------------

void Pool::enter(std::size_t index, std::size_t p) {
    Level& level = levels_[p];
    Share& share = shares[index];
    share.spent[p] = std::max(share.spent[p], level.clock);
    level.heap.push_back(index);
    share.place[p] = static_cast<std::uint32_t>(level.heap.size());
    sift_up(level, p, level.heap.size() - 1);
    occupied_ |= 1u << p;
}

void Pool::leave(std::size_t index, std::size_t p) {
    Level& level = levels_[p];
    const std::size_t at = shares[index].place[p] - 1;
    const std::size_t last = level.heap.back();
    level.heap.pop_back();
    shares[index].place[p] = 0;
    if (last != index) {
        put(level, p, at, last);
        sift_down(level, p, at);
        sift_up(level, p, shares[last].place[p] - 1);
    }
    if (level.heap.empty()) occupied_ &= ~(1u << p);
}

void Pool::put(Level& level, std::size_t p, std::size_t at, std::size_t share) {
    level.heap[at] = share;
    shares[share].place[p] = static_cast<std::uint32_t>(at + 1);
}

void Pool::sift_up(Level& level, std::size_t p, std::size_t at) {
    const std::size_t share = level.heap[at];
    while (at > 0) {
        const std::size_t parent = (at - 1) / 2;
        if (shares[level.heap[parent]].spent[p] <= shares[share].spent[p]) break;
        put(level, p, at, level.heap[parent]);
        at = parent;
    }
    put(level, p, at, share);
}

void Pool::sift_down(Level& level, std::size_t p, std::size_t at) {
    const std::size_t share = level.heap[at];
    const std::size_t size = level.heap.size();
    while (true) {
        std::size_t child = 2 * at + 1;
        if (child >= size) break;
        const auto spent = [&](std::size_t i) { return shares[level.heap[i]].spent[p]; };
        if (child + 1 < size && spent(child + 1) < spent(child)) ++child;
        if (shares[share].spent[p] <= spent(child)) break;
        put(level, p, at, level.heap[child]);
        at = child;
    }
    put(level, p, at, share);
}

} // namespace penstock::ventilator
