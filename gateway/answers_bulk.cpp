// Submitting many jobs in one request.

#include "gateway/exchange.hpp"
#include "gateway/job_json.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

constexpr Duration kGrace = std::chrono::seconds(2);
constexpr std::size_t kGroupsAtOnce = 500;
constexpr std::size_t kErrorsShown = 100; // of a body that was refused as a whole

BulkForm form_of(const Head& head) {
    const std::string type = head.content_type ? media_type(*head.content_type) : "";
    const bool array = type.empty() || type == kJson || type.ends_with("+json");
    return array ? BulkForm::array : BulkForm::lines;
}

void append_bad(JsonText& json, const BadJob& bad) {
    json.open_object().key("index").natural(bad.index).key("problem");
    std::string text;
    append_problem(text, bad.problem);
    json.raw(text).close_object();
}

std::string errors_json(const std::vector<BadJob>& bad, std::size_t most) {
    std::string out;
    JsonText json(out);
    json.open_array();
    for (std::size_t i = 0; i < std::min(bad.size(), most); ++i) append_bad(json, bad[i]);
    json.close_array();
    return out;
}

// Nothing of the body was taken.
Reply none_taken(const std::vector<BadJob>& bad, const std::string& detail) {
    const Slug first = bad.front().problem.slug;
    const bool alike = std::all_of(bad.begin(), bad.end(),
                                   [&](const BadJob& b) { return b.problem.slug == first; });
    ProblemDetails out = problem(alike ? first : Slug::no_valid_job,
                                 detail + " The first: " + bad.front().problem.detail);
    out.known_kinds = bad.front().problem.known_kinds;
    out.extra = "\"jobs\":" + errors_json(bad, kErrorsShown);
    return to_reply(out);
}

void add_kinds(const JobRequest* job, std::set<std::string>& out) {
    if (job == nullptr) return;
    out.insert(job->terms.kind);
    add_kinds(job->then.get(), out);
    add_kinds(job->on_failure.get(), out);
}

std::set<std::string> kinds_of(const Bulk& bulk) {
    std::set<std::string> out;
    for (const auto& group : bulk.groups) out.insert(group.terms.kind);
    for (const auto& each : bulk.with_callbacks) add_kinds(&each.job, out);
    return out;
}

// Takes the groups of unknown kinds out.
void refuse_unknown_kinds(Bulk& bulk, const std::optional<Room>& doubt) {
    for (Group& group : bulk.groups) {
        const auto unknown = check_kind(doubt, group.terms.kind);
        if (!unknown) continue;
        for (const auto& row : group.rows) bulk.bad.push_back({row.index, *unknown});
        group.rows.clear();
    }
    std::erase_if(bulk.groups, [](const Group& group) { return group.rows.empty(); });
}

// Groups of one, out of the jobs that have callbacks; without those of unknown kinds.
std::vector<GroupRequest> make_groups(Bulk& bulk, const std::optional<Room>& doubt, FreshIds& ids) {
    std::vector<GroupRequest> out;
    out.reserve(bulk.with_callbacks.size());
    for (CallbackJob& each : bulk.with_callbacks) {
        each.job.id = each.id;
        GroupRequest request = group_of(std::move(each.job));
        request.parts.front().rows.front().index = each.index;
        if (each.chosen) request.id = group_id_of(each.id);
        std::optional<ProblemDetails> unknown;
        for (const auto& kind : kinds_of(request)) {
            if (!unknown) unknown = check_kind(doubt, kind);
        }
        if (unknown) {
            bulk.bad.push_back({each.index, std::move(*unknown)});
            continue;
        }
        name_jobs(request, ids, Shard::wall(), std::nullopt);
        out.push_back(std::move(request));
    }
    return out;
}

// Some at a time, so that the sink's others get their turn.
Awaitable<void> store_groups(Shard* shard, std::vector<GroupRequest>* groups, Bulk* bulk) {
    for (std::size_t from = 0; from < groups->size(); from += kGroupsAtOnce) {
        const std::size_t to = std::min(from + kGroupsAtOnce, groups->size());
        std::vector<std::shared_ptr<Call>> calls;
        for (std::size_t i = from; i < to; ++i) {
            calls.push_back(start_group(*shard, (*groups)[i]));
        }
        for (std::size_t i = from; i < to; ++i) {
            Call& call = *calls[i - from];
            if (!call.done()) co_await call.async_wait(kAwait);
            const Group::Row& row = (*groups)[i].parts.front().rows.front();
            auto trouble = group_trouble(call.answer(), row.id);
            if (trouble) bulk->bad.push_back({row.index, std::move(*trouble)});
        }
    }
}

struct Taken { // of each good job, in the order in which the hub counts them
    JobId id;
    std::size_t index = 0;
    std::size_t group = 0;
};

