#pragma once
// Since when the oldest of many waits, to within a slot of time: they are counted slot by slot, so
// that coming and going cost the same however many there are.

#include "protocol/check.hpp"
#include "protocol/time.hpp"

#include <bit>
#include <cstdint>
#include <vector>

namespace penstock::ventilator {

class Ages {
public:
    using Slot = std::int64_t;

    // How wide a slot is, as a power of two of nanoseconds: an eighth of a step of ageing at most,
    // so that the oldest is known well enough, and no more of them than a backlog of days needs.
    static int width_for(Duration step) {
        const Duration eighth = std::max<Duration>(step / 8, std::chrono::milliseconds(100));
        return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(eighth.count()))) - 1;
    }

    static Slot slot_of(Instant when, int width) {
        return when.time_since_epoch().count() >> width;
    }

    void add(Slot slot) {
        if (used_ == 0) {
            counts_.clear();
            head_ = 0;
            first_ = slot;
        }
        if (slot < first_) make_room(static_cast<std::size_t>(first_ - slot));
        const std::size_t at = head_ + static_cast<std::size_t>(slot - first_);
        if (at >= counts_.size()) counts_.resize(at + 1);
        ++counts_[at];
        ++used_;
    }

    void remove(Slot slot) {
        std::uint32_t& count = counts_[head_ + static_cast<std::size_t>(slot - first_)];
        PENSTOCK_CHECK(count > 0);
        --count;
        --used_;
        if (used_ == 0) return;
        while (counts_[head_] == 0) {
            ++head_;
            ++first_;
        }
        if (head_ < kTrim || head_ * 2 < counts_.size()) return;
        counts_.erase(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(head_));
        head_ = 0;
    }

    // The beginning of the oldest's slot, at most a slot before it. kNever: there is none.
    [[nodiscard]] Instant oldest(int width) const {
        return used_ == 0 ? kNever : Instant(Duration(first_ << width));
    }

private:
    static constexpr std::size_t kTrim = 64;

    void make_room(std::size_t slots) { // before the first; somebody came back
        if (head_ >= slots)
            head_ -= slots;
        else
            counts_.insert(counts_.begin() + static_cast<std::ptrdiff_t>(head_), slots, 0);
        first_ -= static_cast<Slot>(slots);
    }

    std::vector<std::uint32_t> counts_; // from head_ on; those before it are 0
    std::size_t head_ = 0;
    Slot first_ = 0; // of counts_[head_]
    std::uint64_t used_ = 0;
};

} // namespace penstock::ventilator
