#include "bench/figures.hpp"

#include "protocol/check.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
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

// Cut out of one block of noise: made word by word, a payload costs a submitter as much as sending it.
void write_payload(std::uint64_t number, std::size_t count, char* out) {
    PENSTOCK_CHECK(count >= sizeof(number) && count < 256);
    constexpr std::size_t kStarts = 4096;
    static const auto noise = [] {
        std::array<std::uint64_t, (kStarts + 256) / sizeof(std::uint64_t)> words{};
        for (std::size_t i = 0; i < words.size(); ++i) words[i] = mixed(i);
        return words;
    }();
    *out++ = '\xc4'; // bin 8
    *out++ = static_cast<char>(count);
    std::memcpy(out, &number, sizeof(number)); // makes it distinct; the rest makes it look like data
    const auto* const from = reinterpret_cast<const char*>(noise.data()) + mixed(number) % kStarts;
    std::memcpy(out + sizeof(number), from, count - sizeof(number));
}

std::string payload_of(std::uint64_t number, std::size_t count) {
    std::string out(kPayloadHead + count, '\0');
    write_payload(number, count, out.data());
    return out;
}

void Timing::add_options(CLI::App& app, const char* count_name) {
    app.add_option(count_name, count, "How many")->check(CLI::Range(1u, 10'000'000u));
    app.add_option("--samples", samples, "A file for each time in µs, one a line");
}

void say_latencies(const Timing& timing, std::vector<std::int64_t> nanoseconds) {
    PENSTOCK_CHECK(!nanoseconds.empty());
    if (!timing.samples.empty()) {
        std::ofstream file(timing.samples, std::ios::trunc);
        for (const std::int64_t ns : nanoseconds) file << static_cast<double>(ns) / 1000 << '\n';
        if (!file.flush()) throw std::runtime_error("cannot write " + timing.samples);
    }
    std::sort(nanoseconds.begin(), nanoseconds.end());
    const auto at = [&](std::size_t percent) {
        return static_cast<double>(nanoseconds[(nanoseconds.size() - 1) * percent / 100]) / 1000;
    };
    char text[160];
    std::snprintf(text, sizeof(text),
                  R"({"p50_us": %.1f, "p99_us": %.1f, "longest_us": %.1f, "count": %zu})", at(50),
                  at(99), at(100), nanoseconds.size());
    say(text);
}

std::string Stopwatch::rate(std::uint64_t jobs) const {
    const double seconds = static_cast<double>(clock_ns() - start_) * 1e-9;
    char text[160];
    std::snprintf(text, sizeof(text),
                  R"({"jobs": %llu, "seconds": %.6f, "jobs_s": %.0f, "cpu_seconds": %.4f})",
                  static_cast<unsigned long long>(jobs), seconds,
                  static_cast<double>(jobs) / seconds, cpu_seconds() - cpu_before_);
    return text;
}

std::string moment(const char* name, std::int64_t at) {
    char text[96];
    std::snprintf(text, sizeof(text), R"({"%s": %lld, "cpu_seconds": %.4f})", name,
                  static_cast<long long>(at), cpu_seconds());
    return text;
}

int main_of(CLI::App& app, int argc, char** argv, const std::function<void()>& run) {
    CLI11_PARSE(app, argc, argv);
    try {
        run();
        return 0;
    } catch (const std::exception& error) {
        const std::string name = std::filesystem::path(argv[0]).filename();
        std::fprintf(stderr, "%s: %s\n", name.c_str(), error.what());
        return 1;
    }
}

void say(const std::string& line) {
    std::printf("%s\n", line.c_str());
    std::fflush(stdout);
}

} // namespace penstock::bench
