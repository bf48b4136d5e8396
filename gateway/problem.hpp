#pragma once
// What can go wrong over HTTP, as RFC 9457 problem+json. Every slug has one status and one title;
// the detail says what happened here and what to do about it.

#include "gateway/reply.hpp"
#include "protocol/job_id.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::gateway {

enum class Slug : std::uint8_t {
    malformed_http,
    malformed_json,
    malformed_msgpack,
    invalid_request,
    no_valid_job,
    get_submit_off,
    host_not_allowed,
    cross_site,
    not_found,
    job_not_found,
    group_not_found,
    method_not_allowed,
    already_finished,
    not_finished,
    outcome_lost,
    result_dropped,
    length_required,
    body_too_large,
    uri_too_long,
    unsupported_media_type,
    expectation_failed,
    unknown_kind,
    id_conflict,
    invalid_group,
    invalid_settings,
    job_failed,
    job_cancelled,
    job_expired,
    job_quarantined,
    header_too_large,
    internal_error,
    jobs_full,
    bytes_full,
    storage_full,
    gateway_full,
    draining,
    starting,
    outcome_unknown,
};

struct FieldError {
    std::string pointer; // JSON pointer into the body, or the name of a query parameter or header
    std::string detail;
};

struct ProblemDetails {
    Slug slug = Slug::internal_error;
    std::string detail;
    std::vector<FieldError> errors;
    std::optional<JobId> id;
    std::vector<std::string> known_kinds; // of unknown-kind
    std::string extra;                    // more members: `"name":value,...`, ready made
};

int status_of(Slug slug);
std::string_view text_of(Slug slug);
// The slug of a reason for refusing that came over the wire; starting if it is a new one.
Slug slug_of_refusal(std::string_view reason);

ProblemDetails problem(Slug slug, std::string detail);
// Of a request's line or header: "?wait", "a number of seconds".
ProblemDetails bad_parameter(std::string pointer, const std::string& must);
// Appends the problem+json object.
void append_problem(std::string& out, const ProblemDetails& details);
// With Retry-After where it makes sense to try again.
Reply to_reply(const ProblemDetails& details);

} // namespace penstock::gateway
