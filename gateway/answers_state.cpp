// How the pipeline is: workers, kinds, statistics, health, metrics.

#include "gateway/exchange.hpp"
#include "gateway/job_json.hpp"
#include "gateway/openapi.hpp"

namespace penstock::gateway {
namespace {

constexpr Duration kPatience = std::chrono::seconds(2);

// What is asked afresh, where somebody answers; else what the board remembers.
Awaitable<DispatchStats> dispatch_now(Shard* shard) {
    if (!shard->board->ventilator_is_there()) co_return shard->board->dispatch;
    Question question{ControlQuestion(AskDispatch{})};
    Answer answer = co_await ask(shard, std::move(question), kPatience);
    if (auto* stats = answer.get<DispatchStats>()) co_return std::move(*stats);
    co_return shard->board->dispatch;
}

Awaitable<SinkStats> sink_now(Shard* shard) {
    if (!shard->board->sink_is_there()) co_return shard->board->sink;
    Question question{StatusQuestion(AskStats{})};
    Answer answer = co_await ask(shard, std::move(question), kPatience);
    if (auto* stats = answer.get<SinkStats>()) co_return std::move(*stats);
    co_return shard->board->sink;
}

Awaitable<Workers> workers_now(Shard* shard) {
    if (!shard->board->ventilator_is_there()) co_return Workers{};
    Question question{ControlQuestion(AskWorkers{})};
    Answer answer = co_await ask(shard, std::move(question), kPatience);
    if (auto* workers = answer.get<Workers>()) co_return std::move(*workers);
    co_return Workers{};
}

struct Part {
    std::string_view name;
    std::string_view status; // "ok", or what it is
    bool is_fine = true;
};

std::vector<Part> parts_of(const Board& board) {
    const std::string_view away = "waited for";
    const bool ventilator = board.ventilator_is_there();
    const bool sink = board.sink_is_there();
    const bool serving = board.room.serving;
    return {
        {"gateway", board.draining ? "draining" : "ok", !board.draining},
        {"ventilator",
         !ventilator ? away
         : serving   ? "ok"
                     : "starting",
         ventilator && serving},
        {"sink", sink ? "ok" : away, sink},
        // None is no fault: jobs are stored and wait.
        {"workers", board.dispatch.workers > 0 ? "ok" : "none", true},
    };
}

bool all_fine(const std::vector<Part>& parts) {
    for (const Part& part : parts) {
        if (!part.is_fine) return false;
    }
    return true;
}

void append_details(JsonText& json, const Board& board, std::string_view part) {
    if (part == "ventilator") {
        json.key("why").text(board.room.why);
        json.key("jobs_free").natural(board.room.jobs_free);
        json.key("bytes_free").natural(board.room.bytes_free);
    } else if (part == "sink") {
        json.key("durability").text(board.sink.durability);
        json.key("open_jobs").natural(board.sink.open_jobs);
        json.key("finished_jobs").natural(board.sink.finished_jobs);
    } else if (part == "workers") {
        json.key("count").natural(board.dispatch.workers);
    }
}

} // namespace

Awaitable<Reply> answer_to(Exchange* x, GetWorkers) {
    if (auto away = check_ventilator(*x->shard->board)) co_return to_reply(*away);
    const Workers workers = co_await workers_now(x->shard);
    co_return json_reply(200, workers_json(workers));
}

Awaitable<Reply> answer_to(Exchange* x, GetKinds) {
    if (auto away = check_ventilator(*x->shard->board)) co_return to_reply(*away);
    const Room room = co_await room_now(x->shard);
    const DispatchStats dispatch = co_await dispatch_now(x->shard);
    const SinkStats sink = co_await sink_now(x->shard);
    co_return json_reply(200, kinds_json(room, dispatch, sink));
}

Awaitable<Reply> answer_to(Exchange* x, GetStats) {
    const DispatchStats dispatch = co_await dispatch_now(x->shard);
    const SinkStats sink = co_await sink_now(x->shard);
    co_return json_reply(200, stats_json(dispatch, sink));
}

Awaitable<Reply> answer_to(Exchange*, Live) {
    co_return json_reply(200, "{\"status\":\"ok\"}");
}

Awaitable<Reply> answer_to(Exchange* x, Ready) {
    const Board& board = *x->shard->board;
    const std::vector<Part> parts = parts_of(board);
    const bool ready = all_fine(parts);
    Reply reply = json_reply(ready ? 200 : 503, {});
    JsonText json(reply.body);
    json.open_object().key("ready").boolean(ready).key("waiting_for").open_array();
    for (const Part& part : parts) {
        if (!part.is_fine) json.text(part.name);
    }
    json.close_array();
    if (!ready && board.ventilator_is_there() && !board.room.serving) {
        json.key("why").text(board.room.why);
    }
    json.close_object();
    if (!ready) reply.headers.emplace_back("Retry-After", "1");
    co_return reply;
}

Awaitable<Reply> answer_to(Exchange* x, Health command) {
    const Board& board = *x->shard->board;
    const std::vector<Part> parts = parts_of(board);
    const bool fine = all_fine(parts);
    Reply reply = json_reply(fine ? 200 : 503, {});
    JsonText json(reply.body);
    json.open_object().key("status").text(fine ? "ok" : "degraded").key("parts").open_object();
    for (const Part& part : parts) {
        json.key(part.name).open_object().key("status").text(part.status);
        if (command.detail == Health::Detail::verbose) append_details(json, board, part.name);
        json.close_object();
    }
    json.close_object().close_object();
    co_return reply;
}

Awaitable<Reply> answer_to(Exchange*, GetContract) {
    co_return json_reply(200, std::string(openapi_json()));
}

Awaitable<Reply> answer_to(Exchange* x, GetMetrics) {
    Board board = *x->shard->board;
    board.dispatch = co_await dispatch_now(x->shard);
    board.sink = co_await sink_now(x->shard);
    const Workers workers = co_await workers_now(x->shard);
    const House& house = x->shard->house;
    Reply reply;
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body = metrics_text({board, workers, house.durations, house.connections.load()});
    co_return reply;
}

} // namespace penstock::gateway
