// What simulated workers do with the jobs that they are given.

#include "tests/sim/world.hpp"

#include <algorithm>

namespace penstock::sim {

using namespace std::chrono_literals;

void World::lane_delivers(Worker& w, std::uint64_t lane, const std::string& frame) {
    if (!w.alive || w.lane != lane) return;
    auto decoded = decode_lane(reader_, frame);
    if (!decoded.error.empty()) return fail("a worker can't read: " + decoded.error);
    for (const auto& message : decoded.messages) {
        if (const auto* batch = std::get_if<JobBatch>(&message)) {
            const bool expected = w.together > 0 && batch->kind == "k0";
            if (batch->together != expected) fail(w.name + " got jobs as it does not take them");
            forget_settled(w, batch->settled);
            if (batch->together && batch->rows.size() > w.together) fail("a batch is too large");
            ++w.calls;
            for (const JobRow& row : batch->rows) take_job(w, *batch, row);
            check_slots(w);
        } else if (const auto* cancelled = std::get_if<CancelJob>(&message)) {
            if (w.sdk) cancel_job(w, *cancelled);
        } else if (const auto* settled = std::get_if<SettledJobs>(&message)) {
            forget_settled(w, settled->rows);
        }
    }
    start_jobs(w);
}

// It may run the job: nobody else's labels or priorities will do.
void World::check_wish(const Worker& w, const std::string& id) {
    const auto wish = wishes_.find(id);
    if (wish == wishes_.end()) return fail(id + " was wished for by nobody");
    if (!wish->second.needs.empty() && !w.has_label) fail(w.name + " lacks the label of " + id);
    if (wish->second.priority < w.min_priority) fail(w.name + " does not take what " + id + " is");
}

void World::take_job(Worker& w, const JobBatch& batch, const JobRow& row) {
    if (batch.epoch < w.epoch) return; // of a ventilator that is no more
    const bool poison = row.payload == "\xa1p";
    const std::string id = row.id.text();
    const bool expected = poisons_.contains(id) ? poisons_[id] : job_named(id).poison;
    if (poison != expected) fail(id + " has a wrong payload");
    check_wish(w, row.id.text());
    if (wishes_[id].kind != batch.kind) fail(id + " came as one of " + batch.kind);
    if (wishes_[id].content_type != batch.content_type) fail(id + " has the content type of another");
    check_turn(row.id.text());
    check_given(row.id.text(), row.payload);
    if (!batch.together) ++w.calls; // it is one of its own
    w.waiting.push_back({{w.epoch, row.number}, {row.id, row.attempt, poison, w.lane, w.calls}});
    // The promise of credit: never more in a worker's hands than its window. What it kept over the
    // death of a ventilator comes on top, until the next one has it back.
    const auto running = std::count_if(w.running.begin(), w.running.end(), [&](const auto& each) {
        return each.first.first == w.epoch;
    });
    const std::size_t held = w.waiting.size() + static_cast<std::size_t>(running) +
                             w.on_the_way[{w.epoch, w.lane}].size();
    for (const auto& view : dispatcher_->workers(now_).workers) {
        if (view.worker == w.name && held > view.outstanding && plan_.sink_kill == 0) {
            fail(w.name + " holds " + std::to_string(held) + " jobs, the dispatcher believes " +
                 std::to_string(view.outstanding));
        }
    }
}

// Calls of several jobs are never sent ahead: each of them has a slot.
void World::check_slots(const Worker& w) {
    if (w.together == 0 || plan_.sink_kill > 0) return;
    std::set<std::uint64_t> calls;
    for (const auto& [token, held] : w.running) {
        if (token.first == w.epoch) calls.insert(held.call);
    }
    std::size_t sent_ahead = calls.size();
    for (const auto& [number, held] : w.waiting) {
        const bool is_together = std::count_if(w.waiting.begin(), w.waiting.end(), [&](auto& each) {
                                     return each.second.call == held.call;
                                 }) > 1;
        if (is_together && calls.insert(held.call).second) ++sent_ahead;
    }
    if (sent_ahead > w.slots) fail(w.name + " got more calls than it has slots");
}

void World::start_jobs(Worker& w) {
    const auto goes_on = [&w](std::uint64_t call) {
        std::set<std::uint64_t> calls;
        for (const auto& [number, held] : w.running) calls.insert(held.call);
        return calls.contains(call) || calls.size() < w.slots;
    };
    while (!w.waiting.empty() && goes_on(w.waiting.front().second.call)) {
        const auto [token, held] = w.waiting.front();
        w.waiting.erase(w.waiting.begin());
        const bool is_call_begun = std::any_of(w.running.begin(), w.running.end(), [&](const auto& each) {
            return each.second.call == held.call;
        });
        w.running.emplace(token, held);
        note_begun(held.id);
        if (held.poison) {
            note_killed(held.id);
            at(between(1ms, 5ms), [this, &w] { crash(w); });
            return;
        }
        const Duration work = draw_work(held.id);
        if (plan_.pieces > 0 && happens(plan_.pieces)) say_pieces(w, token, held, work);
        if (plan_.alike) { // all of a call end together
            if (!is_call_begun) at(work, [this, &w, call = held.call] { finish_call(w, call); });
            continue;
        }
        at(work, [this, &w, token = token, attempt = held.attempt] {
            awake(w, [this, &w, token, attempt] { finish_job(w, token, attempt); });
        });
    }
}

void World::finish_job(Worker& w, Token token, std::uint32_t attempt) {
    const auto found = std::find_if(w.running.begin(), w.running.end(), [&](const auto& each) {
        return each.first == token && each.second.attempt == attempt;
    });
    if (!w.alive || found == w.running.end()) return;
    std::optional<Failure> failure;
    // What a handler needs is often away when the ventilator is.
    const bool is_outage = plan_.flaky > 0 && v_meets_at_ > now_;
    if (happens(is_outage ? 0.5 : plan_.flaky)) failure = Failure{"handler-error", "flaky", true};
    const Held held = found->second;
    w.running.erase(found);
    answer(w, token, held, failure);
    start_jobs(w);
}

void World::answer(Worker& w, Token token, const Held& held, std::optional<Failure> failure) {
    note_answer(held, failure);
    const auto run_us = plan_.steady > 0 ? static_cast<std::uint64_t>(plan_.steady * 1e6) : 20'000;
    const std::string value = value_of(held.id.text());
    const Result result{token.first, w.sdk ? w.name : "", "",
                        {{held.id, held.attempt, run_us, value, std::move(failure)}}};
    const Kept kept{token, held, w.sdk ? encode(result) : encode_plain(result), now_};
    if (w.sdk) w.kept.push_back(kept);
    w.on_the_way[{token.first, held.lane}].insert({token.second, held.attempt});
    post(w, kept);
}

// How long it runs: as its kind does, or longer than it may, or hardly shorter.
Duration World::draw_work(const JobId& id) {
    if (!plan_.fair) return happens(0.05) ? between(1s, 4s) : between(1ms, 60ms);
    if (plan_.steady > 0) return from_seconds(plan_.steady);
    if (plan_.hang > 0 && happens(plan_.hang)) {
        const Duration may = timeout_of(id.text());
        if (may > 10s) return between(1s, 4s);
        return happens(0.3) ? may - between(0ms, may / 10) : may + between(0ms, 2s);
    }
    return happens(0.05) ? between(1s, 2s) : between(1ms, 60ms);
}

// One message with what became of each.
void World::finish_call(Worker& w, std::uint64_t call) {
    std::vector<std::pair<Token, Held>> ended;
    for (const auto& each : w.running) {
        if (each.second.call == call) ended.push_back(each);
    }
    std::erase_if(w.running, [&](const auto& each) { return each.second.call == call; });
    if (ended.empty() || !w.alive) return;
    Result result{w.epoch, w.name, "", {}};
    std::vector<std::string> values;
    values.reserve(ended.size());
    for (const auto& [token, held] : ended) {
        values.push_back(value_of(held.id.text()));
        ResultRow& row = result.rows.emplace_back(ResultRow{held.id, held.attempt, 20'000, values.back(), {}});
        if (happens(plan_.flaky)) row.failure = Failure{"handler-error", "flaky", true};
        note_answer(held, row.failure);
        w.kept.push_back({token, held, "", now_});
        w.on_the_way[{token.first, held.lane}].insert({token.second, held.attempt});
    }
    const auto fails = [](const ResultRow& row) { return row.failure.has_value(); };
    const bool any = std::any_of(result.rows.begin(), result.rows.end(), fails);
    const bool all = std::all_of(result.rows.begin(), result.rows.end(), fails);
    if (any && !all) saw("rule: some jobs of a batch failed");
    send(w.sink_pipe, [this, &w, ended, frame = encode(result)] {
        for (const auto& [token, held] : ended) {
            w.on_the_way[{token.first, held.lane}].erase({token.second, held.attempt});
        }
        sink_frame(frame);
    });
    start_jobs(w);
}

void World::note_answer(const Held& held, const std::optional<Failure>& failure) {
    Job& job = job_named(held.id.text());
    ++(failure ? job.failed : job.succeeded);
    if (plan_.fair) note_end(held);
}

void World::post(Worker& w, const Kept& kept) {
    const std::pair<JobNumber, std::uint32_t> answered{kept.token.second, kept.held.attempt};
    const std::pair<Epoch, std::uint64_t> lane{kept.token.first, kept.held.lane};
    send(w.sink_pipe, [this, &w, frame = kept.frame, lane, answered] {
        w.on_the_way[lane].erase(answered);
        sink_frame(frame);
    });
}

void World::cancel_job(Worker& w, const CancelJob& wish) {
    const Failure cancelled{"cancelled", "as it was told", false};
    const auto is_it = [&](const auto& each) {
        const bool same = wish.number == 0 || each.first == Token{w.epoch, wish.number};
        return each.second.id == wish.id && same;
    };
    const auto waiting = std::find_if(w.waiting.begin(), w.waiting.end(), is_it);
    if (waiting != w.waiting.end()) {
        const auto [token, held] = *waiting;
        w.waiting.erase(waiting);
        return answer(w, token, held, cancelled);
    }
    const auto running = std::find_if(w.running.begin(), w.running.end(), is_it);
    if (running == w.running.end()) return;
    const auto [token, held] = *running;
    w.running.erase(running);
    answer(w, token, held, cancelled);
    start_jobs(w);
}

} // namespace penstock::sim
