#include "cli/job_text.hpp"

#include "cli/exit_code.hpp"

#include <fstream>
#include <iostream>
#include <iterator>

namespace penstock::cli {
namespace {

std::string read_all(std::istream& in) {
    return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

} // namespace

std::string read_source(const std::string& argument) {
    if (argument == "-") return read_all(std::cin);
    if (!argument.starts_with("@")) return argument;
    std::ifstream file(argument.substr(1), std::ios::binary);
    if (!file) throw Quit(Exit::usage, "can't read the file '" + argument.substr(1) + "'.");
    return read_all(file);
}

std::string read_payload(const std::string& argument) {
    std::string text = read_source(argument);
    boost::system::error_code error;
    boost::json::parse(text, error);
    if (error) {
        throw Quit(Exit::usage, "the payload is not JSON (" + error.message() +
                                    "). A text needs its own quotes: '\"text\"'.");
    }
    // One line, whatever the file looked like: NDJSON has no other frame. Outside of strings a line
    // break is only white space, and inside of strings JSON has none.
    for (char& c : text) {
        if (c == '\n' || c == '\r') c = ' ';
    }
    return text;
}

std::string job_text(const boost::json::object& terms, const std::string& payload) {
    std::string out = boost::json::serialize(terms);
    out.pop_back(); // }
    if (out.size() > 1) out += ',';
    return out + "\"payload\":" + payload + "}";
}

} // namespace penstock::cli
