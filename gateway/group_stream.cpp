// The results of a group as lines of JSON, in order, while it runs.

#include "gateway/exchange.hpp"
#include "gateway/group_json.hpp"
#include "gateway/stream.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

constexpr Duration kPatience = std::chrono::seconds(5);
constexpr Duration kHold = std::chrono::seconds(20); // then the sink is asked again
constexpr std::uint32_t kMembersPerPage = 200;

class ResultLines : public Stream {
public:
    ResultLines(Exchange* x, JobId id) : x_(x), id_(std::move(id)) {}

    Awaitable<Flow> next(std::string* out) override {
        AskGroup page;
        page.id = id_;
        page.until = AskGroup::Until::next;
        page.timeout = kHold;
        page.from = from_;
        page.limit = kMembersPerPage;
        page.value = true;
        Question question{StatusQuestion(std::move(page))};
        Answer answer = co_await ask_while_connected(x_, std::move(question), kHold + kPatience);
        const auto* group = answer.get<GroupAnswer>();
        if (answer.what == Answer::What::gone) co_return Flow::broken;
        if (group == nullptr) co_return ++silences_ > 1 ? Flow::broken : Flow::more;
        if (group->id.empty()) co_return Flow::broken; // the sink has lost it
        silences_ = 0;
        // Behind one that is open nothing is said yet: lines come in the order of the jobs.
        for (const auto& job : group->jobs) {
            if (!is_final(job.state)) break;
            JsonText json(*out);
            append_member(json, job);
            *out += '\n';
            ++from_;
        }
        co_return from_ >= group->members ? Flow::end : Flow::more;
    }

private:
    Exchange* x_;
    JobId id_;
    std::uint32_t from_ = 0; // members whose line has been sent
    int silences_ = 0;
};

} // namespace

Awaitable<Reply> answer_to(Exchange* x, GetGroupResults command) {
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    AskGroup now;
    now.id = command.id;
    now.limit = 0;
    Question question{StatusQuestion(std::move(now))};
    Answer answer = co_await ask(x->shard, std::move(question), kPatience);
    const auto* group = answer.get<GroupAnswer>();
    if (group == nullptr) co_return to_reply(no_answer(answer));
    if (group->id.empty()) co_return to_reply(no_group(command.id, *group));
    co_return stream_reply(kNdjson, std::make_shared<ResultLines>(x, command.id));
}

} // namespace penstock::gateway
