#pragma once
// How the program ends. The numbers are part of the command line's contract: scripts test them.

#include <stdexcept>
#include <string>

namespace penstock::cli {

enum class Exit : int {
    ok = 0,
    failed = 1,      // a job failed, or something went wrong on the way
    usage = 2,       // the command line, the environment or the file can't be right
    not_found = 3,   // no such job
    timed_out = 4,   // not finished within the time that was asked for
    unavailable = 5, // no gateway answers, or it can't take this now
};

// Ends a command with a sentence for the person who typed it. Thrown by commands only, and caught
// in one place (program.cpp).
struct Quit : std::runtime_error {
    Quit(Exit with, const std::string& sentence) : std::runtime_error(sentence), code(with) {}

    Exit code;
};

} // namespace penstock::cli
