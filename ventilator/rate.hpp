#pragma once
// How many jobs of a kind may start now, when so many a second may. It keeps one number: when the
// next one is due if all come evenly (the generic cell rate algorithm, a token bucket without the
// bucket). So it costs the same at one an hour and at a million a second.
//
// Jobs are at least one interval less kEarly apart, and in any time T start rate * (T + kEarly) + 1
// at most. kEarly is there because who sleeps wakes late: without it every wake-up would be lost
// time, and more than one a millisecond would be out of reach. Nothing is saved up while none come.

#include "protocol/time.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace penstock::ventilator {

class Rate {
public:
    static constexpr Duration kEarly = std::chrono::milliseconds(10);

    // So many may start now. `rate` is of a second, above 0.
    [[nodiscard]] std::uint64_t room(double rate, Instant now) const {
        const Instant base = std::max(due_, now);
        if (now + kEarly < base) return 0;
        return static_cast<std::uint64_t>(seconds(now + kEarly - base) * rate) + 1;
    }

    // They do. REQUIRES: room(rate, now) >= jobs.
    void take(double rate, std::uint64_t jobs, Instant now) {
        const double interval = std::min(static_cast<double>(jobs) / rate, kLongest);
        due_ = std::max(due_, now) + from_seconds(interval);
    }

    // When there will be room again, as long as the rate stays.
    [[nodiscard]] Instant wake_at() const { return due_ - kEarly; }

    // The rate has changed: an interval of the old one is not waited out.
    void restart(double rate, Instant now) {
        due_ = std::min(due_, now + from_seconds(std::min(1 / rate, kLongest)));
    }

private:
    static constexpr double kLongest = 365.0 * 86400; // seconds; more can't be added to an Instant

    Instant due_{};
};

} // namespace penstock::ventilator
