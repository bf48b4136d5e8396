// Submitting one job: by its JSON, by its bare payload, by GET.

#include "gateway/exchange.hpp"
#include "gateway/job_json.hpp"
#include "gateway/json_msgpack.hpp"
#include "gateway/server_timing.hpp"
#include "protocol/codec.hpp"

namespace penstock::gateway {
namespace {

constexpr Duration kGrace = std::chrono::seconds(2); // the sink's own time-out comes first

enum class Outcome { view, bare }; // what a job that finished in time is answered with

struct Submission {
    JobRequest job;
    Wait wait;
    Outcome outcome = Outcome::view;
};

Reply accepted(const Shard& shard, const JobId& id, const Wait& wait) {
    Reply reply = json_reply(202, {});
    JsonText(reply.body).open_object().key("id").text(id.text()).close_object();
    reply.headers.emplace_back("Location", "/v1/jobs/" + id.text());
    reply.headers.emplace_back("Penstock-Durability", shard.board->sink.durability);
    note_preference(reply, wait);
    return reply;
}

Reply finished(JobView&& job, const Exchange& x, const Submission& submission) {
    Reply reply;
    std::string timing = server_timing(job);
    const std::string location = "/v1/jobs/" + job.id.text();
    if (submission.outcome == Outcome::bare) {
        const auto form = accepts_msgpack(x.head) ? ResultForm::msgpack : ResultForm::json;
        reply = job.value.empty() ? to_reply(no_result(job)) : result_reply(std::move(job), form);
    } else {
        reply = json_reply(200, {});
        JsonText json(reply.body);
        append_job(json, job);
    }
    reply.headers.emplace_back("Location", location);
    reply.headers.emplace_back("Penstock-Durability", x.shard->board->sink.durability);
    note_preference(reply, submission.wait);
    add_server_timing(reply, std::move(timing));
    return reply;
}

// Its own id, that of its idempotency key, or a new one. An id that was chosen may be taken by
// another job: then `wait.body` is set, to be made its digest.
std::optional<ProblemDetails> choose_id(Exchange& x, const JobRequest& job, AskWait& wait) {
    if (!job.id && !x.head.idempotency_key) {
        wait.id = x.shard->ids.next(Shard::wall());
        return std::nullopt;
    }
    wait.body = 0;
    if (!x.head.idempotency_key) {
        wait.id = *job.id;
        return std::nullopt;
    }
    if (job.id) {
        return problem(Slug::invalid_request,
                       "Give an `id` or an Idempotency-Key, not both: the key makes the id.");
    }
    const std::string& key = *x.head.idempotency_key;
    if (auto bad = check_idempotency_key(key)) return bad;
    wait.id = id_of_key(job.terms.tenant, key);
    return std::nullopt;
}

using Asked = std::shared_ptr<Call>;

// Gives the job to the hub. `sent` keeps what is needed to ask again.
Asked send(Shard& shard, Submission& submission, Duration store_timeout, AskWait& sent) {
    SubmitOne order;
    order.wait = sent;
    order.terms = submission.job.terms;
    order.payload = std::move(submission.job.payload);
    if (sent.body) sent.body = order.wait.body = body_digest(order.terms, order.payload);
    const bool waits = submission.wait.time > Duration(0);
    order.wait.until = waits ? Until::finished : Until::stored;
    order.wait.timeout = waits ? submission.wait.time : store_timeout;
    order.wait.value = waits;
    const Duration patience = order.wait.timeout + kGrace;
    return start(shard, Question(std::move(order)), patience);
}

// A short wait may end before it is known whether the job is stored at all.
Awaitable<Answer> ask_whether_stored(Shard* shard, AskWait sent) {
    sent.until = Until::stored;
    sent.timeout = shard->store_timeout();
    Question status{StatusQuestion(sent)};
    co_return co_await ask(shard, std::move(status), sent.timeout + kGrace);
}

// Its client has gone, and wanted the job to go with it. It may still be on its way to the sink.
Awaitable<void> cancel_abandoned(Shard* shard, AskWait sent) {
    Answer stored = co_await ask_whether_stored(shard, sent);
    const auto* job = stored.get<JobAnswer>();
    if (job == nullptr || job->found != Found::found) co_return;
    Question question{StatusQuestion(AskCancel{sent.id})};
    co_await ask(shard, std::move(question), kGrace);
}

// Why it is not known to be stored.
Awaitable<Reply> refuse(Shard* shard, JobAnswer* answer, Unstored job) {
    Room room = shard->board->room;
    if (is_refused_by_kind(answer)) room = co_await room_now(shard);
    co_return to_reply(not_stored(answer, job, room));
}

// What a job with callbacks is answered with: the group of one that it is has more ids.
Reply accepted_group(const Shard& shard, const JobId& id, const GroupRequest& request,
                     const Wait& wait) {
    Reply reply = accepted(shard, id, wait);
    reply.body.clear();
    JsonText json(reply.body);
    json.open_object().key("id").text(id.text()).key("group").text(request.id.text());
    if (request.then) json.key("then").text(request.then->id->text());
    if (request.on_failure) json.key("on_failure").text(request.on_failure->id->text());
    json.close_object();
    return reply;
}

// A job with callbacks goes to the sink, as a group of one. `submission` outlives it.
Awaitable<Reply> submit_group(Exchange* x, Submission* submission, AskWait sent) {
    Shard* shard = x->shard;
    submission->job.id = sent.id;
    GroupRequest request = group_of(std::move(submission->job));
    if (sent.body) request.id = group_id_of(sent.id);
    std::set<std::string> kinds = kinds_of(request);
    auto unknown = co_await check_kinds(shard, std::move(kinds));
    if (unknown) co_return to_reply(*unknown);
    name_jobs(request, shard->ids, Shard::wall(), std::nullopt);
    auto refused = co_await store_group(shard, &request);
    if (refused) {
        refused->id = sent.id;
        co_return to_reply(*refused);
    }
    if (submission->wait.time > Duration(0)) {
        AskWait until;
        until.id = sent.id;
        until.timeout = submission->wait.time;
        until.value = true;
        const Duration patience = until.timeout + kGrace;
        Question question{StatusQuestion(std::move(until))};
        Answer answer = co_await ask_while_connected(x, std::move(question), patience);
        if (answer.what == Answer::What::gone) {
            co_return co_await leave_group(shard, request.id, submission->wait);
        }
        auto* job = answer.get<JobAnswer>();
        if (job != nullptr && !job->job.id.empty() && is_final(job->job.state)) {
            co_return finished(std::move(job->job), *x, *submission);
        }
    }
    co_return accepted_group(*shard, sent.id, request, submission->wait);
}

// `submission` outlives it.
Awaitable<Reply> submit(Exchange* x, Submission* submission) {
    Shard* shard = x->shard;
    if (auto full = check_room(*shard->board, submission->job.payload.size())) {
        co_return to_reply(*full);
    }
    if (!is_known_kind(shard->board->room, submission->job.terms.kind)) {
        auto unknown = co_await check_kind(shard, submission->job.terms.kind);
        if (unknown) co_return to_reply(*unknown);
    }
    AskWait sent;
    if (auto bad = choose_id(*x, submission->job, sent)) co_return to_reply(*bad);
    if (submission->job.has_callbacks()) co_return co_await submit_group(x, submission, sent);
    const bool waits = submission->wait.time > Duration(0);
    Asked call = send(*shard, *submission, shard->store_timeout(), sent);
    if (waits) x->deadline->watch(call);
    co_await call->async_wait(kAwait);
    if (waits) x->deadline->watch(nullptr);

    Answer* answer = &call->answer();
    if (answer->get<IsStored>() != nullptr) co_return accepted(*shard, sent.id, submission->wait);
    auto* job = answer->get<JobAnswer>();
    if (waits && job != nullptr && job->found == Found::timed_out && job->job.id.empty()) {
        *answer = co_await ask_whether_stored(shard, sent);
        job = answer->get<JobAnswer>();
    }
    if (answer->what == Answer::What::gone) {
        if (submission->wait.cancels) co_await cancel_abandoned(shard, sent);
        co_return no_reply();
    }
    if (answer->what == Answer::What::unsent) co_return to_reply(no_answer(*answer));
    const bool known = job != nullptr &&
                       (job->found == Found::found || job->found == Found::timed_out) &&
                       !job->job.id.empty();
    if (!known) {
        Unstored what{sent.id, submission->job.terms.kind};
        co_return co_await refuse(shard, job, std::move(what));
    }
    if (waits && is_final(job->job.state)) {
        co_return finished(std::move(job->job), *x, *submission);
    }
    co_return accepted(*shard, sent.id, submission->wait);
}

std::optional<ProblemDetails> read_body(Exchange& x, JobRequest& job) {
    const std::string type = x.head.content_type ? media_type(*x.head.content_type) : "";
    CheckedJob checked = is_msgpack_type(type) ? read_job_msgpack(x.body, Shard::wall())
                                               : x.shard->parser.parse(x.body, Shard::wall());
    if (auto* bad = std::get_if<ProblemDetails>(&checked)) return std::move(*bad);
    job = std::get<JobRequest>(std::move(checked));
    x.body.clear();
    return std::nullopt;
}

} // namespace

Awaitable<Reply> answer_to(Exchange* x, SubmitJob command) {
    Submission submission{{}, command.wait, Outcome::view};
    if (auto bad = read_body(*x, submission.job)) co_return to_reply(*bad);
    co_return co_await submit(x, &submission);
}

Awaitable<Reply> answer_to(Exchange* x, SubmitRaw command) {
    CheckedJob checked = read_job_options(command.kind, x->head.query, Shard::wall());
    if (auto* bad = std::get_if<ProblemDetails>(&checked)) co_return to_reply(*bad);
    auto& job = std::get<JobRequest>(checked);
    if (auto bad = read_raw_payload(x->head, std::move(x->body), x->shard->parser, job)) {
        co_return to_reply(*bad);
    }
    x->body = {};
    Submission submission{std::move(job), command.wait, Outcome::view};
    co_return co_await submit(x, &submission);
}

Awaitable<Reply> answer_to(Exchange* x, RunKind command) {
    JobRequest job;
    job.terms.kind = command.kind;
    job.payload = payload_of_query(x->head.query);
    Submission submission{std::move(job), command.wait, Outcome::bare};
    co_return co_await submit(x, &submission);
}

} // namespace penstock::gateway
