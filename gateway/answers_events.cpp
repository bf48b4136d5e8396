// Watching what happens: all of it, one job, one group. Server-Sent Events, as they come.
//
// Events may be lost on their way; so the stream of a job asks for the truth when one is said to
// be missing, when the end was told, and now and then. It ends with the job as it is recorded.

#include "gateway/exchange.hpp"
#include "gateway/group_json.hpp"
#include "gateway/job_json.hpp"
#include "gateway/lookup.hpp"
#include "gateway/sse.hpp"
#include "gateway/stream.hpp"

namespace penstock::gateway {
namespace {

constexpr Duration kKeepAlive = std::chrono::seconds(15);
constexpr Duration kPatience = std::chrono::seconds(5);
constexpr std::string_view kEndMark = "end"; // of a stream that has ended: there is nothing more

Reply stream_of_events(std::shared_ptr<Stream> stream) {
    return stream_reply(kEventStream, std::move(stream));
}

void replay(const Exchange& x, Ring::Listener& listener) {
    const auto mark = Mark::parse(x.head.last_event_id.value_or(""));
    if (mark) listener.replay(*mark);
}

class Everything : public Stream {
public:
    Everything(Exchange* x, Selection wanted)
        : x_(x), listener_(x->shard->ring, std::move(wanted)) {
        replay(*x, listener_);
    }

    Awaitable<Flow> next(std::string* out) override {
        Shard* shard = x_->shard;
        append_news(*out, shard->ring, listener_, kPieceBytes);
        if (!out->empty()) co_return Flow::more;
        if (shard->broadcast.closed()) co_return Flow::end;
        const auto what = co_await shard->broadcast.wait(&listener_, x_->deadline, kKeepAlive);
        if (what == Answer::What::gone) co_return Flow::broken;
        const bool is_idle = what == Answer::What::silent && !shard->broadcast.closed();
        if (is_idle) append_sse_comment(*out, "nothing happened");
        co_return Flow::more;
    }

private:
    Exchange* x_;
    Ring::Listener listener_;
};

struct Seen { // of a job or a group, as the sink has it
    enum class Is : std::uint8_t { unheard, unknown, open, final };
    Is is = Is::unheard;
    std::string_view name; // of the SSE event that shows it
    std::string json;
};

// One thing that has an end.
class Followed : public Stream {
public:
    Followed(Exchange* x, Selection wanted)
        : x_(x), listener_(x->shard->ring, std::move(wanted)) {
        replay(*x, listener_);
    }

    // What it begins with. REQUIRES: looked at after this was made, so that nothing lies between.
    void begin(Seen first) { first_ = std::move(first); }

    Awaitable<Flow> next(std::string* out) override {
        Shard* shard = x_->shard;
        if (first_) co_return show(*out, *std::exchange(first_, std::nullopt));
        bool looks = append_own_news(*out);
        if (out->empty()) {
            if (shard->broadcast.closed()) co_return Flow::end;
            const auto what = co_await shard->broadcast.wait(&listener_, x_->deadline, kKeepAlive);
            if (what == Answer::What::gone) co_return Flow::broken;
            if (what == Answer::What::answered || shard->broadcast.closed()) co_return Flow::more;
            append_sse_comment(*out, "nothing happened");
            looks = true;
        }
        if (!looks) co_return Flow::more;
        const Seen seen = co_await look();
        if (seen.is == Seen::Is::final) co_return show(*out, seen);
        co_return seen.is == Seen::Is::unknown ? Flow::end : Flow::more;
    }

protected:
    [[nodiscard]] Exchange* exchange() const { return x_; }

    virtual Awaitable<Seen> look() = 0;

private:
    // True: it may be over.
    bool append_own_news(std::string& out) {
        const Ring& ring = x_->shard->ring;
        bool looks = false;
        while (out.size() < kPieceBytes) {
            const auto next = listener_.next();
            if (next.told == nullptr && !next.is_gap()) break;
            looks = looks || next.is_gap() || is_final(next.told->event.what);
            if (next.is_gap())
                append_missed(out, ring.newest(), next);
            else
                append_told(out, ring.newest().life, *next.told);
        }
        return looks;
    }

    Flow show(std::string& out, const Seen& seen) const {
        const bool is_over = seen.is == Seen::Is::final;
        const std::string mark = x_->shard->ring.newest().text();
        append_sse(out, {is_over ? kEndMark : mark, seen.name}, seen.json);
        return is_over ? Flow::end : Flow::more;
    }

