// The simulated workers, plain ones and SDK ones: how they join, live and die.

#include "tests/sim/world.hpp"

#include <algorithm>

namespace penstock::sim {

using namespace std::chrono_literals;

Worker* World::worker_of(std::uint64_t lane) {
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
