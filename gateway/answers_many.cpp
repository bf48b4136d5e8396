// What concerns many jobs, or one job beyond its status: cancel, retry, purge, wait, explain.

#include "gateway/exchange.hpp"
#include "gateway/group_json.hpp"
#include "gateway/job_json.hpp"
#include "gateway/many_request.hpp"
#include "gateway/server_timing.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

constexpr Duration kPatience = std::chrono::seconds(5);
constexpr Duration kBriefly = std::chrono::milliseconds(200);
// A wait can't be called back. So waits for many are short, and asked again: what is left of them
// when the client has its answer, or has gone, is soon over.
constexpr Duration kHoldMost = std::chrono::seconds(5);
// Of one thread at once: well below the number of waits that a sink holds.
constexpr std::size_t kWaitsMost = 30'000;

struct Outcome {
    std::uint64_t matched = 0;
    std::vector<JobId> made;
    std::string stopped_by; // why the rest of them was left alone
    std::optional<Reply> failed;
};

std::string ids_json(const std::vector<JobId>& ids) {
    std::string out;
    JsonText json(out);
    json.open_array();
    for (const auto& id : ids) json.text(id.text());
    json.close_array();
    return out;
}

// The sink fell silent: the slice that it was asked for may be done or not.
ProblemDetails part_unknown(const Outcome& outcome) {
    auto out = problem(Slug::outcome_unknown, "No answer came in time. `matched` jobs were dealt "
                                              "with before; it is not known of the others.");
    out.extra = "\"matched\":" + std::to_string(outcome.matched);
    if (!outcome.made.empty()) out.extra += ",\"ids\":" + ids_json(outcome.made);
    return out;
}

// One slice of jobs at a time: the sink serves everybody else in between.
Awaitable<Outcome> do_slices(Shard* shard, std::vector<AskMany> questions) {
    Outcome out;
    for (AskMany& ask_many : questions) {
        do {
            Question question{StatusQuestion(ask_many)};
            Answer answer = co_await ask(shard, std::move(question), kPatience);
            auto* many = answer.get<ManyAnswer>();
            const auto* refused = answer.get<JobAnswer>();
            if (refused != nullptr && out.matched > 0) {
                out.stopped_by = refused->why;
                co_return out;
            }
            if (refused != nullptr) {
                out.failed = to_reply(problem(slug_of_refusal(refused->why),
                                              "No job was taken again (" + refused->why +
                                                  "). Try when some have finished."));
                co_return out;
            }
            if (many == nullptr) { // asking for a number alone changes nothing
                out.failed = to_reply(ask_many.dry_run ? no_answer(answer) : part_unknown(out));
                co_return out;
            }
            out.matched += many->matched;
            std::move(many->made.begin(), many->made.end(), std::back_inserter(out.made));
            ask_many.cursor = many->cursor;
        } while (ask_many.cursor != 0);
    }
    co_return out;
}

std::string many_json(const Outcome& outcome, const DoMany& command) {
    std::string out;
    JsonText json(out);
    json.open_object().key("matched").natural(outcome.matched);
    if (command.dry_run) json.key("dry_run").boolean(true);
    if (!outcome.stopped_by.empty()) json.key("stopped_by").text(outcome.stopped_by);
    if (command.deed == AskMany::Deed::retry && !command.dry_run) {
        json.key("ids").raw(ids_json(outcome.made));
    }
    json.close_object();
    return out;
}

// ---- waiting for many ---------------------------------------------------------------------

// One round of waits. Its questions own it: so it goes with the last of them, answered or dropped,
// and one that has not seen enough answers by then drops whoever waits for it.
struct Gathering {
    std::size_t open = 0;
    WaitRequest::Mode mode = WaitRequest::Mode::all;
    Promise done;

    // One of `any` that is told that its time is up is not alone with that.
    void one_is_answered(Answer& answer) {
        const auto* job = answer.get<JobAnswer>();
        const bool late = job != nullptr && job->found == Found::timed_out;
        const bool enough = mode == WaitRequest::Mode::any && !late;
        if (--open == 0 || enough) done.keep({Answer::What::answered, {}});
    }
};

class OneOf { // the questions of a gathering; counted among the thread's waits until it is answered
public:
    // `call` keeps it. `waits`: null if it is none.
    OneOf(std::shared_ptr<Gathering> gathering, Call* call, std::size_t* waits)
        : gathering_(std::move(gathering)), call_(call), waits_(waits) {
        if (waits_ != nullptr) ++*waits_;
    }

    ~OneOf() { end(); }

