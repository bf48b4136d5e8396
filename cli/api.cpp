#include "cli/api.hpp"

#include "cli/exit_code.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <ctime>

namespace penstock::cli {
namespace json = boost::json;

namespace {

constexpr double kLongAnswerSeconds = 600; // of an answer that goes on and on
constexpr double kAnswerSeconds = 30; // beyond what a request asks to wait for
constexpr std::array<std::string_view, 5> kFinalStates = {"succeeded", "failed", "cancelled",
                                                          "expired", "quarantined"};

json::value parsed(const std::string& body, const std::string& from) {
    boost::system::error_code error;
    json::value out = json::parse(body, error);
    if (error) {
        throw Quit(Exit::failed, "what answers at " + from +
                                     " is not a Penstock gateway: its "
                                     "answer is not JSON.");
    }
    return out;
}

json::object parsed_object(const std::string& body, const std::string& from) {
    json::value value = parsed(body, from);
    if (const auto* object = value.if_object()) return *object;
    throw Quit(Exit::failed, "the answer of " + from + " is not an object.");
}

Exit exit_of(int status) {
    switch (status) {
    case 404:
    case 410:
        return Exit::not_found;
    case 504:
        return Exit::timed_out;
    case 429:
    case 503:
        return Exit::unavailable;
    default:
        return Exit::failed;
    }
}

std::string known_kinds(const json::object& problem) {
    const json::value* found = problem.if_contains("known_kinds");
    const json::array* kinds = found == nullptr ? nullptr : found->if_array();
    std::string out;
    for (std::size_t i = 0; kinds != nullptr && i < kinds->size(); ++i) {
        if (const json::string* kind = (*kinds)[i].if_string()) {
            out += (out.empty() ? " Known: " : ", ") + std::string(*kind);
        }
    }
    return out.empty() ? out : out + ".";
}

std::string sentence_of(const HttpAnswer& answer, const HttpRequest& request) {
    boost::system::error_code error;
    const json::value body = json::parse(answer.body, error);
    const json::object* problem = error ? nullptr : body.if_object();
    std::string said = problem == nullptr ? "" : text_of(*problem, "detail");
    if (said.empty() && problem != nullptr) said = text_of(*problem, "title");
    if (problem != nullptr) said += known_kinds(*problem);
    const std::string status = "HTTP " + std::to_string(answer.status);
    return said.empty() ? request.method + " " + request.target + ": " + status
                        : said + " (" + status + ")";
}

std::string wait_text(double seconds) {
    std::array<char, 32> out{};
    std::snprintf(out.data(), out.size(), "%.3f", seconds);
    return out.data();
}

} // namespace

void add_client_flags(CLI::App& app, ClientFlags& flags) {
    app.add_option("--gateway", flags.gateway, "Where the gateway is");
    app.add_option("--config", flags.config, "A TOML file of flags");
    app.add_flag("--json", flags.json, "One JSON object a line, for scripts");
}

bool JobReport::is_final() const {
    for (const std::string_view one : kFinalStates) {
        if (state == one) return true;
    }
    return false;
}

std::string text_of(const json::object& object, std::string_view key) {
    const json::value* found = object.if_contains(key);
    const json::string* text = found == nullptr ? nullptr : found->if_string();
    return text == nullptr ? std::string() : std::string(*text);
}

double number_of(const json::object& object, std::string_view key, double fallback) {
    const json::value* found = object.if_contains(key);
    if (found == nullptr || !found->is_number()) return fallback;
    return found->to_number<double>();
}

double parse_time(std::string_view text) {
    std::tm at{};
    double second = 0;
    const std::string owned(text);
    if (std::sscanf(owned.c_str(), "%4d-%2d-%2dT%2d:%2d:%lf", &at.tm_year, &at.tm_mon, &at.tm_mday,
                    &at.tm_hour, &at.tm_min, &second) != 6) {
        return 0;
    }
    at.tm_year -= 1900;
    at.tm_mon -= 1;
    return static_cast<double>(timegm(&at)) + second;
}

JobReport read_job(json::object raw) {
    JobReport out;
    out.id = text_of(raw, "id");
    out.kind = text_of(raw, "kind");
    out.state = text_of(raw, "state");
    out.worker = text_of(raw, "worker");
    out.position = static_cast<std::uint64_t>(number_of(raw, "position", 0));
    out.attempt = static_cast<std::uint64_t>(number_of(raw, "attempt", 0));
    out.submitted_at = parse_time(text_of(raw, "submitted_at"));
    out.started_at = parse_time(text_of(raw, "started_at"));
    out.finished_at = parse_time(text_of(raw, "finished_at"));
    if (const json::value* error = raw.if_contains("error")) {
        if (const json::object* failure = error->if_object()) {
            out.error = text_of(*failure, "code") + ": " + text_of(*failure, "message");
        } else if (error->is_string()) {
            out.error = std::string(error->as_string());
        }
    }
    out.raw = std::move(raw);
    return out;
}

Api::Api(const std::string& gateway_url) : http_(gateway_url) {}

HttpAnswer Api::ask(HttpRequest request) {
    request.timeout_seconds += kAnswerSeconds;
    HttpAnswer answer = http_.send(request);
    if (answer.status >= 200 && answer.status < 300) return answer;
    throw Quit(exit_of(answer.status), sentence_of(answer, request));
}

JobReport Api::job(const std::string& id, double wait_seconds) {
    std::string target = "/v1/jobs/" + url_encoded(id);
    if (wait_seconds > 0) target += "?wait=" + wait_text(wait_seconds);
    const HttpAnswer answer = ask({"GET", target, "", "", {}, wait_seconds});
    return read_job(parsed_object(answer.body, http_.base_url()));
}

JobPage Api::list(const std::string& target) {
    const HttpAnswer answer = ask({"GET", target, "", "", {}, 0});
    const json::value body = parsed(answer.body, http_.base_url());
    const json::array* rows = body.if_array();
    if (const json::object* object = body.if_object(); rows == nullptr && object != nullptr) {
        const json::value* jobs = object->if_contains("jobs");
        rows = jobs == nullptr ? nullptr : jobs->if_array();
    }
    JobPage out{{}, answer.next};
    if (rows == nullptr) return out;
    for (const json::value& row : *rows) {
        if (const json::object* job = row.if_object()) out.jobs.push_back(read_job(*job));
    }
    return out;
}

JobReport Api::submit(const std::string& body, double wait_seconds) {
    return read_job(post("/v1/jobs", body, wait_seconds));
}

BulkAnswer Api::submit_bulk(const std::string& body) {
    const HttpAnswer answer =
        ask({"POST", "/v1/jobs/bulk", body, "application/x-ndjson", {}, kAnswerSeconds});
    const json::object said = parsed_object(answer.body, http_.base_url());
    BulkAnswer out;
    if (const json::value* ids = said.if_contains("ids"); ids != nullptr && ids->is_array()) {
        for (const json::value& id : ids->get_array()) {
            if (id.is_string()) out.ids.emplace_back(id.get_string());
        }
    }
    if (const json::value* errors = said.if_contains("errors");
        errors != nullptr && errors->is_array()) {
        for (const json::value& error : errors->get_array()) {
            const json::object* problem = error.if_object();
            out.errors.push_back(problem == nullptr ? json::serialize(error)
                                                    : text_of(*problem, "detail"));
        }
    }
    return out;
}

json::object Api::set_kind(const std::string& kind, const json::object& settings) {
    const HttpAnswer answer = ask({"PATCH", "/v1/kinds/" + url_encoded(kind),
                                   json::serialize(settings), "application/json", {}, 0});
    return parsed_object(answer.body, http_.base_url());
}

json::value Api::get(const std::string& target, double wait_seconds) {
    return parsed(ask({"GET", target, "", "", {}, wait_seconds}).body, http_.base_url());
}

std::string Api::get_text(const std::string& target) {
    return ask({"GET", target, "", "", {}, kLongAnswerSeconds}).body;
}

json::object Api::post(const std::string& target, const std::string& body, double wait_seconds) {
    HttpRequest request{"POST", target, body, "application/json", {}, wait_seconds};
    if (wait_seconds > 0) request.headers.push_back("Prefer: wait=" + wait_text(wait_seconds));
    return parsed_object(ask(request).body, http_.base_url());
}

json::object Api::remove(const std::string& target) {
    return parsed_object(ask({"DELETE", target, "", "", {}, 0}).body, http_.base_url());
}

void Api::follow(const std::string& target, const std::vector<std::string>& headers,
                 const std::function<void(std::string_view)>& take) {
    const HttpRequest request{"GET", target, "", "", headers, 0, take};
    const HttpAnswer answer = http_.send(request);
    if (answer.status < 200 || answer.status >= 300) {
        throw Quit(exit_of(answer.status), sentence_of(answer, request));
    }
}

bool Api::is_ready() {
    try {
        return http_.send({"GET", "/readyz", "", "", {}, 5}).status == 200;
    } catch (const Quit&) {
        return false;
    }
}

} // namespace penstock::cli
