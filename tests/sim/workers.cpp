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
    const std::string number = std::to_string(next_worker_++);
    w->name = w->sdk ? "sdk-" + number : "";
    workers_.push_back(std::move(w));
    Worker* me = workers_.back().get();
    at(between(1ms, 200ms), [this, me] { join(*me); });
    if (me->sdk) at(500ms, [this, me] { heartbeat(*me); });
}

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
    for (const auto& [number, held] : w.running) wish.running.push_back(number);
    // Over the wire, like everything else.
    auto asked = decode_control(reader_, encode(Request(), ControlQuestion{wish}));
    const auto& read = std::get<Join>(asked.messages.at(0).question);
    const ventilator::Joined joined = dispatcher_->join(read, now_, v_out_);
    w.waiting.clear(); // it has not begun these: they are somebody else's now
    if (!joined.error.empty()) {
        w.lane = 0;
        at(300ms, [this, &w] { join(w); });
        return;
    }
    ++w.lane_pipe.life;
    w.lane = joined.lane;
    if (!w.sdk) w.name = joined.worker;
    if (w.epoch != dispatcher_->epoch()) w.running.clear();
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
            if (batch->together && batch->rows.size() > w.together) fail("a batch is too large");
            ++w.calls;
            for (const JobRow& row : batch->rows) take_job(w, *batch, row);
            check_slots(w);
        } else if (const auto* cancelled = std::get_if<CancelJob>(&message)) {
            if (w.sdk) cancel_job(w, cancelled->number);
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
    if (poison != jobs_[row.id.text()].poison) fail(row.id.text() + " has a wrong payload");
    check_wish(w, row.id.text());
    check_turn(row.id.text());
    if (!batch.together) ++w.calls; // it is one of its own
    w.waiting.push_back({row.number, {row.id, row.attempt, poison, w.lane, w.calls}});
    // The promise of credit: never more in a worker's hands than its window.
    const std::size_t held = w.waiting.size() + w.running.size() + w.on_the_way[w.lane].size();
    for (const auto& view : dispatcher_->workers(now_).workers) {
        if (view.worker == w.name && held > view.outstanding && plan_.sink_kill == 0) {
            fail(w.name + " holds " + std::to_string(held) + " jobs, and the dispatcher believes " +
                 std::to_string(view.outstanding));
        }
    }
}

// Calls of several jobs are never sent ahead: each of them has a slot.
void World::check_slots(const Worker& w) {
    if (w.together == 0 || plan_.sink_kill > 0) return;
    std::set<std::uint64_t> calls;
    for (const auto& [number, held] : w.running) calls.insert(held.call);
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
        const auto [number, held] = w.waiting.front();
        w.waiting.erase(w.waiting.begin());
        w.running[number] = held;
        if (held.poison) {
            at(between(1ms, 5ms), [this, &w] { crash(w); });
            return;
        }
        at(between(1ms, 60ms), [this, &w, number = number, attempt = held.attempt] {
            awake(w, [this, &w, number, attempt] { finish_job(w, number, attempt); });
        });
    }
}

void World::finish_job(Worker& w, JobNumber number, std::uint32_t attempt) {
    const auto found = w.running.find(number);
    if (!w.alive || found == w.running.end() || found->second.attempt != attempt) return;
    std::optional<Failure> failure;
    if (happens(plan_.flaky)) failure = Failure{"handler-error", "flaky", true};
    answer(w, found->second.id, number, attempt, failure);
    w.running.erase(number);
    start_jobs(w);
}

void World::answer(Worker& w, const JobId& id, JobNumber number, std::uint32_t attempt,
                   std::optional<Failure> failure) {
    const std::uint64_t lane = w.running.contains(number) ? w.running[number].lane : w.lane;
    Result result{w.epoch, w.sdk ? w.name : "", "", {{id, attempt, 20'000, "\x07", failure}}};
    const std::string frame = w.sdk ? encode(result) : encode_plain(result);
    w.on_the_way[lane].insert({number, attempt});
    send(w.sink_pipe, [this, &w, frame, lane, number, attempt] {
        w.on_the_way[lane].erase({number, attempt});
        sink_frame(frame);
    });
}

void World::cancel_job(Worker& w, JobNumber number) {
    const Failure cancelled{"cancelled", "as it was told", false};
    for (auto at_ = w.waiting.begin(); at_ != w.waiting.end(); ++at_) {
        if (at_->first != number) continue;
        const auto held = at_->second;
        w.waiting.erase(at_);
        return answer(w, held.id, number, held.attempt, cancelled);
    }
    const auto found = w.running.find(number);
    if (found == w.running.end()) return;
    answer(w, found->second.id, number, found->second.attempt, cancelled);
    w.running.erase(number);
    start_jobs(w);
}

void World::heartbeat(Worker& w) {
    if (!w.alive) return;
    awake(w, [this, &w] {
        if (!w.alive) return;
        Heartbeat beat;
        beat.worker = w.name;
        for (const auto& [number, held] : w.running) beat.running.push_back(number);
        dispatcher_->on(beat, now_);
        at(500ms, [this, &w] { heartbeat(w); });
    });
}

// kill -9: what it held is gone, and the end of what it had sent too.
void World::crash(Worker& w) {
    if (!w.alive) return;
    ++faults_;
    w.alive = false;
    if (happens(0.5)) ++w.sink_pipe.life;
    ++w.lane_pipe.life;
    w.waiting.clear();
    w.running.clear();
    const bool told = !happens(plan_.vanish);
    if (told) {
        at_ventilator(between(1ms, 5ms),
                      [this, lane = w.lane] { dispatcher_->lane_down(lane, v_out_); });
    }
    at(between(10ms, 500ms), [this, place = w.place] { start_worker(place); });
}

// The connection ends and both live: an SDK worker joins again at once and keeps what it runs; a
// plain one goes on, and joins again when it has heard nothing for three pings.
void World::reset_lane(Worker& w) {
    ++faults_;
    ++w.lane_pipe.life;
    const std::uint64_t lane = w.lane;
    at_ventilator(between(1ms, 5ms), [this, lane] { dispatcher_->lane_down(lane, v_out_); });
    at_ventilator(w.sdk ? between(1ms, 10ms) : 15s, [this, &w, lane] {
        if (w.alive && w.lane == lane) awake(w, [this, &w] { join(w); });
    });
}

void World::pause(Worker& w) {
    ++faults_;
    const Duration sleep = between(100ms, 4s);
    w.asleep_until = now_ + sleep;
    if (sleep < 1500ms) return;
    // It notices that it slept: it drops what it had not begun, and joins again.
    at(sleep, [this, &w] { join(w); });
}

} // namespace penstock::sim
