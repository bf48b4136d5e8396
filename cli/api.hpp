#pragma once
// What can be asked over HTTP, asked of one gateway. What it refuses becomes a Quit with the
// gateway's own words.

#include "cli/app_fwd.hpp"
#include "cli/http_client.hpp"

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace penstock::cli {

struct ClientFlags {
    std::string gateway = "http://127.0.0.1:8080";
    std::string config; // read by layers.cpp
    bool json = false;
};

// --gateway, --config, --json
void add_client_flags(CLI::App& app, ClientFlags& flags);

// What the gateway says of one job. Times are unix seconds, 0 = not yet.
struct JobReport {
    std::string id, kind, state, worker;
    std::uint64_t attempt = 0;
    std::uint64_t position = 0; // in the queue, from 1; 0 = not queued, or nobody knows
    double submitted_at = 0, started_at = 0, finished_at = 0;
    std::string error;       // for people; empty: none
    boost::json::object raw; // all of it

    [[nodiscard]] bool is_final() const;

    [[nodiscard]] bool succeeded() const { return state == "succeeded"; }
};

JobReport read_job(boost::json::object raw);

struct JobPage {
    std::vector<JobReport> jobs;
    std::string next; // target of the next page; empty: that was all
};

struct BulkAnswer {
    std::vector<std::string> ids;
    std::vector<std::string> errors; // one sentence each
};

class Api {
public:
    explicit Api(const std::string& gateway_url);

    // Waits up to `wait_seconds` for the outcome; the report may be of an open job all the same.
    JobReport job(const std::string& id, double wait_seconds);
    JobPage list(const std::string& target);

    // `body` is one job as JSON. With a wait the report holds what is known when it is over.
    JobReport submit(const std::string& body, double wait_seconds);
    // `body` holds one job a line.
    BulkAnswer submit_bulk(const std::string& body);

    // Sets what `settings` holds, clears what is null there. What is set for the kind then.
    boost::json::object set_kind(const std::string& kind, const boost::json::object& settings);

    boost::json::value get(const std::string& target, double wait_seconds = 0);
    std::string get_text(const std::string& target); // lines of JSON, say
    boost::json::object post(const std::string& target, const std::string& body,
                             double wait_seconds = 0);
    boost::json::object remove(const std::string& target);
    // The body of the answer as it comes, to its end.
    void follow(const std::string& target, const std::vector<std::string>& headers,
                const std::function<void(std::string_view)>& take);
    // Whether GET /readyz says yes; false too if nothing answers.
    bool is_ready();

private:
    HttpAnswer ask(HttpRequest request); // throws Quit unless 2xx

    HttpClient http_;
};

// "2026-01-02T03:04:05.678901Z" -> unix seconds; 0 if it isn't one.
double parse_time(std::string_view text);

// Members of untrusted objects: the fallback if absent or of another type.
std::string text_of(const boost::json::object& object, std::string_view key);
double number_of(const boost::json::object& object, std::string_view key, double fallback);

} // namespace penstock::cli
