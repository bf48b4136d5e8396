// The results of a group as lines of JSON, in order, while it runs; now and then an empty one.

#include "gateway/exchange.hpp"
#include "gateway/group_json.hpp"
#include "gateway/stream.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

constexpr Duration kPatience = std::chrono::seconds(5);
// Then the sink is asked again, and the client hears an empty line: it can tell a slow job from a
// connection that has broken.
constexpr Duration kHold = std::chrono::seconds(5);
constexpr std::uint32_t kMembersPerPage = 200;

class ResultLines : public Stream {
public:
    ResultLines(Exchange* x, JobId id) : x_(x), id_(std::move(id)) {}

    Awaitable<Flow> next(std::string* out) override {
        if (x_->shard->house.draining) co_return Flow::broken;
        AskGroup page;
        page.id = id_;
        page.until = AskGroup::Until::next;
        page.timeout = kHold;
        page.from = from_;
        page.limit = kMembersPerPage;
        page.value = true;
        Question question{StatusQuestion(std::move(page))};
        Answer answer = co_await ask_while_open(x_, std::move(question), kHold + kPatience);
        const auto* group = answer.get<GroupAnswer>();
        if (answer.what == Answer::What::gone) co_return Flow::broken;
        if (group == nullptr) co_return ++silences_ > 1 ? Flow::broken : still_there(out);
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
        if (from_ >= group->members) co_return Flow::end;
        co_return out->empty() ? still_there(out) : Flow::more;
    }

private:
    static Flow still_there(std::string* out) {
        *out += '\n';
        return Flow::more;
    }

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
