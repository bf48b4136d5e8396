#pragma once
// What stands in the project's documents, for tests that do it.

#include <fstream>
#include <sstream>
#include <string>

namespace penstock::testing {

// `path` from the project's root.
inline std::string text_of_document(const std::string& path) {
    std::ifstream file(std::string(PENSTOCK_SOURCE_DIR) + "/" + path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// From the first line that begins so to the end of its fenced block; empty if there is none.
inline std::string block_of_document(const std::string& path, const std::string& first_line) {
    const std::string all = text_of_document(path);
    const auto start = all.find(first_line);
    if (start == std::string::npos) return {};
    return all.substr(start, all.find("```", start) - start);
}

} // namespace penstock::testing
