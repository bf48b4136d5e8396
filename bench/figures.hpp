#pragma once
// What the benchmark programs share: distinct payloads, clocks, the loop that times one thing after
// the other, rates and percentiles as JSON, and how a program ends.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
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
// The same to where there is room for kPayloadHead + count bytes.
void write_payload(std::uint64_t number, std::size_t count, char* out);
constexpr std::size_t kPayloadHead = 2;

// How many times something is timed, and where each time is written, in µs, one a line.
struct Timing {
    std::uint64_t count = 2'000, warm_up = 200;
    std::string samples; // a file; empty: nowhere

    void add_options(CLI::App& app, const char* count_name);
};

// One after the other: `make(i)` makes what is sent, `act(it)` is timed, and `check(it, answer)`
// throws if that was the wrong one. The warm-up is done likewise and not counted.
template <class Make, class Act, class Check>
std::vector<std::int64_t> time_each(const Timing& timing, Make make, Act act, Check check) {
    std::vector<std::int64_t> took;
    took.reserve(timing.count);
    for (std::uint64_t i = 0; i < timing.warm_up + timing.count; ++i) {
        const auto thing = make(i);
        const std::int64_t start = clock_ns();
        const auto answer = act(thing);
        const std::int64_t end = clock_ns();
        check(thing, answer);
        if (i >= timing.warm_up) took.push_back(end - start);
    }
    return took;
}

// Writes the samples, and says {"p50_us", "p99_us", "longest_us", "count"}. REQUIRES: not empty.
void say_latencies(const Timing& timing, std::vector<std::int64_t> nanoseconds);

// What so many jobs take, from its construction on: wall clock, and CPU of this process.
class Stopwatch {
public:
    [[nodiscard]] std::int64_t started_ns() const { return start_; }
    // {"jobs": ..., "seconds": ..., "jobs_s": ..., "cpu_seconds": ...}
    [[nodiscard]] std::string rate(std::uint64_t jobs) const;

private:
    double cpu_before_ = cpu_seconds();
    std::int64_t start_ = clock_ns();
};

// {"NAME": at, "cpu_seconds": ...}: one end of what two processes measure together.
std::string moment(const char* name, std::int64_t at);

// One line on stdout, at once: whoever waits for it may be waiting to read a clock.
void say(const std::string& line);

// What main() returns: parses the arguments, runs, and says on stderr what was thrown.
int main_of(CLI::App& app, int argc, char** argv, const std::function<void()>& run);

} // namespace penstock::bench