    OneOf(OneOf&& other) noexcept
        : gathering_(std::move(other.gathering_)), call_(other.call_),
          waits_(std::exchange(other.waits_, nullptr)) {}

    OneOf& operator=(OneOf&&) = delete;

    void operator()() {
        end();
        gathering_->one_is_answered(call_->answer());
    }

private:
    void end() {
        if (waits_ != nullptr) --*std::exchange(waits_, nullptr);
    }

    std::shared_ptr<Gathering> gathering_;
    Call* call_;
    std::size_t* waits_;
};

using Calls = std::vector<std::shared_ptr<Call>>;

Calls start_round(Shard& shard, const std::vector<JobId>& ids, Duration time,
                  const std::shared_ptr<Gathering>& gathering) {
    const bool waits = time > Duration(0);
    Calls calls;
    calls.reserve(ids.size());
    for (const auto& id : ids) {
        StatusQuestion question{AskStatus{id, false}};
        if (waits) {
            AskWait until;
            until.id = id;
            until.timeout = time;
            question = std::move(until);
        }
        calls.push_back(start(shard, Question(std::move(question)), time + kPatience));
        Call& call = *calls.back();
        call.async_wait(OneOf(gathering, &call, waits ? &shard.waits_for_many : nullptr));
    }
    return calls;
}

bool is_finished(const JobAnswer* answer) {
    return answer != nullptr && !answer->job.id.empty() && is_final(answer->job.state);
}

struct Waited {
    std::vector<JobView> done;
    std::vector<JobId> pending;
    bool gone = false;    // the client
    bool silent = false;  // the sink, about some
    std::string refused;  // why the sink did not wait for some
};

// What has finished goes from pending to done. A client that has gone ends it.
Awaitable<void> wait_round(Exchange* x, Waited* waited, WaitRequest::Mode mode, Duration time) {
    const auto done = std::make_shared<Call>();
    auto gathering = std::make_shared<Gathering>();
    gathering->open = waited->pending.size();
    gathering->mode = mode;
    gathering->done = Promise(done);
    const Calls calls = start_round(*x->shard, waited->pending, time, gathering);
    gathering.reset();
    x->deadline->watch(done);
    co_await done->async_wait(kAwait);
    x->deadline->watch(nullptr);
    waited->gone = done->answer().what == Answer::What::gone;
    std::vector<JobId> pending;
    for (std::size_t i = 0; i < calls.size(); ++i) {
        Answer* answer = calls[i]->done() ? &calls[i]->answer() : nullptr;
        auto* job = answer != nullptr ? answer->get<JobAnswer>() : nullptr;
        if (answer != nullptr && job == nullptr) waited->silent = true;
        if (job != nullptr && job->found == Found::refused) waited->refused = job->why;
        if (is_finished(job))
            waited->done.push_back(std::move(job->job));
        else
            pending.push_back(std::move(waited->pending[i]));
    }
    waited->pending = std::move(pending);
}

ProblemDetails not_waited(const std::string& who, const std::string& why) {
    return problem(Slug::gateway_full, who + " holds as many waits as it may (" + why +
                                           "). Ask again in a moment.");
}

std::string waited_json(const Waited& waited) {
    std::string out;
    JsonText json(out);
    json.open_object().key("done").open_array();
    for (const auto& job : waited.done) append_job(json, job);
    json.close_array().key("pending").open_array();
    for (const auto& id : waited.pending) json.text(id.text());
    json.close_array().close_object();
    return out;
}

ProblemDetails retry_unknown(const JobId& as) {
    auto out = problem(Slug::outcome_unknown, "No answer came in time. If the job was taken again, "
                                              "it is the one with this `id`: ask for it.");
    out.id = as;
    return out;
}

Awaitable<std::optional<Explanation>> ask_why(Shard* shard, JobNumber number) {
    if (!shard->board->ventilator_is_there()) co_return std::nullopt;
    if (number == 0) co_return Explanation{}; // no ventilator has it
    Question question{ControlQuestion(AskExplain{number})};
    Answer answer = co_await ask(shard, std::move(question), kPatience);
    auto* said = answer.get<Explanation>();
    if (said == nullptr) co_return std::nullopt;
    co_return std::move(*said);
}

} // namespace

Awaitable<Reply> answer_to(Exchange* x, DoMany command) {
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    auto which = read_which_jobs(x->shard->parser, x->body);
    if (auto* bad = std::get_if<ProblemDetails>(&which)) co_return to_reply(*bad);
    auto questions = questions_of(std::get<WhichJobs>(which), command.deed, command.dry_run);
    Outcome outcome = co_await do_slices(x->shard, std::move(questions));
    if (outcome.failed) co_return std::move(*outcome.failed);
    co_return json_reply(200, many_json(outcome, command));
}

