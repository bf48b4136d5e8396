#pragma once
// Whether a request may come in, decided from its header alone: before its body is read, and
// before a client that waits for 100 Continue sends it.

#include "gateway/board.hpp"
#include "gateway/head.hpp"
#include "gateway/problem.hpp"
#include "gateway/routes.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace penstock::gateway {

struct BodyLimits {
    std::uint64_t job = 0; // {kind, payload, ...}
    std::uint64_t raw = 0; // a payload alone
    std::uint64_t bulk = 0; // of jobs, and of groups
};

// 0 = those of the wire.
BodyLimits body_limits(std::uint64_t body_bytes_max);

std::optional<ProblemDetails> check_body(const Command& command, const Head& head,
                                         const BodyLimits& limits);
// Of submissions only.
std::optional<ProblemDetails> check_room(const Board& board, std::uint64_t content_length);
std::optional<ProblemDetails> check_idempotency_key(const std::string& key);
bool is_known_kind(const Room& room, const std::string& kind);
ProblemDetails unknown_kind(const Room& room, const std::string& kind);
// Whether the ventilator did not take a job for its kind: then not_stored() needs a room that was
// asked for since, which knows the kinds that the ventilator knew.
bool is_refused_by_kind(const JobAnswer* answer);

struct Unstored { // a job that was submitted
    JobId id;
    std::string kind;
};

// Why it is not stored, or not known to be. `answer` is null after silence.
ProblemDetails not_stored(const JobAnswer* answer, const Unstored& job, const Room& room);
// Of questions to the sink, and to the ventilator.
std::optional<ProblemDetails> check_sink(const Board& board);
std::optional<ProblemDetails> check_ventilator(const Board& board);

} // namespace penstock::gateway
