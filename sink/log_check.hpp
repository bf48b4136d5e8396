#pragma once
// SQLite reads its log (`-wal`) up to the first frame that is not as it was written, and takes that
// for the end: rightly so when a write was cut off, and in silence when the frame is damaged. This
// looks whether later transactions stand behind it. What a frame is, and how its checksum continues
// that of the frame before: https://www.sqlite.org/fileformat2.html#the_write_ahead_log
//
// The last transaction of a log has none behind it: damage there looks like a write that was cut off.

#include <cstdint>
#include <istream>
#include <optional>

namespace penstock::sink {

struct LogDamage {
    std::uint64_t frame = 0; // the first that is damaged, from 1; 0: the head of the log
    std::uint64_t byte = 0;  // where it begins in the log
};

// Reads it once, from its begin. nullopt: nothing that was committed is left out.
[[nodiscard]] std::optional<LogDamage> damage_of(std::istream& log);

} // namespace penstock::sink
