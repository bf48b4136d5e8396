#include "gateway/admission.hpp"

#include "protocol/limits.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

constexpr std::uint64_t kEnvelopeBytes = 64 * 1024; // what stands around a payload
constexpr std::uint64_t kBulkFactor = 4;
constexpr std::uint64_t kIdsBodyMax = 8u << 20;
constexpr std::size_t kIdempotencyKeyMax = 255;
constexpr std::uint64_t kIgnoredBodyMax = 64 * 1024; // of requests that need none

std::optional<ProblemDetails> check_size(const Head& head, std::uint64_t most) {
    if (head.content_length.value_or(0) <= most) return std::nullopt;
    return problem(Slug::body_too_large, "The body has " + std::to_string(*head.content_length) +
                                             " bytes; at most " + std::to_string(most) +
                                             " are taken here.");
}

std::optional<ProblemDetails> check_type(const Head& head, bool is_known, const char* known) {
    if (head.content_encoding && media_type(*head.content_encoding) != "identity") {
        return problem(Slug::unsupported_media_type,
                       "Content-Encoding is not taken. Send the body as it is.");
    }
    if (is_known || !head.content_type) return std::nullopt;
    return problem(Slug::unsupported_media_type, "The Content-Type `" + *head.content_type +
                                                     "` is not understood here. Send " + known +
                                                     ".");
}

ProblemDetails waiting(const char* part) {
    return problem(Slug::starting, std::string("The ") + part +
                                       " does not answer; it is waited "
                                       "for. Nothing was accepted: try again.");
}

} // namespace

BodyLimits body_limits(std::uint64_t most) {
    const std::uint64_t payload =
        most == 0 ? kPayloadBytesMax : std::min<std::uint64_t>(most, kPayloadBytesMax);
    return {payload + kEnvelopeBytes, payload,
            std::min<std::uint64_t>(payload * kBulkFactor, kBulkBytesMax)};
}

std::optional<ProblemDetails> check_body(const Command& command, const Head& head,
                                         const BodyLimits& limits) {
    const std::string type = head.content_type ? media_type(*head.content_type) : "";
    const bool is_json = type == "application/json" || type.ends_with("+json");
    if (std::holds_alternative<SubmitJob>(command)) {
        const bool known = is_json || is_msgpack_type(type);
        auto bad = check_type(head, known, "application/json or application/msgpack");
        return bad ? bad : check_size(head, limits.job);
    }
    if (std::holds_alternative<SetKind>(command)) {
        const bool known = is_json || is_msgpack_type(type);
        auto bad = check_type(head, known, "application/json or application/msgpack");
        return bad ? bad : check_size(head, kIgnoredBodyMax);
    }
    if (std::holds_alternative<SubmitRaw>(command)) {
        auto bad = check_type(head, true, "");
        return bad ? bad : check_size(head, limits.raw);
    }
    if (std::holds_alternative<SubmitBulk>(command)) {
        const bool known = is_json || type == "application/x-ndjson" ||
                           type == "application/ndjson" || type == "application/jsonl" ||
                           type == "application/x-jsonlines";
        auto bad = check_type(head, known, "application/json (an array) or application/x-ndjson");
        return bad ? bad : check_size(head, limits.bulk);
    }
    if (std::holds_alternative<SubmitGroup>(command)) {
        auto bad = check_type(head, is_json, "application/json");
        return bad ? bad : check_size(head, limits.bulk);
    }
    if (std::holds_alternative<DoMany>(command) || std::holds_alternative<WaitMany>(command)) {
        auto bad = check_type(head, is_json, "application/json");
        return bad ? bad : check_size(head, kIdsBodyMax);
    }
    return check_size(head, kIgnoredBodyMax);
}

std::optional<ProblemDetails> check_sink(const Board& board) {
    if (!board.sink_is_there()) return waiting("sink");
    return std::nullopt;
}

std::optional<ProblemDetails> check_ventilator(const Board& board) {
    if (!board.ventilator_is_there()) return waiting("ventilator");
    return std::nullopt;
}

std::optional<ProblemDetails> check_room(const Board& board, std::uint64_t content_length) {
    if (board.draining) {
        return problem(Slug::draining, "This gateway is shutting down. Nothing was accepted.");
    }
    if (auto away = check_ventilator(board)) return away;
    if (auto away = check_sink(board)) return away;
    const Room& room = board.room;
    if (!room.serving) {
        const bool draining = room.why == text_of(Slug::draining);
        return problem(draining ? Slug::draining : Slug::starting,
                       "The ventilator does not take jobs now: " +
                           (room.why.empty() ? "it is starting" : room.why) +
                           ". Nothing was accepted: try again.");
    }
    if (room.jobs_free == 0) {
        return problem(Slug::jobs_full, "There are as many open jobs as are allowed. Nothing was "
                                        "accepted: try again when some have finished.");
    }
    if (room.bytes_free < content_length) {
        return problem(Slug::bytes_full, "The open jobs leave room for " +
                                             std::to_string(room.bytes_free) +
                                             " bytes. Nothing "
                                             "was accepted: try again when some have finished.");
    }
    return std::nullopt;
}

std::optional<ProblemDetails> check_idempotency_key(const std::string& key) {
    if (!key.empty() && key.size() <= kIdempotencyKeyMax) return std::nullopt;
    return problem(Slug::invalid_request, "An Idempotency-Key has 1 to 255 bytes.");
}

bool is_known_kind(const Room& room, const std::string& kind) {
    return room.takes_any_kind ||
           std::find(room.kinds.begin(), room.kinds.end(), kind) != room.kinds.end();
}

ProblemDetails unknown_kind(const Room& room, const std::string& kind) {
    auto out = problem(Slug::unknown_kind, "No worker ever served the kind `" + kind +
                                               "`. Start one that does, or use a known kind.");
    out.known_kinds = room.kinds;
    std::sort(out.known_kinds.begin(), out.known_kinds.end());
    return out;
}

bool is_refused_by_kind(const JobAnswer* answer) {
    return answer != nullptr && answer->found == Found::refused &&
           answer->why == text_of(Slug::unknown_kind);
}

ProblemDetails not_stored(const JobAnswer* answer, const Unstored& job, const Room& room) {
    // Refused for want of waits says nothing about the job, which was sent.
    constexpr std::string_view kWaitsFull = "waits-full";
    const bool refused = answer != nullptr && answer->found == Found::refused;
    ProblemDetails out;
    if (is_refused_by_kind(answer)) {
        out = is_known_kind(room, job.kind)
                  ? problem(Slug::starting, "A worker for the kind `" + job.kind +
                                                "` has joined just now, behind the job, which was "
                                                "not taken. Try again.")
                  : unknown_kind(room, job.kind);
    } else if (refused && answer->why != kWaitsFull) {
        out = problem(slug_of_refusal(answer->why), "The ventilator did not take the job (" +
                                                        answer->why + "). It is not stored.");
    } else if (answer != nullptr && answer->found == Found::conflict) {
        out = problem(Slug::id_conflict, "The id `" + job.id.text() +
                                             "` is that of a job with another "
                                             "body. Choose another id, or submit the same body.");
    } else {
        out = problem(Slug::outcome_unknown, "It is not known whether the job was stored. Ask for "
                                             "it, or submit it again with this id.");
    }
    out.id = job.id;
    return out;
}

} // namespace penstock::gateway
