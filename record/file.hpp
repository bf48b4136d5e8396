#pragma once
// A tape as a file.

#include "record/tape.hpp"

#include <string>

namespace penstock::record {

struct FileOptions {
    std::string file; // empty: nothing is recorded
    std::uint64_t bytes_max = 1ull << 30;
    bool payloads = false;
};

// Makes the file, for its owner alone. One that is there is left alone, and this one is called FILE.1,
// FILE.2 and so on: a role that is started again must not write over the outage that ended it. Throws
// std::runtime_error if it can't. The log says which file it is, and why there is no more.
Recording record_to(const FileOptions& options);

} // namespace penstock::record
