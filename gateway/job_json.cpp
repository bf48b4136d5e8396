#include "gateway/job_json.hpp"

#include "gateway/calendar.hpp"
#include "gateway/json_msgpack.hpp"
#include "gateway/kind_request.hpp"

#include <algorithm>
#include <map>

namespace penstock::gateway {
namespace {

constexpr std::string_view kOctetStream = "application/octet-stream";

void append_texts(JsonText& json, std::string_view key, const std::vector<std::string>& texts) {
    json.key(key).open_array();
    for (const auto& text : texts) json.text(text);
    json.close_array();
}

void append_failure(JsonText& json, const Failure& failure) {
    json.open_object().key("code").text(failure.code).key("message").text(failure.message);
    json.key("retryable").boolean(failure.retryable).close_object();
}

void append_result(JsonText& json, const JobView& job) {
    const std::string value = json_of(job.value);
    json.key("result");
    if (value.empty())
        json.null();
    else
        json.raw(value);
    if (!job.content_type.empty()) json.key("content_type").text(job.content_type);
}

// A content type goes out in a header, so nothing may stand in it that ends one.
bool is_header_text(std::string_view text) {
    return std::all_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) >= 0x20 && c != 0x7f; });
}

void append_quantile(JsonText& json, std::string_view key, const Histogram& histogram, double q) {
    if (const auto value = quantile(histogram, q)) json.key(key).number(*value);
}

struct KindRow {
    DispatchKind dispatch;
    SinkKind sink;
};

std::map<std::string, KindRow> join_kinds(const DispatchStats& dispatch, const SinkStats& sink) {
    std::map<std::string, KindRow> rows;
    for (const auto& kind : dispatch.kinds) rows[kind.kind].dispatch = kind;
    for (const auto& kind : sink.kinds) rows[kind.kind].sink = kind;
    return rows;
}

void append_kind(JsonText& json, const std::string& name, const KindRow& row) {
    const DispatchKind& d = row.dispatch;
    const SinkKind& s = row.sink;
    json.open_object().key("kind").text(name).key("workers").natural(d.workers);
    json.key("queued").natural(d.queued).key("delayed").natural(d.delayed);
    json.key("running").natural(d.running).key("oldest_age").number(d.oldest_age_seconds);
    json.key("submitted").natural(d.submitted).key("refused").natural(d.refused);
    json.key("stored").natural(s.stored).key("dispatched").natural(d.dispatched);
    json.key("redelivered").natural(d.redelivered).key("retried").natural(d.retried);
    json.key("succeeded").natural(s.succeeded).key("failed").natural(s.failed);
    json.key("cancelled").natural(s.cancelled).key("expired").natural(s.expired);
    json.key("quarantined").natural(s.quarantined).key("duplicates").natural(s.duplicates);
    json.key("settings").raw(settings_json(d.settings));
    append_quantile(json, "total_p50", s.total, 0.5);
    append_quantile(json, "total_p99", s.total, 0.99);
    json.close_object();
}

} // namespace

std::optional<double> quantile(const Histogram& histogram, double q) {
    if (histogram.counts.size() != kHistogramBounds.size() + 1) return std::nullopt;
    std::uint64_t all = 0;
    for (const auto count : histogram.counts) all += count;
    if (all == 0) return std::nullopt;
    const double rank = q * static_cast<double>(all);
    double below = 0, from = 0;
    for (std::size_t i = 0; i < kHistogramBounds.size(); ++i) {
        const auto count = static_cast<double>(histogram.counts[i]);
        if (count > 0 && below + count >= rank) {
            return from + (kHistogramBounds[i] - from) * std::max(0.0, rank - below) / count;
        }
        below += count;
        from = kHistogramBounds[i];
    }
    return kHistogramBounds.back();
}

void append_outcome(JsonText& json, const JobView& job) {
    if (!job.value.empty()) append_result(json, job);
    if (job.failure) append_failure(json.key("error"), *job.failure);
}

