#pragma once
// Time is an argument. Machines are told what time it is and never ask.
// Only durations cross the wire between processes; wall time is for people to read.

#include <chrono>
#include <cstdint>

namespace penstock {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

constexpr Instant kNever = Instant::max();

struct Now {
    Instant at;    // monotonic: what decisions are made with
    WallTime wall; // calendar: what people are shown
};

constexpr double seconds(Duration d) {
    return std::chrono::duration<double>(d).count();
}

// As people's clocks count, since 1970.
inline double unix_seconds(WallTime when) {
    return std::chrono::duration<double>(when.time_since_epoch()).count();
}

// REQUIRES: 0 <= s <= 10 years or so; the codec has checked it.
constexpr Duration from_seconds(double s) {
    // The fraction apart, so that what one peer sent as seconds is the same duration at every
    // other.
    const auto whole = static_cast<std::int64_t>(s);
    const double rest = s - static_cast<double>(whole);
    return std::chrono::seconds(whole) + Duration(static_cast<std::int64_t>(rest * 1e9 + 0.5));
}

} // namespace penstock
