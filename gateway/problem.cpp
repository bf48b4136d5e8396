#include "gateway/problem.hpp"

#include "gateway/json_text.hpp"
#include "protocol/check.hpp"

#include <array>

namespace penstock::gateway {
namespace {

struct Row {
    Slug slug;
    int status;
    std::string_view text;
    std::string_view title;
};

constexpr std::array kRows = {
    Row{Slug::malformed_http, 400, "malformed-http", "The request is not well-formed HTTP"},
    Row{Slug::malformed_json, 400, "malformed-json", "The body is not JSON"},
    Row{Slug::malformed_msgpack, 400, "malformed-msgpack", "The body is not one msgpack value"},
    Row{Slug::invalid_request, 400, "invalid-request", "The request has mistakes"},
    Row{Slug::no_valid_job, 400, "no-valid-job", "No job was submitted"},
    Row{Slug::get_submit_off, 403, "get-submit-off", "Submitting by GET is off"},
    Row{Slug::host_not_allowed, 403, "host-not-allowed", "This Host is not served"},
    Row{Slug::cross_site, 403, "cross-site", "Requests of other sites' pages are refused"},
    Row{Slug::not_found, 404, "not-found", "There is nothing at this path"},
    Row{Slug::job_not_found, 404, "job-not-found", "No such job"},
    Row{Slug::group_not_found, 404, "group-not-found", "No such group"},
    Row{Slug::method_not_allowed, 405, "method-not-allowed", "The path has no such method"},
    Row{Slug::already_finished, 409, "already-finished", "The job has finished"},
    Row{Slug::not_finished, 409, "not-finished", "The job has not finished"},
    Row{Slug::outcome_lost, 410, "outcome-lost", "The outcome was lost with its sink"},
    Row{Slug::result_dropped, 410, "result-dropped", "The result is not kept any more"},
    Row{Slug::length_required, 411, "length-required", "Content-Length is required"},
    Row{Slug::body_too_large, 413, "body-too-large", "The body is too large"},
    Row{Slug::uri_too_long, 414, "uri-too-long", "The URI is too long"},
    Row{Slug::unsupported_media_type, 415, "unsupported-media-type",
        "The content type is not understood"},
    Row{Slug::expectation_failed, 417, "expectation-failed", "The expectation can't be met"},
    Row{Slug::unknown_kind, 422, "unknown-kind", "No worker ever served this kind"},
    Row{Slug::id_conflict, 422, "id-conflict", "The id is taken by another job"},
    Row{Slug::invalid_group, 422, "invalid-group", "These jobs can't belong together"},
    Row{Slug::invalid_settings, 422, "invalid-settings", "What is to hold for the kind has mistakes"},
    Row{Slug::job_failed, 424, "job-failed", "The job failed"},
    Row{Slug::job_cancelled, 424, "job-cancelled", "The job was cancelled"},
    Row{Slug::job_expired, 424, "job-expired", "The job expired before it ran"},
    Row{Slug::job_quarantined, 424, "job-quarantined", "The job is quarantined"},
    Row{Slug::header_too_large, 431, "header-too-large", "The header is too large"},
    Row{Slug::internal_error, 500, "internal-error", "The gateway made a mistake"},
    Row{Slug::jobs_full, 503, "jobs-full", "Too many open jobs"},
    Row{Slug::bytes_full, 503, "bytes-full", "The open jobs hold too many bytes"},
    Row{Slug::storage_full, 503, "storage-full", "The disk of the durable store is full"},
    Row{Slug::gateway_full, 503, "gateway-full", "This gateway has too much to do"},
    Row{Slug::draining, 503, "draining", "Shutting down"},
    Row{Slug::starting, 503, "starting", "Not ready yet"},
    Row{Slug::outcome_unknown, 504, "outcome-unknown", "No answer came in time"},
};

const Row& row_of(Slug slug) {
    const Row& row = kRows[static_cast<std::size_t>(slug)];
    PENSTOCK_CHECK(row.slug == slug);
    return row;
}

constexpr int kServiceUnavailable = 503;
constexpr std::string_view kRetryAfterSeconds = "1";

} // namespace

int status_of(Slug slug) {
    return row_of(slug).status;
}

std::string_view text_of(Slug slug) {
    return row_of(slug).text;
}

Slug slug_of_refusal(std::string_view reason) {
    for (const Slug slug : {Slug::jobs_full, Slug::bytes_full, Slug::storage_full, Slug::unknown_kind, Slug::draining,
                            Slug::id_conflict}) {
        if (reason == text_of(slug)) return slug;
    }
    return Slug::starting;
}

ProblemDetails problem(Slug slug, std::string detail) {
    ProblemDetails out;
    out.slug = slug;
    out.detail = std::move(detail);
    return out;
}

ProblemDetails bad_parameter(std::string pointer, const std::string& must) {
    auto out = problem(Slug::invalid_request, pointer + " must be " + must + ".");
    out.errors.push_back({std::move(pointer), "must be " + must});
    return out;
}

void append_problem(std::string& out, const ProblemDetails& details) {
    const Row& row = row_of(details.slug);
    JsonText json(out);
    json.open_object().key("type").text("/problems/" + std::string(row.text));
    json.key("title").text(row.title).key("status").natural(static_cast<unsigned>(row.status));
    json.key("detail").text(details.detail);
    if (details.id) json.key("id").text(details.id->text());
    if (!details.errors.empty()) {
        json.key("errors").open_array();
        for (const auto& error : details.errors) {
            json.open_object().key("pointer").text(error.pointer);
            json.key("detail").text(error.detail).close_object();
        }
        json.close_array();
    }
    if (!details.known_kinds.empty()) {
        json.key("known_kinds").open_array();
        for (const auto& kind : details.known_kinds) json.text(kind);
        json.close_array();
    }
    if (!details.extra.empty()) out += "," + details.extra;
    json.close_object();
}

Reply to_reply(const ProblemDetails& details) {
    Reply reply;
    reply.status = status_of(details.slug);
    reply.content_type = kProblemJson;
    append_problem(reply.body, details);
    if (reply.status == kServiceUnavailable) {
        reply.headers.emplace_back("Retry-After", kRetryAfterSeconds);
    }
    return reply;
}

} // namespace penstock::gateway
