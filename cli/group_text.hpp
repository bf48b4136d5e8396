#pragma once
// A group or a chain as the JSON that the gateway takes, out of lines. Pure.

#include <string>
#include <string_view>
#include <vector>

namespace penstock::cli {

struct GroupLines {
    std::string kind;             // not empty: the lines are payloads of this kind, else jobs
    std::string then, on_failure; // kinds; empty: none
    std::string mode;             // empty: the gateway's default
    std::string id;               // empty: the gateway makes one
};

// `lines` holds a JSON value a line; empty lines don't count. Numbers keep every digit.
// Throws Quit(usage) for a line that is no JSON, or if there is none.
std::string group_text(const GroupLines& group, std::string_view lines);

} // namespace penstock::cli
