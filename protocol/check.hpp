#pragma once
// PENSTOCK_CHECK states what the programmer believes. It is on in every build: a machine whose
// tables contradict each other must stop before it tells anybody something wrong.

#include <cstdio>
#include <cstdlib>

namespace penstock {

[[noreturn]] inline void check_failed(const char* claim, const char* file, int line) {
    std::fprintf(stderr, "penstock: check failed: %s (%s:%d)\n", claim, file, line);
    std::abort();
}

} // namespace penstock

#define PENSTOCK_CHECK(claim)                                                                      \
    ((claim) ? static_cast<void>(0) : ::penstock::check_failed(#claim, __FILE__, __LINE__))
