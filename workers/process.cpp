#include "workers/process.hpp"

#include "protocol/limits.hpp"

#include <array>
#include <cstdio>
#include <sys/resource.h>
#include <unistd.h>

namespace penstock::worker {

std::string make_worker_name(std::uint32_t chance) {
    std::array<char, 256> host{};
    if (gethostname(host.data(), host.size() - 1) != 0 || host[0] == '\0') host = {"host"};
    std::string name(host.data());
    constexpr std::size_t kTailMax = 40; // of the pid and the number
    if (name.size() > kNameLengthMax - kTailMax) name.resize(kNameLengthMax - kTailMax);
    for (char& c : name) {
        const bool fine = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!fine) c = '-';
    }
    std::array<char, 16> tail{};
    std::snprintf(tail.data(), tail.size(), "-%08x", chance);
    return name + "-" + std::to_string(getpid()) + tail.data();
}

double cpu_seconds_used() {
    rusage usage{};
    if (getrusage(RUSAGE_SELF, &usage) != 0) return 0;
    const auto in_seconds = [](const timeval& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return in_seconds(usage.ru_utime) + in_seconds(usage.ru_stime);
}

std::uint64_t resident_bytes() {
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    if (file == nullptr) return 0;
    unsigned long long total = 0, resident = 0;
    const int got = std::fscanf(file, "%llu %llu", &total, &resident);
    std::fclose(file);
    return got == 2 ? resident * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE)) : 0;
}

} // namespace penstock::worker
