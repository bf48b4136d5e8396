#pragma once
// Checks of numbers on the command line, in a sentence each: CLI11's own name a range of 309 digits.

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <string>

namespace penstock::cli {

// What is no number at all passes: CLI11 says so when it reads it.
inline CLI::Validator not_negative() {
    return CLI::Validator( // also of what has no sign: -1 would be a very large one
        [](const std::string& text) {
            return text.starts_with('-') ? text + " is less than 0" : std::string();
        },
        "");
}

inline CLI::Validator above_zero() {
    return CLI::Validator(
        [](const std::string& text) {
            char* end = nullptr;
            const double number = std::strtod(text.c_str(), &end);
            const bool is_number = end != text.c_str();
            return is_number && !(number > 0) ? text + " is not above 0" : std::string();
        },
        "");
}

} // namespace penstock::cli
