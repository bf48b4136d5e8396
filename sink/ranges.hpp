#pragma once
// Numbers of jobs as ranges: neighbours share one.

#include "protocol/message.hpp"

#include <algorithm>
#include <vector>

namespace penstock::sink {

// Where a range ends that somebody else counted.
constexpr JobNumber end_of(JobNumber first, std::uint32_t count) {
    return first + std::min<JobNumber>(count, UINT64_MAX - first);
}

inline void add_number(std::vector<Range>& ranges, JobNumber number) {
    if (!ranges.empty() && ranges.back().first + ranges.back().count == number) {
        ++ranges.back().count;
    } else {
        ranges.push_back({number, 1});
    }
}

} // namespace penstock::sink
