#pragma once
// One timer per slab index, to the millisecond. Arming and disarming cost the same few writes
// whatever is armed besides: a heap would keep every attempt's timeout for an hour after it ended.
// Timers further ahead than one turn of the wheel are looked at once per turn.

#include "protocol/time.hpp"
#include "tables/links.hpp"

#include <bit>
#include <vector>

namespace penstock {

class TimerWheel {
public:
    explicit TimerWheel(Instant start) : done_(tick_of(start)) {}

    // Arms it anew if it was armed.
    void arm(Index index, Instant when) {
        disarm(index);
        if (index >= timers_.size()) timers_.resize(std::size_t{index} * 2 + 64, kDisarmed);
        // Never before it is due: rounded up.
        const std::int64_t tick = std::max(tick_of(when + kTick - Duration(1)), done_ + 1);
        timers_[index] = tick;
        const std::size_t bucket = static_cast<std::size_t>(tick) & kMask;
        links_.push_back(buckets_[bucket], index);
        occupied_[bucket / 64] |= std::uint64_t{1} << (bucket % 64);
        ++armed_;
    }

    void disarm(Index index) {
        if (index >= timers_.size() || timers_[index] == kDisarmed) return;
        const std::size_t bucket = static_cast<std::size_t>(timers_[index]) & kMask;
        links_.remove(buckets_[bucket], index);
        if (buckets_[bucket].empty()) {
            occupied_[bucket / 64] &= ~(std::uint64_t{1} << (bucket % 64));
        }
        timers_[index] = kDisarmed;
        --armed_;
    }

    // Calls fire(index) for all that are due; each is disarmed before its call.
    template <class Fire>
    void expire(Instant now, Fire fire) {
        const std::int64_t until = tick_of(now);
        if (armed_ == 0) done_ = std::max(done_, until);
        // After a long sleep one turn sees every bucket.
        const std::int64_t last = std::min(until, done_ + static_cast<std::int64_t>(kBuckets));
        for (std::int64_t tick = done_ + 1; tick <= last; ++tick) {
            List& bucket = buckets_[static_cast<std::size_t>(tick) & kMask];
            for (Index at = bucket.first; at != kNoIndex;) {
                const Index next = links_.next(at);
                if (timers_[at] <= until) due_.push_back(at);
                at = next;
            }
        }
        done_ = std::max(done_, until);
        for (const Index index : due_) disarm(index);
        for (const Index index : due_) fire(index);
        due_.clear();
    }

    // When to look again. Not later than the first timer; earlier if one is more than a turn away.
    [[nodiscard]] Instant wake_at() const {
        if (armed_ == 0) return kNever;
        const std::size_t start = static_cast<std::size_t>(done_ + 1) & kMask;
        std::size_t ahead = 0;
        while (ahead < kBuckets) {
            const std::size_t bucket = (start + ahead) & kMask;
            const std::uint64_t word = occupied_[bucket / 64] >> (bucket % 64);
            if (word != 0) {
                ahead += static_cast<std::size_t>(std::countr_zero(word));
                break;
            }
            ahead += 64 - bucket % 64;
        }
        return Instant((done_ + 1 + static_cast<std::int64_t>(std::min(ahead, kBuckets))) * kTick);
    }

    [[nodiscard]] std::size_t armed() const { return armed_; }

private:
    static constexpr Duration kTick = std::chrono::milliseconds(1);
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    static constexpr std::size_t kBuckets = 1u << 7; // made in no time, and turned often
#else
    static constexpr std::size_t kBuckets = 1u << 16; // a turn takes 65 s
#endif
    static constexpr std::size_t kMask = kBuckets - 1;
    static constexpr std::int64_t kDisarmed = INT64_MIN;

    static std::int64_t tick_of(Instant when) { return when.time_since_epoch() / kTick; }

    std::vector<std::int64_t> timers_; // the tick each index is armed for
    std::vector<List> buckets_ = std::vector<List>(kBuckets);
    std::vector<std::uint64_t> occupied_ = std::vector<std::uint64_t>(kBuckets / 64);
    std::vector<Index> due_;
    Links links_;
    std::int64_t done_; // every tick up to this one has been expired
    std::size_t armed_ = 0;
};

} // namespace penstock
