#include "tests/support/allocations.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

namespace {

std::atomic<std::size_t> count{0}, bytes{0};

} // namespace

// Not inlined: the compiler would see malloc and free where it expects a pair of its own.
[[gnu::noinline]] void* operator new(std::size_t size) {
    ++count;
    bytes += size;
    if (void* p = std::malloc(size)) return p;
    throw std::bad_alloc();
}

[[gnu::noinline]] void operator delete(void* p) noexcept {
    std::free(p);
}

[[gnu::noinline]] void operator delete(void* p, std::size_t) noexcept {
    std::free(p);
}

namespace penstock::testing {

Allocations allocated() {
    return {count, bytes};
}

} // namespace penstock::testing
