#pragma once
// Counting durations into the buckets that kHistogramBounds names.

#include "protocol/questions.hpp"

#include <algorithm>
#include <array>
#include <cstdint>

namespace penstock::sink {

// In microseconds, and sixteen of them: whole vectors of the smallest instruction set.
constexpr auto kBucketsUs = [] {
    std::array<std::int32_t, 16> out{};
    out.fill(INT32_MAX);
    static_assert(kHistogramBounds.size() <= out.size());
    for (std::size_t i = 0; i < kHistogramBounds.size(); ++i) {
        out[i] = static_cast<std::int32_t>(kHistogramBounds[i] * 1e6 + 0.5);
    }
    return out;
}();

// Three times for every job: counted without a branch that depends on the value.
inline void observe(Histogram& histogram, Duration value) {
    const std::int64_t whole = (value.count() + 999) / 1000; // above a bound is above it
    const auto us = static_cast<std::int32_t>(std::min<std::int64_t>(whole, INT32_MAX - 1));
    std::int32_t bucket = 0;
    for (const std::int32_t bound : kBucketsUs) bucket += us > bound ? 1 : 0;
    ++histogram.counts[static_cast<std::size_t>(bucket)];
    histogram.sum += seconds(value);
}

} // namespace penstock::sink
