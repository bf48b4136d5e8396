// The simulated workers, plain ones and SDK ones.

#include "tests/sim/world.hpp"

#include <algorithm>

namespace penstock::sim {

using namespace std::chrono_literals;

World::Worker* World::worker_of(std::uint64_t lane) {
    for (auto& w : workers_) {
        if (w->lane == lane) return w.get();
    }
    return nullptr;
}

void World::start_worker(int place) {
    auto w = std::make_unique<Worker>();
    w->place = place;
    w->sdk = happens(0.5);
    w->slots = 1 + static_cast<std::uint32_t>(chance_.unit() * 4);
    // One place takes everything, so that every job can end.
    w->has_label = place == 0 || happens(0.3);
    if (place != 0 && happens(plan_.picky)) w->min_priority = 5;
    if (w->sdk && happens(plan_.together)) {
        w->together = 1 + static_cast<std::uint32_t>(chance_.unit() * 6);
        w->gathers = happens(0.3) ? Duration(0) : between(1ms, 300ms);
    }
    if (plan_.alike) {
        w->sdk = true;
        w->together = alike_.max;
        w->gathers = alike_.wait;
    }
    const std::string number = std::to_string(next_worker_++);
    w->name = w->sdk ? "sdk-" + number : "";
    workers_.push_back(std::move(w));
    Worker* me = workers_.back().get();
    const Duration comes = plan_.late > 0 ? from_seconds(plan_.late) : hastened(200ms);
    at(between(1ms, comes), [this, me] { join(*me); });
    if (me->sdk) at(500ms, [this, me] { heartbeat(*me); });
}

// It asks with what it runs then. The question waits where nobody reads it, and what it names may have
// ended when somebody does.
void World::join(Worker& w) {
    if (!w.alive) return;
    Join wish;
    wish.worker = w.sdk ? w.name : "";
    wish.kinds = {"k0", "k1"};
    wish.slots = w.slots;
    wish.batch = wish.heartbeats = w.sdk;
    if (w.has_label) wish.labels = {"l0", "l1"};
    wish.min_priority = w.min_priority;
    wish.epoch = w.epoch;
    if (w.together > 0) wish.batching = {{"k0", w.together, w.gathers}};
    wish.outbox = w.sdk;
    for (const auto& [token, held] : w.running) {
        if (token.first == w.epoch) wish.running.push_back(token.second);
        wish.runs.push_back({held.id, token.first, held.attempt, token.second});
    }
    w.lane = 0; // it reads no more there
    w.waiting.clear(); // it has not begun these: they are somebody else's now
    Duration later = happens(0.5) ? between(1ms, hastened(2s)) : 0s;
    if (v_meets_at_ > now_ && happens(0.8)) later = v_meets_at_ - now_ + between(0ms, 20ms); // nobody is there
    // Over the wire, like everything else.
    at_ventilator(later,
                  [this, &w, number = ++w.asked, frame = encode(Request(), ControlQuestion{wish})] {
                      if (w.alive && number == w.asked) asks_to_join(w, frame);
                  });
}

void World::asks_to_join(Worker& w, const std::string& frame) {
    if (v_asleep_until_ > now_) {
        return at_ventilator(v_asleep_until_ - now_, [this, &w, number = w.asked, frame] {
            if (w.alive && number == w.asked) asks_to_join(w, frame);
        });
    }
    auto asked = decode_control(reader_, frame);
    const auto& read = std::get<Join>(asked.messages.at(0).question);
    const ventilator::Joined joined = dispatcher_->join(read, now_, v_out_);
    if (w.asleep_until > now_) w.asleep_since = now_; // stopped again: it was heard of just now
    const bool is_lost = joined.error.empty() && happens(plan_.answer_lost);
    if (is_lost) count("answer lost");
    if (!joined.error.empty() || is_lost) {
        at(300ms, [this, &w, number = w.asked] {
            if (number == w.asked) join(w);
        });
        return;
    }
    ++w.lane_pipe.life;
    w.lane = joined.lane;
    w.joined = now_;
    if (!w.sdk) w.name = joined.worker;
    if (w.epoch != dispatcher_->epoch() && !w.sdk) w.running.clear();
    w.epoch = dispatcher_->epoch();
    at_ventilator(between(200us, 2ms),
                  [this, lane = joined.lane] { dispatcher_->lane_up(lane, now_); });
}

// A stopped process does nothing until it is woken; then everything at once, in order.
void World::awake(Worker& w, Event event) {
    if (w.asleep_until > now_)
        at(w.asleep_until - now_, std::move(event));
    else
        event();
}

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

// Its connection to the sink ends, and the next one is made: what was on its way is gone. An SDK
// worker has it still.
void World::reset_results(Worker& w) {
    if (!w.alive) return;
    count("results reset", w);
    end_results(w);
}

void World::end_results(Worker& w) {
    if (!w.alive) return;
    ++w.sink_pipe.life;
    if (w.sdk) at(between(1ms, hastened(500ms)), [this, &w] { awake(w, [this, &w] { send_again(w); }); });
}

void World::send_again(Worker& w) {
    if (!w.alive) return;
    for (const Kept& kept : w.kept) {
        saw("result again");
        post(w, kept);
    }
}

void World::forget_settled(Worker& w, const std::vector<Range>& ranges) {
    std::erase_if(w.kept, [&](const Kept& kept) {
        return std::any_of(ranges.begin(), ranges.end(), [&](const Range& range) {
            return kept.token.first == w.epoch && kept.token.second >= range.first &&
                   kept.token.second < range.first + range.count;
        });
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

void World::heartbeat(Worker& w) {
    if (!w.alive) return;
    awake(w, [this, &w] {
        if (!w.alive) return;
        if (v_asleep_until_ > now_) {
            at(v_asleep_until_ - now_, [this, &w] { heartbeat(w); });
            return;
        }
        Heartbeat beat;
        beat.worker = w.name;
        beat.epoch = w.epoch;
        for (const auto& [token, held] : w.running) {
            if (token.first == w.epoch) beat.running.push_back(token.second);
        }
        dispatcher_->on(beat, now_);
        at(500ms, [this, &w] { heartbeat(w); });
    });
}

// kill -9: what it held is gone, and the end of what it had sent too.
void World::crash(Worker& w) {
    if (!w.alive) return;
    count("worker killed", w);
    w.alive = false;
    if (happens(0.5)) ++w.sink_pipe.life;
    ++w.lane_pipe.life;
    w.waiting.clear();
    w.running.clear();
    const bool told = !happens(plan_.vanish);
    if (told) {
        at_ventilator(between(1ms, 5ms),
                      [this, lane = w.lane] {
                          end_flights(lane);
                          dispatcher_->lane_down(lane, v_out_);
                      });
    }
    at(between(2ms, hastened(500ms)), [this, place = w.place] { start_worker(place); });
}

// The connection ends and both live: an SDK worker joins again at once and keeps what it runs; a
// plain one goes on, and joins again when it has heard nothing for three pings.
void World::reset_lane(Worker& w) {
    count("lane reset", w);
    ++w.lane_pipe.life;
    const std::uint64_t lane = w.lane;
    at_ventilator(between(1ms, 5ms), [this, lane] { dispatcher_->lane_down(lane, v_out_); });
    at_ventilator(w.sdk ? between(1ms, 10ms) : 15s, [this, &w, lane] {
        if (w.alive && w.lane == lane) awake(w, [this, &w] { join(w); });
    });
}

void World::pause(Worker& w) {
    if (w.asleep_until > now_) return; // it is stopped already
    count("worker stopped", w);
    const Duration sleep = std::max(Duration(10ms), outage(4s, 70s));
    w.asleep_since = now_;
    w.asleep_until = now_ + sleep;
    if (sleep < 1500ms) return;
    // It notices that it slept: it drops what it had not begun, and joins again.
    at(sleep, [this, &w] { join(w); });
}

} // namespace penstock::sim
