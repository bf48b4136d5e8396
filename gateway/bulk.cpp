#include "gateway/bulk.hpp"

#include "gateway/json_slice.hpp"
#include "protocol/codec.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

constexpr std::size_t kGroupsSearched = 32; // beyond that equal terms may stand in two groups

Group& group_for(Bulk& bulk, Terms&& terms) {
    std::size_t searched = 0;
    for (auto it = bulk.groups.rbegin(); it != bulk.groups.rend() && searched < kGroupsSearched;
         ++it, ++searched) {
        if (it->terms == terms) return *it;
    }
    Group& group = bulk.groups.emplace_back();
    group.terms = std::move(terms);
    return group;
}

JobId choose_id(const JobRequest& job, std::size_t index, const BulkContext& context) {
    if (job.id) return *job.id;
    if (!context.idempotency_key) return context.ids.next(context.now);
    return id_of_key(job.terms.tenant, *context.idempotency_key + "/" + std::to_string(index));
}

void add(Bulk& bulk, CheckedJob&& checked, const BulkContext& context) {
    const std::size_t index = bulk.jobs++;
    if (auto* bad = std::get_if<ProblemDetails>(&checked)) {
        bulk.bad.push_back({index, std::move(*bad)});
        return;
    }
    auto& job = std::get<JobRequest>(checked);
    const JobId id = choose_id(job, index, context);
    if (job.has_callbacks()) {
        const bool chosen = job.id || context.idempotency_key;
        bulk.with_callbacks.push_back({index, id, chosen, std::move(job)});
        return;
    }
    std::optional<std::uint64_t> body;
    if (job.id || context.idempotency_key) body = body_digest(job.terms, job.payload);
    Group& group = group_for(bulk, std::move(job.terms));
    group.rows.push_back({id, group.payloads.size(), job.payload.size(), index, body});
    group.payloads += job.payload;
}

ProblemDetails too_many() {
    return problem(Slug::body_too_large, "At most " + std::to_string(kBulkJobsMax) +
                                             " jobs may stand in one body. Send several.");
}

std::variant<Bulk, ProblemDetails> read_lines(std::string_view body, const BulkContext& context) {
    Bulk bulk;
    while (!body.empty()) {
        const std::size_t end = std::min(body.find('\n'), body.size());
        const std::string_view line = body.substr(0, end);
        body.remove_prefix(std::min(end + 1, body.size()));
        if (skip_space(line, 0) == line.size()) continue;
        if (bulk.jobs >= kBulkJobsMax) return too_many();
        add(bulk, context.parser.parse(line, context.now), context);
    }
    return bulk;
}

CheckedJob read_element(boost::json::value& value, const BulkContext& context) {
    if (value.is_object()) return read_job(value.get_object(), context.now);
    return problem(Slug::invalid_request, "A job is a JSON object.");
}

// An array is one JSON text: a mistake anywhere in it sinks it, and nothing is submitted.
std::variant<Bulk, ProblemDetails> read_array(std::string_view body, const BulkContext& context) {
    Bulk bulk;
    std::size_t at = skip_space(body, 0);
    if (at == body.size() || body[at] != '[') {
        return malformed_json(body, {at, "a bulk body is an array of jobs; send lines of JSON as "
                                         "application/x-ndjson"});
    }
    at = skip_space(body, at + 1);
    bool closed = at < body.size() && body[at] == ']';
    while (!closed) {
        const std::size_t end = end_of_element(body, at);
        auto parsed = context.parser.parse_json(body.substr(at, end - at));
        if (auto* bad = std::get_if<BadJson>(&parsed)) {
            return malformed_json(body, {at + bad->offset, bad->what});
        }
        if (end == body.size()) return malformed_json(body, {end, "the array does not end"});
        if (bulk.jobs >= kBulkJobsMax) return too_many();
        add(bulk, read_element(*std::get<boost::json::value*>(parsed), context), context);
        closed = body[end] == ']';
        if (!closed && body[end] != ',') return malformed_json(body, {end, "unexpected bracket"});
        at = closed ? end : skip_space(body, end + 1);
    }
    const std::size_t rest = skip_space(body, at + 1);
    if (rest != body.size()) return malformed_json(body, {rest, "there is more behind the array"});
    return bulk;
}

} // namespace

std::variant<Bulk, ProblemDetails> read_bulk(std::string_view body, BulkForm form,
                                             const BulkContext& context) {
    return form == BulkForm::lines ? read_lines(body, context) : read_array(body, context);
}

} // namespace penstock::gateway
