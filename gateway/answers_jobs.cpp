// Asking for jobs that were submitted: status, result, list, cancel.

#include "gateway/exchange.hpp"
#include "gateway/job_json.hpp"
#include "gateway/lookup.hpp"
#include "gateway/server_timing.hpp"

#include <functional>

namespace penstock::gateway {
namespace {

constexpr Duration kPatience = std::chrono::seconds(5);
constexpr std::size_t kPlacesMax = 100; // jobs of one page whose positions are asked for

// An estimate is another one every time; that changes nothing.
std::string etag_of(std::string_view body, const Place* place) {
    std::string text(body);
    if (place != nullptr && place->starts_at > 0) {
        const std::size_t from = text.find(",\"estimated_start\":");
        if (from != std::string::npos) text.erase(from, text.find('"', from + 20) + 1 - from);
    }
    return "\"" + std::to_string(std::hash<std::string>()(text)) + "\"";
}

bool matches(const std::optional<std::string>& if_none_match, const std::string& etag) {
    return if_none_match &&
           (*if_none_match == "*" || if_none_match->find(etag) != std::string::npos);
}

std::string page_link(const AskList& question, std::uint64_t cursor) {
    std::string out = "</v1/jobs?";
    const auto add = [&](std::string_view name, const std::string& value) {
        out += std::string(name) + "=";
        for (const char c : value) {
            const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
                               (c >= 'A' && c <= 'Z') || c == '-' || c == '.' || c == '_';
            if (plain) {
                out += c;
                continue;
            }
            constexpr char kHex[] = "0123456789ABCDEF";
            const auto byte = static_cast<unsigned char>(c);
            out += {'%', kHex[byte >> 4], kHex[byte & 15]};
        }
        out += '&';
    };
    if (question.state) add("state", std::string(to_string(*question.state)));
    if (!question.kind.empty()) add("kind", question.kind);
    if (!question.tag.empty()) add("tag", question.tag);
    if (question.since > 0) {
        std::string text;
        append_json_number(text, question.since);
        add("since", text);
    }
    add("limit", std::to_string(question.limit));
    return out + "cursor=" + std::to_string(cursor) + ">; rel=\"next\"";
}

} // namespace

Awaitable<Reply> answer_to(Exchange* x, GetJob command) {
    Looked looked = co_await look_up(x, command.id, command.wait);
    if (looked.failed) co_return std::move(*looked.failed);
    const JobView& job = looked.answer.get<JobAnswer>()->job;
    const Places places = co_await ask_place(x->shard, &job);
    const Place* place = place_of(places, job);
    Reply reply = json_reply(200, {});
    JsonText json(reply.body);
    append_job(json, job, place);
    const std::string etag = etag_of(reply.body, place);
    if (matches(x->head.if_none_match, etag)) reply = {304, {}, {}, {}};
    add_server_timing(reply, server_timing(looked.answer.get<JobAnswer>()->job));
    reply.headers.emplace_back("ETag", etag);
    reply.headers.emplace_back("Cache-Control", "no-cache");
    co_return reply;
}

Awaitable<Reply> answer_to(Exchange* x, GetResult command) {
    if (command.as == GetResult::As::pieces) co_return co_await answer_in_pieces(x, command.id);
    Looked looked = co_await look_up(x, command.id, command.wait);
    if (looked.failed) co_return std::move(*looked.failed);
    JobView& job = looked.answer.get<JobAnswer>()->job;
    if (!is_final(job.state)) {
        Reply reply = json_reply(202, {});
        JsonText json(reply.body);
        append_job(json, job);
        reply.headers.emplace_back("Retry-After", "1");
        co_return reply;
    }
    std::string timing = server_timing(job);
    Reply reply;
    if (job.state != State::succeeded || job.value.empty()) {
        reply = to_reply(no_result(job));
    } else {
        const auto form = accepts_msgpack(x->head) ? ResultForm::msgpack : ResultForm::json;
        reply = result_reply(std::move(job), form);
    }
    add_server_timing(reply, std::move(timing));
    co_return reply;
}

Awaitable<Reply> answer_to(Exchange* x, ListJobs command) {
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    Question question{StatusQuestion(command.question)};
    Answer answer = co_await ask(x->shard, std::move(question), kPatience);
    const auto* list = answer.get<ListAnswer>();
    if (list == nullptr) co_return to_reply(no_answer(answer));
    Places places;
    if (list->jobs.size() <= kPlacesMax) places = co_await ask_places(x->shard, &list->jobs);
    Reply reply = json_reply(200, jobs_json(*list, places));
    if (list->cursor != 0) {
        reply.headers.emplace_back("Link", page_link(command.question, list->cursor));
    }
    co_return reply;
}

Awaitable<Reply> answer_to(Exchange* x, CancelOne command) {
    if (auto away = check_sink(*x->shard->board)) co_return to_reply(*away);
    Question question{StatusQuestion(AskCancel{command.id})};
    Answer answer = co_await ask(x->shard, std::move(question), kPatience);
    const auto* cancelled = answer.get<CancelAnswer>();
    if (cancelled == nullptr) co_return to_reply(no_answer(answer));
    if (cancelled->result == CancelResult::unknown) {
        co_return to_reply(not_found(command.id, JobAnswer{}));
    }
    if (cancelled->result == CancelResult::finished) {
        co_return to_reply(already_finished(command.id, cancelled->state));
    }
    const bool at_once = cancelled->result == CancelResult::cancelled;
    Reply reply = json_reply(at_once ? 200 : 202, {});
    JsonText json(reply.body);
    json.open_object().key("id").text(command.id.text());
    json.key("state").text(to_string(cancelled->state)).close_object();
    co_return reply;
}

} // namespace penstock::gateway
