#include "bench/figures.hpp"

#include "protocol/check.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <sys/resource.h>

namespace penstock::bench {

std::int64_t clock_ns() {
    return std::chrono::nanoseconds(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double cpu_seconds() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    const auto of = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
    };
    return of(used.ru_utime) + of(used.ru_stime);
}

std::uint64_t mixed(std::uint64_t at) {
    std::uint64_t z = (at + 1) * 0x9e3779b97f4a7c15u;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

std::string payload_of(std::uint64_t number, std::size_t count) {
    PENSTOCK_CHECK(count >= sizeof(number) && count < 256);
    constexpr std::size_t kHead = 2; // bin 8 and its length
    std::string out(kHead + count, '\0');
    out[0] = '\xc4';
    out[1] = static_cast<char>(count);
    char* at = out.data() + kHead;
    std::memcpy(at, &number, sizeof(number)); // makes it distinct; the rest makes it look like data
    for (std::size_t i = sizeof(number); i < count; i += sizeof(std::uint64_t)) {
        const std::uint64_t word = mixed(number * 256 + i);
        std::memcpy(at + i, &word, std::min(sizeof(word), count - i));
    }
    return out;
}

std::string percentiles(std::vector<std::int64_t> nanoseconds) {
    PENSTOCK_CHECK(!nanoseconds.empty());
    std::sort(nanoseconds.begin(), nanoseconds.end());
    const auto at = [&](std::size_t percent) {
        return static_cast<double>(nanoseconds[(nanoseconds.size() - 1) * percent / 100]) / 1000;
    };
    char text[128];
    std::snprintf(text, sizeof(text), R"({"p50_us": %.1f, "p99_us": %.1f, "count": %zu})", at(50),
                  at(99), nanoseconds.size());
    return text;
}

void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

} // namespace penstock::bench
