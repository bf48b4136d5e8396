#pragma once
// Numbers of jobs as ranges: neighbours share one.

#include "protocol/message.hpp"

#include <vector>

namespace penstock::sink {

inline void add_number(std::vector<Range>& ranges, JobNumber number) {
    if (!ranges.empty() && ranges.back().first + ranges.back().count == number) {
        ++ranges.back().count;
    } else {
        ranges.push_back({number, 1});
    }
}

} // namespace penstock::sink
