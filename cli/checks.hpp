#pragma once
// Checks of numbers on the command line, in a sentence each: CLI11's own name a range of 309 digits.
// What is no number at all passes: CLI11 says so when it reads it.

#include "protocol/limits.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

namespace penstock::cli {

// Of counts, where -1 would be a very large one.
inline CLI::Validator not_negative() {
    return CLI::Validator(
        [](const std::string& text) {
            return text.starts_with('-') ? text + " is less than 0" : std::string();
        },
        "");
}

// Of times: up to ten years, which is more than anybody means.
inline CLI::Validator seconds_from(bool zero_too) {
    return CLI::Validator(
        [zero_too](const std::string& text) -> std::string {
            char* end = nullptr;
            const double seconds = std::strtod(text.c_str(), &end);
            if (end == text.c_str()) return "";
            if (zero_too && seconds < 0) return text + " is less than 0";
            if (!zero_too && seconds <= 0) return text + " is not above 0";
            return seconds <= kSecondsMax ? "" : text + " is more than ten years of seconds";
        },
        "");
}

inline CLI::Validator seconds_from_zero() { return seconds_from(true); }
inline CLI::Validator seconds_above_zero() { return seconds_from(false); }

} // namespace penstock::cli
