#include "gateway/exchange.hpp"

#include "gateway/json_text.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

constexpr Duration kRoomPatience = std::chrono::seconds(1);

Awaitable<std::optional<Room>> ask_room(Shard* shard) {
    Question question{ControlQuestion(AskRoom{})};
    Answer answer = co_await ask(shard, std::move(question), kRoomPatience);
    Room* room = answer.get<Room>();
    co_return room == nullptr ? std::nullopt : std::optional<Room>(std::move(*room));
}

} // namespace

std::shared_ptr<Call> start(Shard& shard, Question&& question, Duration patience) {
    auto call = std::make_shared<Call>();
    shard.hub.give({Promise(call), std::move(question), patience});
    return call;
}

Awaitable<Answer> ask(Shard* shard, Question question, Duration patience) {
    const auto call = start(*shard, std::move(question), patience);
    co_await call->async_wait(kAwait);
    co_return call->take();
}

namespace {

using Drain = Deadlines::Entry::Drain;

Awaitable<Answer> ask_watched(Exchange* x, Question question, Duration patience, Drain drain) {
    const auto call = start(*x->shard, std::move(question), patience);
    x->deadline->watch(call, drain);
    co_await call->async_wait(kAwait);
    x->deadline->watch(nullptr);
    co_return call->take();
}

} // namespace

Awaitable<Answer> ask_while_connected(Exchange* x, Question question, Duration patience) {
    return ask_watched(x, std::move(question), patience, Drain::goes_on);
}

Awaitable<Answer> ask_while_open(Exchange* x, Question question, Duration patience) {
    return ask_watched(x, std::move(question), patience, Drain::ends);
}

namespace {

std::string seconds_text(Duration time) {
    std::string out;
    append_json_number(out, seconds(time));
    if (out.ends_with(".0")) out.resize(out.size() - 2);
    return out;
}

} // namespace

void note_preference(Reply& reply, const Wait& wait) {
    std::string applied;
    if (wait.asked == Wait::Asked::by_preference) applied = "wait=" + seconds_text(wait.time);
    if (wait.cancels && wait.time > Duration(0)) {
        applied += applied.empty() ? "cancel-on-disconnect" : ", cancel-on-disconnect";
    }
    if (!applied.empty()) reply.headers.emplace_back("Preference-Applied", std::move(applied));
}

ProblemDetails no_answer(const Answer& answer) {
    if (answer.what == Answer::What::unsent) {
        return problem(Slug::gateway_full, "The ventilator does not read fast enough. Nothing was "
                                           "accepted: try again.");
    }
    return problem(Slug::starting, "No answer came in time. Try again.");
}

Awaitable<std::optional<Room>> doubt_kinds(Shard* shard, std::set<std::string> kinds) {
    const auto is_known = [shard](const std::string& kind) {
        return is_known_kind(shard->board->room, kind);
    };
    if (std::all_of(kinds.begin(), kinds.end(), is_known)) co_return std::nullopt;
    // A worker may have joined since the board was made.
    co_return co_await ask_room(shard);
}

std::optional<ProblemDetails> check_kind(const std::optional<Room>& doubt,
                                         const std::string& kind) {
    if (!doubt || is_known_kind(*doubt, kind)) return std::nullopt;
    return unknown_kind(*doubt, kind);
}

Awaitable<std::optional<ProblemDetails>> check_kinds(Shard* shard, std::set<std::string> kinds) {
    const std::optional<Room> doubt = co_await doubt_kinds(shard, kinds);
    for (const auto& kind : kinds) {
        if (auto unknown = check_kind(doubt, kind)) co_return unknown;
    }
    co_return std::nullopt;
}

Awaitable<std::optional<ProblemDetails>> check_kind(Shard* shard, const std::string& kind) {
    return check_kinds(shard, {kind});
}

Awaitable<Room> room_now(Shard* shard) {
    std::optional<Room> room = co_await ask_room(shard);
    co_return room ? std::move(*room) : shard->board->room;
}

Awaitable<Reply> answer(Exchange* exchange) {
    return std::visit([exchange](auto command) { return answer_to(exchange, std::move(command)); },
                      exchange->command);
}

} // namespace penstock::gateway
