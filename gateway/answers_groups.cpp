// Groups and chains: submitting them, asking for them, cancelling them.

#include "gateway/exchange.hpp"
#include "gateway/group_json.hpp"
#include "gateway/group_request.hpp"
#include "gateway/job_json.hpp"

namespace penstock::gateway {
namespace {

constexpr Duration kGrace = std::chrono::seconds(2);
constexpr Duration kPatience = std::chrono::seconds(5);
constexpr std::uint32_t kMembersPerPage = 1'000;
constexpr std::size_t kResultsBytesMax = 64u << 20; // of one answer; a stream has no limit

using ReadGroup = std::variant<GroupRequest, ProblemDetails>;

// Other sessions of the thread get their turn between the pieces.
Awaitable<ReadGroup> read_group(Exchange* x, GroupForm form) {
    GroupReader reader(x->body, form, Shard::wall());
    while (!reader.read_some(x->shard->parser)) co_await asio::post(x->shard->io, kAwait);
    ReadGroup read = reader.finish();
    std::string().swap(x->body);
    co_return read;
}

Awaitable<std::optional<ProblemDetails>> check_group(Exchange* x, const GroupRequest* request) {
    if (x->shard->board->room.jobs_free < request->jobs) {
        co_return problem(Slug::jobs_full, "There is no room for all of these jobs. Nothing was "
                                           "accepted: try again when some have finished.");
    }
    if (x->head.idempotency_key) {
        if (auto bad = check_idempotency_key(*x->head.idempotency_key)) co_return bad;
        if (!request->id.empty()) {
            co_return problem(Slug::invalid_request, "Give an `id` or an Idempotency-Key, not "
                                                     "both: the key makes the id.");
        }
    }
    std::set<std::string> kinds = kinds_of(*request);
    co_return co_await check_kinds(x->shard, std::move(kinds));
}

AskGroup ask_about(const JobId& id, AskGroup::Until until, Duration timeout) {
    AskGroup out;
    out.id = id;
    out.until = until;
    out.timeout = timeout;
    return out;
}

// All results in order; false if they are more than fit into one answer. `json` outlives it.
Awaitable<bool> append_results(Shard* shard, GroupAnswer group, std::string* out) {
    JsonText json(*out);
    const std::size_t begin = out->size();
    json.open_array();
    for (std::uint32_t from = 0; from < group.members;) {
        AskGroup page = ask_about(group.id, AskGroup::Until::now, Duration(0));
        page.from = from;
        page.limit = kMembersPerPage;
        page.value = true;
        Question question{StatusQuestion(std::move(page))};
        Answer answer = co_await ask(shard, std::move(question), kPatience);
        const auto* members = answer.get<GroupAnswer>();
        if (members == nullptr || members->jobs.empty()) co_return false;
        for (const auto& job : members->jobs) append_member(json, job);
        from += static_cast<std::uint32_t>(members->jobs.size());
        if (out->size() - begin > kResultsBytesMax) co_return false;
    }
    json.close_array();
    co_return true;
}

// The group as it is; with its results if it has finished and they were waited for.
Awaitable<Reply> group_reply(Shard* shard, const GroupAnswer* group, const Wait* wait) {
    Reply reply = json_reply(200, {});
    JsonText json(reply.body);
    json.open_object();
    append_group(json, *group);
    if (wait->asked != Wait::Asked::no && is_final(group->state)) {
        std::string results;
        const bool whole = co_await append_results(shard, *group, &results);
        if (whole) json.key("results").raw(results);
    }
    json.key("results_at").text("/v1/groups/" + group->id.text() + "/results");
    json.close_object();
    co_return reply;
}

struct LookedGroup {
    Answer answer;               // a GroupAnswer about a known group,
    std::optional<Reply> failed; // unless there is this: then that is all
};

// The group as it is now, or as it is when it has finished or the wait is over.
Awaitable<LookedGroup> look_up_group(Exchange* x, JobId id, Wait wait) {
    LookedGroup out;
    if (auto away = check_sink(*x->shard->board)) {
        out.failed = to_reply(*away);
        co_return out;
    }
    const bool waits = wait.time > Duration(0);
    AskGroup about = ask_about(id, waits ? AskGroup::Until::finished : AskGroup::Until::now,
                               wait.time);
    about.limit = 0;
    Question question{StatusQuestion(std::move(about))};
    const Duration patience = waits ? wait.time + kGrace : kPatience;
    out.answer = co_await ask_while_connected(x, std::move(question), patience);
    const auto* group = out.answer.get<GroupAnswer>();
    if (out.answer.what == Answer::What::gone)
        out.failed = no_reply();
    else if (group == nullptr)
        out.failed = to_reply(no_answer(out.answer));
    else if (group->id.empty())
        out.failed = to_reply(no_group(id, *group));
    co_return out;
}

void add_headers(Reply& reply, const Shard& shard, const JobId& id, const Wait& wait) {
    reply.headers.emplace_back("Location", "/v1/groups/" + id.text());
    reply.headers.emplace_back("Penstock-Durability", shard.board->sink.durability);
    note_preference(reply, wait);
}

} // namespace

std::shared_ptr<Call> start_group(Shard& shard, GroupRequest& request) {
    Question question{StatusQuestion(question_of(request))};
    auto call = start(shard, std::move(question), shard.store_timeout() + kGrace);
    for (auto& part : request.parts) std::string().swap(part.payloads); // they are on their way
    return call;
}

std::optional<ProblemDetails> group_trouble(Answer& answer, const JobId& id) {
    if (answer.what == Answer::What::unsent) return no_answer(answer);
    const auto* group = answer.get<GroupAnswer>();
    if (group != nullptr && group->found == Found::found) return std::nullopt;
    return group_not_stored(id, group);
}

Awaitable<std::optional<ProblemDetails>> store_group(Shard* shard, GroupRequest* request) {
    const auto call = start_group(*shard, *request);
    co_await call->async_wait(kAwait);
    co_return group_trouble(call->answer(), request->id);
}

Awaitable<Reply> leave_group(Shard* shard, JobId id, Wait wait) {
    if (wait.cancels) {
        Question question{StatusQuestion(CancelGroup{std::move(id)})};
        co_await ask(shard, std::move(question), kPatience);
    }
    co_return no_reply();
}

Awaitable<Reply> answer_to(Exchange* x, SubmitGroup command) {
    Shard* shard = x->shard;
    ReadGroup read = co_await read_group(x, command.form);
    if (auto* bad = std::get_if<ProblemDetails>(&read)) co_return to_reply(*bad);
    auto& request = std::get<GroupRequest>(read);
    auto refused = co_await check_group(x, &request);
    if (refused) co_return to_reply(*refused);
    name_jobs(request, shard->ids, Shard::wall(), x->head.idempotency_key);
    refused = co_await store_group(shard, &request);
    if (refused) co_return to_reply(*refused);

    Reply reply = json_reply(202, {});
    if (command.wait.time > Duration(0)) {
        LookedGroup looked = co_await look_up_group(x, request.id, command.wait);
        const auto* group = looked.answer.get<GroupAnswer>();
        if (looked.answer.what == Answer::What::gone) {
            co_return co_await leave_group(shard, request.id, command.wait);
        }
        if (!looked.failed && is_final(group->state)) {
            reply = co_await group_reply(shard, group, &command.wait);
        }
    }
    if (reply.status == 202) reply.body = accepted_json(request);
    add_headers(reply, *shard, request.id, command.wait);
    co_return reply;
}

Awaitable<Reply> answer_to(Exchange* x, GetGroup command) {
    LookedGroup looked = co_await look_up_group(x, command.id, command.wait);
    if (looked.failed) co_return std::move(*looked.failed);
    const auto* group = looked.answer.get<GroupAnswer>();
    co_return co_await group_reply(x->shard, group, &command.wait);
}

Awaitable<Reply> answer_to(Exchange* x, CancelWholeGroup command) {
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    Question question{StatusQuestion(CancelGroup{command.id})};
    Answer answer = co_await ask(x->shard, std::move(question), kPatience);
    const auto* group = answer.get<GroupAnswer>();
    if (group == nullptr) co_return to_reply(no_answer(answer));
    if (group->id.empty()) co_return to_reply(no_group(command.id, *group));
    if (is_final(group->state) && group->state != State::cancelled) {
        co_return to_reply(already_finished(command.id, group->state));
    }
    Reply reply = json_reply(202, {});
    JsonText json(reply.body);
    json.open_object();
    append_group(json, *group);
    json.close_object();
    co_return reply;
}

} // namespace penstock::gateway
