// Kinds: what is known of them, and what holds for all their jobs.

#include "gateway/exchange.hpp"
#include "gateway/json_msgpack.hpp"
#include "gateway/json_text.hpp"
#include "gateway/kind_request.hpp"

namespace penstock::gateway {
namespace {

constexpr Duration kPatience = std::chrono::seconds(2);

std::variant<AskKind, ProblemDetails> read_body(Exchange& x, const std::string& kind) {
    std::string body = x.body;
    if (x.head.content_type && is_msgpack_type(media_type(*x.head.content_type))) {
        body = json_of(x.body);
        if (body.empty()) {
            return problem(Slug::malformed_msgpack, "The body is not one msgpack value.");
        }
    }
    auto parsed = x.shard->parser.parse_json(body);
    if (const auto* bad = std::get_if<BadJson>(&parsed)) return malformed_json(body, *bad);
    return read_kind_settings(kind, *std::get<boost::json::value*>(parsed));
}

// What the sink said instead of what is set now.
ProblemDetails not_set(const JobAnswer& answer) {
    if (answer.found == Found::refused) {
        return problem(Slug::gateway_full, "There are more kinds than the sink remembers.");
    }
    return problem(Slug::starting, "The sink waits for its ventilator, which may know of settings "
                                   "that it does not know. Nothing was set: try again.");
}

} // namespace

Awaitable<Reply> answer_to(Exchange* x, SetKind command) {
    auto read = read_body(*x, command.kind);
    if (auto* bad = std::get_if<ProblemDetails>(&read)) co_return to_reply(*bad);
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    // A slip of the pen should not make a kind that nobody serves; before any is known there is
    // nothing to compare with.
    std::optional<ProblemDetails> unknown = co_await check_kind(x->shard, command.kind);
    if (unknown) co_return to_reply(*unknown);
    Question question{StatusQuestion(std::get<AskKind>(std::move(read)))};
    Answer answer = co_await ask(x->shard, std::move(question), kPatience);
    if (const auto* other = answer.get<JobAnswer>()) co_return to_reply(not_set(*other));
    const auto* now = answer.get<KindAnswer>();
    if (now == nullptr) co_return to_reply(no_answer(answer));
    Reply reply = json_reply(200, {});
    JsonText json(reply.body);
    json.open_object().key("kind").text(command.kind);
    json.key("settings").raw(settings_json(now->settings)).close_object();
    co_return reply;
}

} // namespace penstock::gateway
