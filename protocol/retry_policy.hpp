#pragma once
// How long until the next attempt: full jitter, so that jobs that failed together don't come back
// together. https://aws.amazon.com/builders-library/timeouts-retries-and-backoff-with-jitter/

#include "protocol/time.hpp"

#include <algorithm>
#include <cstdint>

namespace penstock {

constexpr Duration kBackoffMax = std::chrono::seconds(60);

// `failures` so far, from 1. `chance` is uniform in [0, 1).
constexpr Duration retry_delay(Duration base, std::uint32_t failures, double chance) {
    const std::uint32_t doublings = std::min(failures - 1, 20u);
    const double ceiling = std::min(seconds(base) * static_cast<double>(1u << doublings),
                                    seconds(std::max(base, kBackoffMax)));
    return from_seconds(ceiling * chance);
}

// A seeded stream of chances: SplitMix64 (Steele, Lea, Flood 2014). Machines get the seed.
class Chance {
public:
    explicit Chance(std::uint64_t seed) : state_(seed) {}

    std::uint64_t bits() {
        std::uint64_t z = (state_ += 0x9e3779b97f4a7c15ull);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
        return z ^ (z >> 31);
    }

    double unit() { return static_cast<double>(bits() >> 11) * 0x1.0p-53; } // [0, 1)

private:
    std::uint64_t state_;
};

} // namespace penstock