void append_job(JsonText& json, const JobView& job, const Place* place) {
    json.open_object().key("id").text(job.id.text()).key("kind").text(job.kind);
    json.key("state").text(to_string(job.state)).key("attempt").natural(job.attempt);
    if (place != nullptr) {
        json.key("position").natural(place->position);
        if (place->starts_at > 0) json.key("estimated_start").text(to_rfc3339(place->starts_at));
    }
    if (job.deaths > 0) json.key("deaths").natural(job.deaths);
    if (!job.worker.empty()) json.key("worker").text(job.worker);
    if (job.progress >= 0) json.key("progress").number(job.progress);
    if (!job.note.empty()) json.key("note").text(job.note);
    if (!job.tags.empty()) append_texts(json, "tags", job.tags);
    if (!job.tenant.empty()) json.key("tenant").text(job.tenant);
    if (!job.group.empty()) json.key("group").text(job.group.text());
    if (!job.retry_of.empty()) json.key("retry_of").text(job.retry_of.text());
    json.key("submitted_at").text(to_rfc3339(job.submitted_at));
    if (job.started_at > 0) json.key("started_at").text(to_rfc3339(job.started_at));
    if (job.finished_at > 0) json.key("finished_at").text(to_rfc3339(job.finished_at));
    if (job.partials > 0) json.key("partials").natural(job.partials);
    if (job.result_bytes > 0) json.key("result_bytes").natural(job.result_bytes);
    append_outcome(json, job);
    json.close_object();
}

std::string jobs_json(const ListAnswer& list, const Places& places) {
    std::string out;
    JsonText json(out);
    json.open_object().key("jobs").open_array();
    for (const auto& job : list.jobs) append_job(json, job, place_of(places, job));
    json.close_array().key("cursor");
    if (list.cursor == 0)
        json.null();
    else
        json.text(std::to_string(list.cursor));
    json.close_object();
    return out;
}

std::string workers_json(const Workers& workers) {
    std::string out;
    JsonText json(out);
    json.open_object().key("workers").open_array();
    for (const auto& w : workers.workers) {
        json.open_object().key("worker").text(w.worker);
        append_texts(json, "kinds", w.kinds);
        append_texts(json, "labels", w.labels);
        if (w.min_priority > 0) {
            json.key("min_priority").natural(static_cast<unsigned>(w.min_priority));
        }
        json.key("slots").natural(w.slots).key("window").natural(w.window);
        json.key("outstanding").natural(w.outstanding).key("settled").natural(w.settled);
        json.key("heartbeats").boolean(w.heartbeats).key("draining").boolean(w.draining);
        json.key("silent").boolean(w.silent).key("joined_seconds_ago").number(w.joined_seconds_ago);
        json.key("cpu_seconds").number(w.cpu_seconds).key("rss_bytes").natural(w.rss_bytes);
        json.close_object();
    }
    json.close_array().close_object();
    return out;
}

std::string kinds_json(const Room& room, const DispatchStats& dispatch, const SinkStats& sink) {
    auto rows = join_kinds(dispatch, sink);
    for (const auto& kind : room.kinds) rows[kind]; // known, though no job came yet
    std::string out;
    JsonText json(out);
    json.open_object().key("any").boolean(room.takes_any_kind).key("kinds").open_array();
    for (const auto& [name, row] : rows) append_kind(json, name, row);
    json.close_array().close_object();
    return out;
}

std::string stats_json(const DispatchStats& dispatch, const SinkStats& sink) {
    std::uint64_t queued = 0, delayed = 0, running = 0;
    double oldest = 0;
    for (const auto& kind : dispatch.kinds) {
        queued += kind.queued;
        delayed += kind.delayed;
        running += kind.running;
        oldest = std::max(oldest, kind.oldest_age_seconds);
    }
    std::string out;
    JsonText json(out);
    json.open_object().key("depth").natural(queued).key("delayed").natural(delayed);
    json.key("running").natural(running).key("oldest_age").number(oldest);
    json.key("open_jobs").natural(sink.open_jobs).key("open_bytes").natural(dispatch.open_bytes);
    json.key("finished_jobs").natural(sink.finished_jobs).key("stored_bytes").natural(sink.bytes);
    json.key("waits").natural(sink.waits).key("workers").natural(dispatch.workers);
    json.key("duplicates").natural(dispatch.duplicates).key("evicted").natural(sink.evicted);
    json.key("unknown_results").natural(sink.unknown_results);
    json.key("lost_attempts").natural(sink.lost_attempts);
    json.key("malformed").natural(dispatch.malformed + sink.malformed);
    json.key("durability").text(sink.durability).key("kinds").open_array();
    for (const auto& [name, row] : join_kinds(dispatch, sink)) append_kind(json, name, row);
    json.close_array().close_object();
    return out;
}

