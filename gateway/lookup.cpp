#include "gateway/lookup.hpp"

#include "gateway/job_json.hpp"

namespace penstock::gateway {
namespace {

constexpr Duration kGrace = std::chrono::seconds(2);
constexpr Duration kPatience = std::chrono::seconds(5);

bool is_known(const JobAnswer& answer) {
    return (answer.found == Found::found || answer.found == Found::timed_out) &&
           !answer.job.id.empty();
}

} // namespace

Awaitable<Looked> look_up(Exchange* x, JobId id, Wait wait) {
    Looked out;
    if (auto away = check_sink(*x->shard->board)) {
        out.failed = to_reply(*away);
        co_return out;
    }
    if (wait.time > Duration(0)) {
        AskWait until;
        until.id = id;
        until.until = Until::finished;
        until.timeout = wait.time;
        until.value = true;
        Question question{StatusQuestion(std::move(until))};
        out.answer = co_await ask_while_connected(x, std::move(question), wait.time + kGrace);
    } else {
        Question question{StatusQuestion(AskStatus{id, true})};
        out.answer = co_await ask(x->shard, std::move(question), kPatience);
    }
    const auto* job = out.answer.get<JobAnswer>();
    if (out.answer.what == Answer::What::gone)
        out.failed = no_reply();
    else if (job == nullptr)
        out.failed = to_reply(no_answer(out.answer));
    else if (!is_known(*job))
        out.failed = to_reply(not_found(id, *job));
    co_return out;
}

} // namespace penstock::gateway