Awaitable<Reply> answer_to(Exchange* x, WaitMany) {
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    auto read = read_wait_many(x->shard->parser, x->body);
    if (auto* bad = std::get_if<ProblemDetails>(&read)) co_return to_reply(*bad);
    auto& request = std::get<WaitRequest>(read);
    Waited waited;
    waited.pending = std::move(request.ids);
    const Instant end = std::chrono::steady_clock::now() + request.timeout;
    // Those that have finished already are found at once, however many others are still open.
    Duration time(0);
    while (!waited.pending.empty()) {
        if (time > Duration(0) &&
            x->shard->waits_for_many + waited.pending.size() > kWaitsMost) {
            co_return to_reply(not_waited("This gateway", std::to_string(kWaitsMost)));
        }
        co_await wait_round(x, &waited, time == Duration(0) ? WaitRequest::Mode::all : request.mode,
                            time);
        if (waited.gone) co_return no_reply();
        const bool enough = request.mode == WaitRequest::Mode::any && !waited.done.empty();
        const Duration left = end - std::chrono::steady_clock::now();
        if (enough || waited.pending.empty() || left <= Duration(0)) break;
        if (!waited.refused.empty()) co_return to_reply(not_waited("The sink", waited.refused));
        // Silence may come at once, and would come again.
        if (waited.silent || x->shard->house.draining) break;
        time = std::min(left, kHoldMost);
    }
    co_return json_reply(200, waited_json(waited));
}

Awaitable<Reply> answer_to(Exchange* x, RetryJob command) {
    Shard* shard = x->shard;
    if (auto full = check_room(*shard->board, 0)) co_return to_reply(*full);
    AskRetry retry{command.id, shard->ids.next(Shard::wall())};
    if (x->head.idempotency_key) {
        if (auto bad = check_idempotency_key(*x->head.idempotency_key)) co_return to_reply(*bad);
        retry.as = id_of_key("retry", command.id.text() + "/" + *x->head.idempotency_key);
    }
    Question question{StatusQuestion(retry)};
    Answer answer = co_await ask(shard, std::move(question), kPatience);
    const auto* job = answer.get<JobAnswer>();
    if (job == nullptr) co_return to_reply(retry_unknown(retry.as));
    if (job->found != Found::found) co_return to_reply(not_retried(command.id, *job));
    Reply reply = json_reply(202, {});
    JsonText json(reply.body);
    json.open_object().key("id").text(retry.as.text());
    json.key("retry_of").text(command.id.text()).close_object();
    reply.headers.emplace_back("Location", "/v1/jobs/" + retry.as.text());
    reply.headers.emplace_back("Penstock-Durability", shard->board->sink.durability);
    co_return reply;
}

Awaitable<Reply> answer_to(Exchange* x, ExplainJob command) {
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    Question question{StatusQuestion(AskStatus{command.id, false})};
    Answer answer = co_await ask(x->shard, std::move(question), kPatience);
    const auto* job = answer.get<JobAnswer>();
    if (job == nullptr) co_return to_reply(no_answer(answer));
    if (job->found != Found::found) co_return to_reply(not_found(command.id, *job));
    const auto said = co_await ask_why(x->shard, job->job.number);
    const double now = seconds(Shard::wall().time_since_epoch());
    Reply reply = json_reply(200, explanation_json(job->job, said ? &*said : nullptr, now));
    add_server_timing(reply, server_timing(job->job));
    co_return reply;
}

namespace {

Awaitable<Places> ask_numbers(Shard* shard, std::vector<JobNumber> numbers) {
    if (numbers.empty() || !shard->board->ventilator_is_there()) co_return Places();
    Question question{ControlQuestion(AskPosition{std::move(numbers)})};
    Answer answer = co_await ask(shard, std::move(question), kBriefly);
    const auto* positions = answer.get<Positions>();
    if (positions == nullptr) co_return Places();
    co_return places_of(*positions, seconds(Shard::wall().time_since_epoch()));
}

} // namespace

Awaitable<Places> ask_places(Shard* shard, const std::vector<JobView>* jobs) {
    return ask_numbers(shard, numbers_to_ask(*jobs));
}

Awaitable<Places> ask_place(Shard* shard, const JobView* job) {
    std::vector<JobNumber> numbers;
    if (is_waiting(*job)) numbers.push_back(job->number);
    return ask_numbers(shard, std::move(numbers));
}

} // namespace penstock::gateway
