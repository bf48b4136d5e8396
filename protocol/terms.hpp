#pragma once
// The terms of a job: everything its submitter asked for except its id and its payload.
// Jobs of one batch share them, and so do all jobs that were submitted alike.

#include "protocol/time.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace penstock {

struct Terms {
    std::string kind;                         // selects the handler
    int priority = 4;                         // 0-9, 9 first
    Duration delay{0};                        // not before this long after it was stored
    Duration ttl{0};                          // not started within this: expired; 0 = no limit
    Duration timeout = std::chrono::hours(1); // of one attempt
    std::uint32_t max_attempts = 1;           // failures of the handler, the first one included
    Duration backoff = std::chrono::milliseconds(100); // base of the full-jitter delay
    bool redeliver = true;                             // false: the death of its worker fails it
    std::string tenant;
    std::string content_type; // of a payload that is opaque bytes
    std::vector<std::string> tags;

    bool operator==(const Terms&) const = default;
};

} // namespace penstock
