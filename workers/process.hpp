#pragma once
// What a worker says about its own process.

#include <cstdint>
#include <string>

namespace penstock::worker {

// host-pid-chance, so that no two workers of a pipeline have the same name.
std::string make_worker_name(std::uint32_t chance);

double cpu_seconds_used();
std::uint64_t resident_bytes();

} // namespace penstock::worker
