#pragma once
// What a fuzzer's bytes mean to a test of a machine: each byte is one choice. When none are left
// every choice is 0, so that a prefix of an input is an input too.

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

namespace penstock::fuzz {

// Whether what a machine says is encoded and decoded, too. That would take most of the time and
// draw the fuzzer to the codec, which has one of its own: it is done when a corpus is run as a
// test.
#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
constexpr bool kChecksWire = false;
#else
constexpr bool kChecksWire = true;
#endif

class Choices {
public:
    Choices(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

    [[nodiscard]] bool any() const { return at_ != end_; }

    std::uint8_t byte() { return any() ? *at_++ : std::uint8_t{0}; }

    std::uint8_t below(unsigned count) { // REQUIRES: 1 to 256
        return static_cast<std::uint8_t>(byte() % count);
    }

    bool one_in(unsigned count) { return below(count) == 1; }

    template <class List>
    auto& of(List& list) { // REQUIRES: not empty
        return list[byte() % list.size()];
    }

private:
    const std::uint8_t* at_;
    const std::uint8_t* end_;
};

// In every build: a fuzzer is there to stop.
inline void require(bool holds, const char* claim) {
    if (holds) return;
    std::fprintf(stderr, "fuzz: this does not hold: %s\n", claim);
    std::abort();
}

} // namespace penstock::fuzz

// What libFuzzer calls for every input, and replay.cpp for every file of a corpus.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
