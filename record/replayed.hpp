#pragma once
// What a replay finds out, for either role.

#include "record/tape.hpp"

#include <functional>
#include <map>
#include <optional>
#include <string>

namespace penstock::record {

// The first place where the machine said something else than it said then.
struct Difference {
    std::uint64_t record = 0;
    Duration at{0}; // since the tape began
    std::string of; // "answer to ask room", "turn"
    Said then, now;
};

struct Tally {
    std::map<std::string, std::uint64_t> given; // by sort
    std::uint64_t submitted = 0, finished = 0, open = 0; // jobs
    std::uint64_t decisions = 0; // jobs that were sent to workers, or outcomes that were recorded
};

// One thing that concerns the job that somebody asked about.
struct Line {
    std::uint64_t record = 0;
    Duration at{0};
    std::string way; // "gets", "says to the sink", ...
    std::string text;
};

using Show = std::function<void(const Line&)>;

} // namespace penstock::record
