#pragma once
// Settings of kinds, one at a time.

#include "protocol/terms.hpp"

namespace penstock::testing {

inline KindSettings rate(double a_second) {
    KindSettings settings;
    settings.rate = a_second;
    return settings;
}

inline KindSettings most(std::uint32_t running) {
    KindSettings settings;
    settings.max_running = running;
    return settings;
}

inline KindSettings paused(bool yes) {
    KindSettings settings;
    settings.paused = yes;
    return settings;
}

} // namespace penstock::testing
