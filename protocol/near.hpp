#pragma once
// When two measured times may stand for each other, so that jobs share a message.

#include <cstdint>

namespace penstock {

// To within a tenth and a millisecond. An unknown time (0) is near to no known one.
constexpr bool is_near(std::uint64_t a_us, std::uint64_t b_us) {
    if ((a_us == 0) != (b_us == 0)) return false;
    const std::uint64_t apart = a_us > b_us ? a_us - b_us : b_us - a_us;
    return apart <= b_us / 10 + 1'000;
}

} // namespace penstock
