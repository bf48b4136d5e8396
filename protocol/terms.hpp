#pragma once
// The terms of a job: everything its submitter asked for except its id and its payload.
// Jobs of one batch share them, and so do all jobs that were submitted alike.

#include "protocol/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace penstock {

struct Terms {
    std::string kind;                         // selects the handler
    int priority = 4;                         // 0-9, 9 first
    Duration delay{0};                        // not before this long after it was stored
    Duration ttl{0};                          // not started within this: expired; 0 = no limit
    Duration timeout{0};                      // of one attempt; 0 = as its kind says, else an hour
    std::uint32_t max_attempts = 1;           // failures of the handler, the first one included
    Duration backoff = std::chrono::milliseconds(100); // base of the full-jitter delay
    bool redeliver = true;                             // false: the death of its worker fails it
    std::string tenant;
    std::string content_type; // of a payload that is opaque bytes
    std::vector<std::string> tags;
    std::vector<std::string> needs; // labels that its worker must have, sorted, each once

    bool operator==(const Terms&) const = default;
};

constexpr Duration kTimeoutDefault = std::chrono::hours(1); // where neither job nor kind says one

// What holds for all jobs of a kind, whoever submits them and however many workers there are. What
// is absent does not limit.
struct KindSettings {
    std::optional<std::uint32_t> max_running; // outstanding attempts, at least 1
    std::optional<double> rate;               // dispatches a second, above 0
    std::optional<bool> paused;               // nothing is dispatched
    std::optional<double> weight;             // share beside other kinds, above 0; absent = 1
    std::optional<Duration> timeout;          // of jobs that say none

    bool operator==(const KindSettings&) const = default;
};

} // namespace penstock
