// A result in pieces, one JSON value a line, as they come. The last line is the job as it is
// recorded; an answer that ends without it is not whole. Now and then an empty line, so that the
// client can tell a slow job from a connection that has broken.

#include "gateway/exchange.hpp"
#include "gateway/job_json.hpp"
#include "gateway/json_msgpack.hpp"
#include "gateway/lookup.hpp"
#include "gateway/server_timing.hpp"
#include "gateway/stream.hpp"

namespace penstock::gateway {
namespace {

constexpr Duration kHold = std::chrono::seconds(5); // by the sink, for more to come
constexpr Duration kGrace = std::chrono::seconds(2);
constexpr Duration kPatience = std::chrono::seconds(5);
constexpr int kTries = 3; // questions without an answer

void append_value(JsonText& json, const std::string& encoded) {
    const std::string value = json_of(encoded);
    if (value.empty())
        json.null();
    else
        json.raw(value);
}

class ResultInPieces : public Stream {
public:
    ResultInPieces(Exchange* x, const JobId& id) : x_(x), id_(id) {}

    Awaitable<Flow> next(std::string* out) override {
        if (x_->shard->house.draining) co_return Flow::broken;
        Question question{StatusQuestion(AskPartials{id_, from_, kHold})};
        Answer answer = co_await ask_while_open(x_, std::move(question), kHold + kGrace);
        if (answer.what == Answer::What::gone) co_return Flow::broken;
        const auto* pieces = answer.get<PartialsAnswer>();
        const bool is_silence = pieces == nullptr || pieces->found == Found::starting;
        if (is_silence) {
            *out += '\n';
            co_return ++unanswered_ < kTries ? Flow::more : Flow::broken;
        }
        if (pieces->found != Found::found) co_return Flow::broken;
        unanswered_ = 0;
        for (const auto& row : pieces->rows) append_row(*out, row);
        const auto there = from_ + static_cast<std::uint32_t>(pieces->rows.size());
        const std::uint32_t dropped = pieces->next - there;
        from_ = there;
        if (!pieces->finished) {
            if (out->empty()) *out += '\n';
            co_return Flow::more;
        }
        if (dropped > 0) {
            JsonText(*out).open_object().key("dropped").natural(dropped).close_object();
            *out += '\n';
        }
        co_return co_await append_end(out);
    }

private:
    void append_row(std::string& out, const PartialsAnswer::Row& row) {
        JsonText json(out);
        if (row.lost) {
            if (row.attempt != shown_) return; // nobody was shown anything of it
            json.open_object().key("lost_attempt").natural(row.attempt).close_object();
            shown_ = 0;
        } else {
            json.open_object().key("attempt").natural(row.attempt).key("partial");
            append_value(json, row.value);
            json.close_object();
            shown_ = row.attempt;
        }
        out += '\n';
    }

    Awaitable<Flow> append_end(std::string* out) {
        Question question{StatusQuestion(AskStatus{id_, true})};
        Answer answer = co_await ask(x_->shard, std::move(question), kPatience);
        const auto* job = answer.get<JobAnswer>();
        if (job == nullptr || job->found != Found::found) co_return Flow::broken;
        JsonText json(*out);
        append_job(json, job->job);
        *out += '\n';
        co_return Flow::end;
    }

    Exchange* x_;
    const JobId id_;
    std::uint32_t from_ = 0;
    std::uint32_t shown_ = 0; // the attempt of the last piece that was shown
    int unanswered_ = 0;
};

} // namespace

Awaitable<Reply> answer_in_pieces(Exchange* x, JobId id) {
    Looked looked = co_await look_up(x, id, Wait{});
    if (looked.failed) co_return std::move(*looked.failed);
    Reply reply = stream_reply(kNdjson, std::make_shared<ResultInPieces>(x, id));
    add_server_timing(reply, server_timing(looked.answer.get<JobAnswer>()->job));
    co_return reply;
}

} // namespace penstock::gateway
