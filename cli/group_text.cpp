#include "cli/group_text.hpp"

#include "cli/exit_code.hpp"
#include "cli/job_text.hpp"

#include <boost/json.hpp>
#include <algorithm>

namespace penstock::cli {
namespace json = boost::json;

namespace {

std::string job_of_line(const std::string& kind, std::string_view line, std::size_t number) {
    boost::system::error_code error;
    const json::value value = json::parse({line.data(), line.size()}, error);
    const bool is_job = !error && value.is_object();
    if (error || (kind.empty() && !is_job)) {
        throw Quit(Exit::usage, "line " + std::to_string(number) + " is not " +
                                    (kind.empty() ? "a job: {\"kind\": ..., \"payload\": ...}. With "
                                                    "--kind, lines are payloads."
                                                  : "JSON: " + error.message() + "."));
    }
    return kind.empty() ? std::string(line) : job_text({{"kind", kind}}, std::string(line));
}

} // namespace

std::string group_text(const GroupLines& group, std::string_view lines) {
    std::string jobs;
    for (std::size_t number = 1; !lines.empty(); ++number) {
        const std::size_t end = std::min(lines.find('\n'), lines.size());
        const std::string_view line = lines.substr(0, end);
        lines.remove_prefix(std::min(end + 1, lines.size()));
        if (line.find_first_not_of(" \t\r") == std::string_view::npos) continue;
        jobs += (jobs.empty() ? "" : ",") + job_of_line(group.kind, line, number);
    }
    if (jobs.empty()) throw Quit(Exit::usage, "there is no job: give a file of one JSON value a line.");
    json::object rest;
    if (!group.id.empty()) rest["id"] = group.id;
    if (!group.mode.empty()) rest["mode"] = group.mode;
    if (!group.then.empty()) rest["then"] = {{"kind", group.then}};
    if (!group.on_failure.empty()) rest["on_failure"] = {{"kind", group.on_failure}};
    std::string out = json::serialize(rest);
    out.pop_back(); // }
    if (out.size() > 1) out += ',';
    return out + "\"jobs\":[" + jobs + "]}";
}

} // namespace penstock::cli