    Exchange* x_;
    Ring::Listener listener_;
    std::optional<Seen> first_;
};

Seen seen_of(const JobView& job) {
    Seen out{is_final(job.state) ? Seen::Is::final : Seen::Is::open, "job", {}};
    JsonText json(out.json);
    append_job(json, job);
    return out;
}

class FollowedJob : public Followed {
public:
    FollowedJob(Exchange* x, const JobId& id) : Followed(x, of_job(id)), id_(id) {}

private:
    static Selection of_job(const JobId& id) {
        Selection out;
        out.job = id;
        return out;
    }

    Awaitable<Seen> look() override {
        Question question{StatusQuestion(AskStatus{id_, false})};
        Answer answer = co_await ask(exchange()->shard, std::move(question), kPatience);
        const auto* job = answer.get<JobAnswer>();
        if (job == nullptr || job->found == Found::starting) co_return Seen{};
        if (job->found != Found::found) co_return Seen{Seen::Is::unknown, {}, {}};
        co_return seen_of(job->job);
    }

    const JobId id_;
};

Seen seen_of(const GroupAnswer& group) {
    Seen out{is_final(group.state) ? Seen::Is::final : Seen::Is::open, "group", {}};
    JsonText json(out.json);
    json.open_object().key("id").text(group.id.text()).key("state").text(to_string(group.state));
    json.key("members").natural(group.members).key("finished").natural(group.finished);
    json.key("succeeded").natural(group.succeeded).close_object();
    return out;
}

Awaitable<Seen> look_at_group(Shard* shard, JobId id) {
    AskGroup now;
    now.id = id;
    now.limit = 0;
    Question question{StatusQuestion(std::move(now))};
    Answer answer = co_await ask(shard, std::move(question), kPatience);
    const auto* group = answer.get<GroupAnswer>();
    if (group == nullptr || group->found == Found::starting) co_return Seen{};
    if (group->found != Found::found) co_return Seen{Seen::Is::unknown, {}, {}};
    co_return seen_of(*group);
}

class FollowedGroup : public Followed {
public:
    FollowedGroup(Exchange* x, const JobId& id) : Followed(x, of_group(id)), id_(id) {}

private:
    static Selection of_group(const JobId& id) {
        Selection out;
        out.group = id;
        return out;
    }

    Awaitable<Seen> look() override { return look_at_group(exchange()->shard, id_); }

    const JobId id_;
};

// A browser comes back to whatever ends; this tells it that there is nothing to come back to.
bool has_seen_the_end(const Exchange& x) {
    return x.head.last_event_id == kEndMark;
}

} // namespace

Awaitable<Reply> answer_to(Exchange* x, GetEvents command) {
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    co_await x->shard->broadcast.attend();
    co_return stream_of_events(std::make_shared<Everything>(x, std::move(command.wanted)));
}

Awaitable<Reply> answer_to(Exchange* x, GetJobEvents command) {
    co_await x->shard->broadcast.attend();
    const auto stream = std::make_shared<FollowedJob>(x, command.id);
    Looked looked = co_await look_up(x, command.id, Wait{});
    if (looked.failed) co_return std::move(*looked.failed);
    JobView& job = looked.answer.get<JobAnswer>()->job;
    job.value.clear();
    Seen first = seen_of(job);
    if (first.is == Seen::Is::final && has_seen_the_end(*x)) co_return Reply{204, {}, {}, {}};
    stream->begin(std::move(first));
    co_return stream_of_events(stream);
}

Awaitable<Reply> answer_to(Exchange* x, GetGroupEvents command) {
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    co_await x->shard->broadcast.attend();
    const auto stream = std::make_shared<FollowedGroup>(x, command.id);
    Seen first = co_await look_at_group(x->shard, command.id);
    if (first.is == Seen::Is::unheard) co_return to_reply(no_answer(Answer{}));
    if (first.is == Seen::Is::unknown) co_return to_reply(no_group(command.id, GroupAnswer{}));
    if (first.is == Seen::Is::final && has_seen_the_end(*x)) co_return Reply{204, {}, {}, {}};
    stream->begin(std::move(first));
    co_return stream_of_events(stream);
}

} // namespace penstock::gateway
