#pragma once
// What the benchmark programs share: distinct payloads, clocks, and percentiles as JSON.

#include <cstdint>
#include <string>
#include <vector>

namespace penstock::bench {

// Nanoseconds of a clock that all processes of this machine share.
std::int64_t clock_ns();

// CPU time of this process so far, all threads.
double cpu_seconds();

// One round of SplitMix64: a well mixed number for every `at`.
std::uint64_t mixed(std::uint64_t at);

// `count` bytes that no other `number` has, as one msgpack bin value. REQUIRES: 8 <= count < 256.
std::string payload_of(std::uint64_t number, std::size_t count);

// {"p50_us": ..., "p99_us": ..., "count": ...}. REQUIRES: not empty.
std::string percentiles(std::vector<std::int64_t> nanoseconds);

// One line on stdout, at once: whoever waits for it may be waiting to read a clock.
void say(const std::string& line);

} // namespace penstock::bench
