#pragma once
// One request on its way to a reply. The coroutines that answer live in answers_*.cpp; they are
// named functions and take values and plain pointers, as GCC 12 needs it.

#include "gateway/beast.hpp"
#include "gateway/group_request.hpp"
#include "gateway/order.hpp"
#include "gateway/places.hpp"
#include "gateway/reply.hpp"
#include "gateway/routes.hpp"
#include "gateway/shard.hpp"

#include <optional>
#include <set>
#include <string>

namespace penstock::gateway {

struct Exchange {
    Shard* shard = nullptr;
    Deadlines::Entry* deadline = nullptr; // of its connection
    Head head;
    Command command;
    std::string body;
};

// For a client that has hung up: nothing is written.
constexpr int kNobodyListens = 0;

inline Reply no_reply() {
    return {kNobodyListens, {}, {}, {}};
}

// The reply to a request that came in whole. `exchange` outlives the coroutine.
Awaitable<Reply> answer(Exchange* exchange);

// Where to look up which of `kinds` somebody serves, as far as the ventilator knows right now. It is
// asked once at most, and only if the board lacks one of them. Nothing: all of them may be served,
// for after silence the board stands; what the ventilator itself refuses is said later.
Awaitable<std::optional<Room>> doubt_kinds(Shard* shard, std::set<std::string> kinds);
// Of one kind of those, by what came out of that.
std::optional<ProblemDetails> check_kind(const std::optional<Room>& doubt, const std::string& kind);
// Both of them, for several kinds or one; about the first that nobody serves.
Awaitable<std::optional<ProblemDetails>> check_kinds(Shard* shard, std::set<std::string> kinds);
Awaitable<std::optional<ProblemDetails>> check_kind(Shard* shard, const std::string& kind);

// What the ventilator would take now; what the board remembers if it does not answer.
Awaitable<Room> room_now(Shard* shard);

// Gives it to the hub; the call is to be awaited before anything else is.
std::shared_ptr<Call> start(Shard& shard, Question&& question, Duration patience);
// Asks the hub.
Awaitable<Answer> ask(Shard* shard, Question question, Duration patience);
// For long waits: ends early, with `gone`, when the client hangs up.
Awaitable<Answer> ask_while_connected(Exchange* exchange, Question question, Duration patience);
// For streams, which end when the gateway drains: then, too, it ends early, with `silent`.
Awaitable<Answer> ask_while_open(Exchange* exchange, Question question, Duration patience);

// Where queued jobs stand; without those of whom the ventilator says nothing at once.
// `jobs` outlives it.
Awaitable<Places> ask_place(Shard* shard, const JobView* job);
Awaitable<Places> ask_places(Shard* shard, const std::vector<JobView>* jobs);

// Gives the group to the sink, all of it or nothing. Its jobs have ids; its payloads are gone then.
std::shared_ptr<Call> start_group(Shard& shard, GroupRequest& request);
// Why it is not stored, as the sink answered; nothing if it is.
std::optional<ProblemDetails> group_trouble(Answer& answer, const JobId& id);
// Both of them. `request` outlives it.
Awaitable<std::optional<ProblemDetails>> store_group(Shard* shard, GroupRequest* request);

// Its client has gone while it waited; the group goes too, if that was wanted.
Awaitable<Reply> leave_group(Shard* shard, JobId id, Wait wait);

void note_preference(Reply& reply, const Wait& wait);

// Why there is no answer of the expected type.
ProblemDetails no_answer(const Answer& answer);

// The result as its pieces come, to the end of the job.
Awaitable<Reply> answer_in_pieces(Exchange* exchange, JobId id);

// By command.
Awaitable<Reply> answer_to(Exchange* exchange, SubmitJob command);
Awaitable<Reply> answer_to(Exchange* exchange, SubmitRaw command);
Awaitable<Reply> answer_to(Exchange* exchange, SubmitBulk command);
Awaitable<Reply> answer_to(Exchange* exchange, RunKind command);
Awaitable<Reply> answer_to(Exchange* exchange, GetJob command);
Awaitable<Reply> answer_to(Exchange* exchange, GetResult command);
Awaitable<Reply> answer_to(Exchange* exchange, GetEvents command);
Awaitable<Reply> answer_to(Exchange* exchange, GetJobEvents command);
Awaitable<Reply> answer_to(Exchange* exchange, GetGroupEvents command);
Awaitable<Reply> answer_to(Exchange* exchange, ListJobs command);
Awaitable<Reply> answer_to(Exchange* exchange, CancelOne command);
Awaitable<Reply> answer_to(Exchange* exchange, ExplainJob command);
Awaitable<Reply> answer_to(Exchange* exchange, RetryJob command);
Awaitable<Reply> answer_to(Exchange* exchange, DoMany command);
Awaitable<Reply> answer_to(Exchange* exchange, WaitMany command);
Awaitable<Reply> answer_to(Exchange* exchange, SubmitGroup command);
Awaitable<Reply> answer_to(Exchange* exchange, GetGroup command);
Awaitable<Reply> answer_to(Exchange* exchange, GetGroupResults command);
Awaitable<Reply> answer_to(Exchange* exchange, CancelWholeGroup command);
Awaitable<Reply> answer_to(Exchange* exchange, GetWorkers command);
Awaitable<Reply> answer_to(Exchange* exchange, GetKinds command);
Awaitable<Reply> answer_to(Exchange* exchange, SetKind command);
Awaitable<Reply> answer_to(Exchange* exchange, GetStats command);
Awaitable<Reply> answer_to(Exchange* exchange, Live command);
Awaitable<Reply> answer_to(Exchange* exchange, Ready command);
Awaitable<Reply> answer_to(Exchange* exchange, Health command);
Awaitable<Reply> answer_to(Exchange* exchange, GetMetrics command);
Awaitable<Reply> answer_to(Exchange* exchange, GetContract command);

} // namespace penstock::gateway
