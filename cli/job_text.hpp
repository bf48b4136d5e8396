#pragma once
// One job as the JSON that the gateway takes.

#include <boost/json.hpp>
#include <string>

namespace penstock::cli {

// What PAYLOAD on the command line means: JSON as it stands, "-" for stdin, "@FILE" for a file.
// Throws Quit(usage) if it can't be read or isn't JSON.
std::string read_payload(const std::string& argument);

// The text that "-" (stdin), "@FILE" or anything else (itself) stands for. Throws Quit(usage).
std::string read_source(const std::string& argument);

// `terms` and the payload in one object. The payload's text is passed on as it is, so that numbers
// keep every digit. REQUIRES: `payload` is JSON.
std::string job_text(const boost::json::object& terms, const std::string& payload);

} // namespace penstock::cli
