#pragma once
// One shell command in a process group of its own.

#include "protocol/time.hpp"

#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

namespace penstock::worker {

struct Finished {
    enum class How : std::uint8_t { exited, cancelled, timed_out, too_much_output, not_started };
    How how = How::exited;
    int status = 0;     // as the shell counts: 128 + the signal, if one ended it
    std::string output; // what it wrote to stdout
    std::string error;  // and to stderr; or why it was not started
};

// Blocks until /bin/sh -c `command` has ended and nobody holds its stdout and stderr. At the
// deadline and when `stop` is asked for, the whole group is killed; so are those that it left
// behind when it ended. REQUIRES: SIGPIPE is ignored.
Finished run_command(const std::string& command, std::string_view input, Instant deadline,
                     const std::stop_token& stop);

} // namespace penstock::worker
