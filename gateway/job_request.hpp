#pragma once
// What a client asked for, checked: a JSON (or msgpack) job to Terms, id and payload. Every mistake
// of a job is named, not only the first. Durations come out relative to a wall time passed in.

#include "gateway/head.hpp"
#include "gateway/problem.hpp"
#include "protocol/job_id.hpp"
#include "json/json.hpp"
#include "protocol/terms.hpp"
#include "protocol/time.hpp"

#include <boost/json/object.hpp>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock::gateway {

struct JobRequest {
    Terms terms;
    std::optional<JobId> id;
    std::string payload; // one msgpack value; nil if none was given
    std::unique_ptr<JobRequest> then, on_failure;

    [[nodiscard]] bool has_callbacks() const { return then || on_failure; }
};

using CheckedJob = std::variant<JobRequest, ProblemDetails>;

// Says where in `text` it is, in lines and columns.
ProblemDetails malformed_json(std::string_view text, const BadJson& bad);

// Parses texts one after the other out of one arena. Not for two threads.
class JobParser {
public:
    std::variant<boost::json::value*, BadJson> parse_json(std::string_view text) {
        return json_.read(text);
    }
    CheckedJob parse(std::string_view text, WallTime now);

private:
    JsonReader json_;
};

// `prefix` stands before the names in errors: "/jobs/3/" for one in a list of jobs.
CheckedJob read_job(const boost::json::object& fields, WallTime now, std::string prefix = "/");
CheckedJob read_job_msgpack(std::string_view body, WallTime now);
// The options of a job whose payload is the body itself. `wait` is skipped; a callback is its kind.
CheckedJob read_job_options(const std::string& kind, const std::vector<Parameter>& query,
                            WallTime now);
// And that body, as its content type says: msgpack, JSON (nothing is null), or opaque bytes.
std::optional<ProblemDetails> read_raw_payload(const Head& head, std::string&& body,
                                               JobParser& parser, JobRequest& job);

// A query as a payload: 3, true and null as JSON, the rest as strings. `wait` is skipped.
std::string payload_of_query(const std::vector<Parameter>& query);

} // namespace penstock::gateway
