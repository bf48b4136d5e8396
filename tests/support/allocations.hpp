#pragma once
// What a test program has asked `operator new` for so far. Linking allocations.cpp replaces the
// program's own; a program links it once.

#include <cstddef>

namespace penstock::testing {

struct Allocations {
    std::size_t count = 0;
    std::size_t bytes = 0;
};

Allocations allocated();

} // namespace penstock::testing