Reply result_reply(JobView&& job, ResultForm form) {
    Reply reply;
    if (form == ResultForm::msgpack) {
        reply.content_type = kMsgpack;
        reply.body = std::move(job.value);
        return reply;
    }
    Reader reader;
    const Node root = reader.read(job.value, Reader::Values::read);
    const bool typed = !job.content_type.empty() && is_header_text(job.content_type);
    if (root && (root.is(Shape::bytes) || (typed && root.is(Shape::text)))) {
        reply.content_type = typed ? job.content_type : kOctetStream;
        reply.body = std::string(root.text());
        // A handler's HTML must not run as a page of this gateway.
        reply.headers.emplace_back("X-Content-Type-Options", "nosniff");
        reply.headers.emplace_back("Content-Security-Policy", "sandbox");
        return reply;
    }
    reply.content_type = kJson;
    append_json(reply.body, root);
    return reply;
}

ProblemDetails no_result(const JobView& job) {
    ProblemDetails out;
    const std::string said = job.failure ? job.failure->code + ": " + job.failure->message : "";
    switch (job.state) {
    case State::failed:
        out = problem(Slug::job_failed, said);
        break;
    case State::cancelled:
        out = problem(Slug::job_cancelled, "It was cancelled.");
        break;
    case State::expired:
        out = problem(Slug::job_expired, "It did not start within its ttl.");
        break;
    case State::quarantined:
        out = problem(Slug::job_quarantined, "Workers died while it ran. " + said);
        break;
    default:
        out = problem(Slug::result_dropped, "The job succeeded, but its result is not kept any "
                                            "more.");
    }
    out.id = job.id;
    JsonText json(out.extra);
    json.key("state").text(to_string(job.state)).key("attempt");
    out.extra += std::to_string(job.attempt);
    if (job.failure) {
        out.extra += ",\"error\":";
        std::string failure;
        JsonText inner(failure);
        append_failure(inner, *job.failure);
        out.extra += failure;
    }
    return out;
}

ProblemDetails not_found(const JobId& id, const JobAnswer& answer) {
    ProblemDetails out;
    if (answer.found == Found::starting) {
        out = problem(Slug::starting, "Open jobs are still coming in. Ask again.");
    } else if (answer.found == Found::refused) {
        const Slug slug = slug_of_refusal(answer.why);
        out = problem(slug, "The job was not taken (" + answer.why + ").");
    } else if (answer.why == text_of(Slug::outcome_lost)) {
        out = problem(Slug::outcome_lost, "The sink that knew it has gone.");
    } else {
        out = problem(Slug::job_not_found, "No job has the id `" + id.text() +
                                               "`: it was never "
                                               "submitted, or its outcome is not kept any more.");
    }
    out.id = id;
    return out;
}

ProblemDetails already_finished(const JobId& id, State state) {
    auto out = problem(Slug::already_finished, "Its state is " + std::string(to_string(state)) +
                                                   "; a recorded outcome never changes.");
    out.id = id;
    return out;
}

ProblemDetails not_retried(const JobId& id, const JobAnswer& answer) {
    ProblemDetails out;
    if (answer.found == Found::conflict) {
        out = problem(Slug::id_conflict, "The id of the new job is taken. Use another "
                                         "Idempotency-Key.");
    } else if (answer.found != Found::refused) {
        out = not_found(id, answer);
    } else if (answer.why == text_of(Slug::not_finished)) {
        out = problem(Slug::not_finished, "The job has no outcome yet; wait for it, or cancel it, "
                                          "before it is run again.");
    } else {
        out = problem(slug_of_refusal(answer.why),
                      "The job was not taken again (" + answer.why + ").");
    }
    out.id = id;
    return out;
}

} // namespace penstock::gateway