std::vector<Taken> list_taken(const Bulk& bulk) {
    std::vector<Taken> out;
    for (std::size_t i = 0; i < bulk.groups.size(); ++i) {
        for (const auto& row : bulk.groups[i].rows) out.push_back({row.id, row.index, i});
    }
    for (const auto& each : bulk.with_callbacks) out.push_back({each.id, each.index, 0});
    return out;
}

std::vector<std::string> list_kinds(const Bulk& bulk) {
    std::vector<std::string> out;
    for (const auto& group : bulk.groups) out.push_back(group.terms.kind);
    return out;
}

bool any_refused_by_kind(const BulkAnswer& answer) {
    return std::any_of(
        answer.failed.begin(), answer.failed.end(),
        [](const BulkAnswer::Failed& failed) { return is_refused_by_kind(&failed.answer); });
}

void by_index(std::vector<BadJob>& bad) {
    std::sort(bad.begin(), bad.end(),
              [](const BadJob& a, const BadJob& b) { return a.index < b.index; });
}

// One id a job, in the order of the body; null for those that were not taken.
std::string bulk_json(std::size_t jobs, const std::vector<Taken>& taken,
                      const std::vector<BadJob>& bad) {
    std::vector<const JobId*> ids(jobs, nullptr);
    for (const auto& each : taken) ids[each.index] = &each.id;
    for (const auto& each : bad) ids[each.index] = nullptr;
    std::string out;
    out.reserve(jobs * 40 + 64);
    JsonText json(out);
    json.open_object().key("ids").open_array();
    for (const JobId* id : ids) {
        if (id == nullptr)
            json.null();
        else
            json.text(id->text());
    }
    json.close_array().key("errors").raw(errors_json(bad, bad.size())).close_object();
    return out;
}

// The jobs that have no callbacks. A reply: nothing is known of any of them.
Awaitable<std::optional<Reply>> store_jobs(Shard* shard, Bulk* bulk,
                                           const std::vector<Taken>* taken) {
    if (bulk->groups.empty()) co_return std::nullopt;
    const std::vector<std::string> kinds = list_kinds(*bulk); // by group
    Question question(SubmitMany{std::move(bulk->groups), shard->store_timeout()});
    const Duration patience = shard->store_timeout() + kGrace;
    Answer answer = co_await ask(shard, std::move(question), patience);
    auto* outcome = answer.get<BulkAnswer>();
    if (outcome == nullptr) co_return to_reply(no_answer(answer));
    Room room = shard->board->room;
    if (any_refused_by_kind(*outcome)) room = co_await room_now(shard);
    for (const auto& failed : outcome->failed) {
        const Taken& each = (*taken)[failed.row];
        const Unstored job{each.id, kinds[each.group]};
        bulk->bad.push_back({each.index, not_stored(&failed.answer, job, room)});
    }
    co_return std::nullopt;
}

} // namespace

Awaitable<Reply> answer_to(Exchange* x, SubmitBulk command) {
    Shard* shard = x->shard;
    auto read = read_bulk(x->body, form_of(x->head),
                          {shard->parser, shard->ids, Shard::wall(), x->head.idempotency_key});
    if (auto* bad = std::get_if<ProblemDetails>(&read)) co_return to_reply(*bad);
    Bulk bulk = std::get<Bulk>(std::move(read));
    const std::size_t body_bytes = x->body.size();
    x->body = {};
    if (bulk.jobs == 0) {
        co_return to_reply(problem(Slug::no_valid_job, "There is no job in the body."));
    }
    if (auto full = check_room(*shard->board, body_bytes)) co_return to_reply(*full);
    std::set<std::string> kinds = kinds_of(bulk);
    const std::optional<Room> doubt = co_await doubt_kinds(shard, std::move(kinds));
    refuse_unknown_kinds(bulk, doubt);
    std::vector<GroupRequest> groups = make_groups(bulk, doubt, shard->ids);
    by_index(bulk.bad);
    const bool atomic = command.mode == SubmitBulk::Mode::atomic;
    if (!bulk.bad.empty() && (atomic || (bulk.groups.empty() && groups.empty()))) {
        co_return none_taken(bulk.bad,
                             "None of the " + std::to_string(bulk.jobs) + " jobs was submitted.");
    }
    if (atomic && shard->board->room.jobs_free < bulk.jobs) {
        co_return to_reply(problem(Slug::jobs_full, "There is no room for all of these jobs."));
    }

    const std::vector<Taken> taken = list_taken(bulk);
    auto refused = co_await store_jobs(shard, &bulk, &taken);
    if (refused) co_return std::move(*refused);
    co_await store_groups(shard, &groups, &bulk);
    by_index(bulk.bad);
    if (bulk.bad.size() == bulk.jobs) {
        co_return none_taken(bulk.bad, "None of the " + std::to_string(bulk.jobs) +
                                           " jobs is known to be stored.");
    }
    Reply reply = json_reply(202, bulk_json(bulk.jobs, taken, bulk.bad));
    reply.headers.emplace_back("Penstock-Durability", shard->board->sink.durability);
    co_return reply;
}

} // namespace penstock::gateway
