// The dispatcher's lanes: how workers join, fall silent, leave and die, and what becomes of the
// jobs that they held.

#include "ventilator/dispatcher.hpp"

#include "protocol/check.hpp"

#include <algorithm>
#include <set>
#include <utility>

namespace penstock::ventilator {
namespace {

// Of each of the kinds, which jobs the worker takes together. Rows are needed for that.
std::vector<Together> together_of(const Join& join, const std::vector<KindState*>& kinds) {
    std::vector<Together> out(kinds.size());
    if (!join.batch) return out;
    for (const Batching& wish : join.batching) {
        for (std::size_t i = 0; i < kinds.size(); ++i) {
            if (kinds[i]->name == wish.kind) out[i] = {wish.max, wish.wait};
        }
    }
    return out;
}

} // namespace

Joined Dispatcher::join(const Join& join, Instant now, Outbox& out) {
    Joined joined;
    if (join.version != kProtocolVersion) {
        joined.error = "this ventilator speaks version " + std::to_string(kProtocolVersion);
        return joined;
    }
    if (draining_)
        joined.error = "draining: join another ventilator, or this one's successor";
    else if (epoch_ == 0 || !sink_is_up_)
        joined.error = "starting: the sink is not there yet";
    if (!joined.error.empty()) return joined;

    std::vector<KindState*> kinds;
    for (const std::string& name : join.kinds) {
        declare_kind(name);
        if (KindState* kind = kind_of(name)) kinds.push_back(kind);
    }
    tell_new_kinds(out);
    std::sort(kinds.begin(), kinds.end(),
              [](const KindState* a, const KindState* b) { return a->name < b->name; });
    kinds.erase(std::unique(kinds.begin(), kinds.end()), kinds.end());
    if (kinds.empty()) {
        joined.error = "there are more kinds than this ventilator holds";
        return joined;
    }

    joined.lane = next_lane_++;
    joined.worker = join.worker;
    if (joined.worker.empty()) {
        joined.worker = "w" + std::to_string(epoch_) + "-" + std::to_string(joined.lane);
    }
    joined.window = join.slots + kPrefetchMax;
    const Index old = roster_.find_worker(joined.worker);
    std::vector<std::string> labels = join.labels;
    std::sort(labels.begin(), labels.end());
    labels.erase(std::unique(labels.begin(), labels.end()), labels.end());
    std::vector<Together> together = together_of(join, kinds);
    for (const Together& each : together) {
        joined.window = std::max(joined.window, join.slots * each.max);
    }
    LaneState& lane =
        roster_.open(joined.lane, joined.worker, join.slots,
                     {kinds, std::move(together), std::move(labels), join.min_priority});
    lane.batches = join.batch;
    lane.outbox = join.outbox && join.heartbeats;
    lane.heartbeats = join.heartbeats;
    lane.labels = join.labels;
    lane.joined = lane.heard = lane.sent = now;
    if (old != kNoIndex) {
        // The same worker, alive: nobody is blamed, and what it says it still runs stays with it.
        if (join.epoch == epoch_) adopt(old, roster_.find(joined.lane), running_on(old, join));
        close(old, false, out);
    } else if (join.epoch == epoch_) {
        adopt(kNoIndex, roster_.find(joined.lane), running_on(kNoIndex, join));
    }
    claim(join, joined.lane, now, out);
    return joined;
}

void Dispatcher::lane_up(LaneId id, Instant now) {
    const Index index = roster_.find(id);
    if (index == kNoIndex) return;
    LaneState& lane = roster_[index];
    lane.is_up = true;
    lane.heard = now;
    roster_.place(index);
}

void Dispatcher::lane_down(LaneId id, Outbox& out) {
    const Index index = roster_.find(id);
    if (index != kNoIndex) close(index, !roster_[index].draining, out);
}

void Dispatcher::close(Index index, bool blame, Outbox& out) {
    lose(index, blame, out);
    const LaneId id = roster_[index].id;
    for (auto ghost = ghosts_.begin(); ghost != ghosts_.end();) {
        if (ghost->second.lane != id) {
            ++ghost;
            continue;
        }
        forget(ghost->second);
        ghost = ghosts_.erase(ghost);
    }
    for (Line* line : suspect_lines_) {
        if (line->reserved == id) line->reserved = 0;
    }
    if (!claims_.empty()) {
        std::erase_if(claims_, [id](const auto& claim) { return claim.second.lane == id; });
    }
    out.close_lanes.push_back(id);
    roster_.close(id);
}

// Those that may be running when a worker is gone: what it last said that it runs, what it brought
// with it, and the oldest it holds, one a slot, or all of a call. A job that kills its worker at
// once was never reported.
std::vector<Index> Dispatcher::maybe_running(const LaneState& lane) const {
    std::vector<Index> out;
    std::uint32_t slots = lane.slots, call = 0;
    for (Index at = lane.flights.first; at != kNoIndex; at = links_.next(at)) {
        const Record& r = records_[at];
        if (r.adopted) {
            out.push_back(at);
            continue;
        }
        if (r.call == 0 || r.call != call) {
            if (slots == 0) continue; // what was brought may stand behind
            --slots;
        }
        call = r.call;
        out.push_back(at);
    }
    for (const JobNumber number : lane.running) {
        const Index index = find(number);
        if (index == kNoIndex || records_[index].stage != Stage::out) continue;
        if (roster_[records_[index].lane].id == lane.id) out.push_back(index);
    }
    std::sort(out.begin(), out.end());
    out.erase(std::unique(out.begin(), out.end()), out.end());
    return out;
}

// It must not run twice, and whoever it was sent to may run it yet: a silent worker wakes up, a broken
// connection says nothing about the process behind it, one that was told to end had begun it.
bool Dispatcher::is_once(const Record& record) {
    return !record.terms->first.redeliver;
}

// Takes every flight off the lane and asks the sink which of them are still open.
void Dispatcher::lose(Index lane_index, bool blame, Outbox& out) {
    LaneState& lane = roster_[lane_index];
    if (lane.flights.empty()) return;
    std::vector<Index> suspects;
    if (blame) suspects = maybe_running(lane);
    // Results that die with their worker let jobs that it has run look as if they ran, and hide the
    // one that ran behind them. That one is known by being there when the next worker dies.
    Lost lost{lane.worker, {}};
    while (!lane.flights.empty()) {
        const Index index = lane.flights.first;
        Record& r = records_[index];
        const bool may_run = std::binary_search(suspects.begin(), suspects.end(), index);
        const bool suspect = is_once(r) || (blame && (r.was_there || may_run));
        r.was_there = blame && !suspect;
        lost.rows.push_back({r.number, r.attempt, suspect});
        end_flight(index);
        r.stage = Stage::asking;
        r.suspect = suspect;
        disarm(r, index);
    }
    out.to_sink.emplace_back(std::move(lost));
}

// A silent worker, or one that says goodbye: what it has not begun goes elsewhere. It may still
// answer for them, so their credit stays used until it does or its lane ends.
void Dispatcher::withdraw_unstarted(Index lane_index, Outbox& out) {
    LaneState& lane = roster_[lane_index];
    const std::vector<Index> kept = maybe_running(lane);
    std::vector<Index> moved;
    for (Index at = lane.flights.first; at != kNoIndex; at = links_.next(at)) {
        if (!std::binary_search(kept.begin(), kept.end(), at) && !is_once(records_[at])) moved.push_back(at);
    }
    if (moved.empty()) return;
    Lost lost{lane.worker, {}};
    for (const Index index : moved) {
        Record& r = records_[index];
        lost.rows.push_back({r.number, r.attempt, false});
        make_ghost(index);
        r.stage = Stage::asking;
        r.suspect = false;
        disarm(r, index);
    }
    out.to_sink.emplace_back(std::move(lost));
}

void Dispatcher::on(const Heartbeat& heartbeat, Instant now) {
    const Index index = roster_.find_worker(heartbeat.worker);
    if (index == kNoIndex) return;
    LaneState& lane = roster_[index];
    lane.heard = now;
    const bool is_ours = heartbeat.epoch == 0 || heartbeat.epoch == epoch_;
    lane.running = is_ours ? heartbeat.running : std::vector<JobNumber>();
    lane.cpu_seconds = heartbeat.cpu_seconds;
    lane.rss_bytes = heartbeat.rss_bytes;
    if (lane.silent) {
        lane.silent = false;
        roster_.place(index);
    }
}

void Dispatcher::on(const Bye& bye, Outbox& out) {
    const Index index = roster_.find_worker(bye.worker);
    if (index == kNoIndex) return;
    LaneState& lane = roster_[index];
    lane.draining = true;
    roster_.place(index);
    Lost lost{lane.worker, {}};
    for (const JobNumber number : bye.waiting) {
        const Index at = find(number);
        if (at == kNoIndex || records_[at].stage != Stage::out || records_[at].lane != index)
            continue;
        lost.rows.push_back({number, records_[at].attempt, false});
        end_flight(at); // handed back: it will not answer for these
        records_[at].stage = Stage::asking;
        records_[at].suspect = false;
        disarm(records_[at], at);
    }
    if (!lost.rows.empty()) out.to_sink.emplace_back(std::move(lost));
}

// ---- credit -------------------------------------------------------------------------------

void Dispatcher::end_flight(Index index) {
    Record& r = records_[index];
    const Index lane_index = r.lane;
    LaneState& lane = roster_[lane_index];
    links_.remove(lane.flights, index);
    PENSTOCK_CHECK(lane.outstanding > 0);
    --lane.outstanding;
    lane.leave_call(r.call);
    lane.bytes -= r.payload.size();
    --r.kind->running;
    --running_;
    r.lane = kNoIndex;
    if (r.adopted) tokens_.erase(r.number);
    r.adopted = false;
    r.stage = Stage::returned; // until the caller says what it waits for now
    if (lane.outstanding == 0) lane.alone = false;
    roster_.ease(lane_index);
}

// The job goes on without this attempt, but the lane still holds it.
void Dispatcher::make_ghost(Index index) {
    const Record& r = records_[index];
    const Index lane_index = r.lane;
    const Attempt attempt{r.number, r.attempt};
    LaneState& lane = roster_[lane_index];
    const bool was_alone = lane.alone;
    const std::uint32_t call = r.call;
    end_flight(index);
    lane.alone = was_alone;
    add_ghost(attempt, lane, {lane.id, watched_, r.kind, call});
    roster_.place(lane_index);
}

void Dispatcher::add_ghost(Attempt attempt, LaneState& lane, const Ghost& ghost) {
    if (!ghosts_.try_emplace(attempt, ghost).second) return;
    if (ghost.kind != nullptr) ++ghost.kind->ghosts;
    lane.enter_call(ghost.call);
    ++lane.outstanding;
    ++lane.ghosts;
}

void Dispatcher::forget(const Ghost& ghost) {
    if (ghost.kind != nullptr) --ghost.kind->ghosts;
}

void Dispatcher::end_ghost(JobNumber number, std::uint32_t attempt) {
    if (attempt == 0) return; // no worker has answered: the outcome was decided elsewhere
    auto ghost = ghosts_.find({number, attempt});
    if (ghost == ghosts_.end()) ghost = ghosts_.find({number, kAnyAttempt});
    if (ghost == ghosts_.end()) return;
    const Index index = roster_.find(ghost->second.lane);
    const std::uint32_t call = ghost->second.call;
    forget(ghost->second);
    ghosts_.erase(ghost);
    PENSTOCK_CHECK(index != kNoIndex);
    LaneState& lane = roster_[index];
    PENSTOCK_CHECK(lane.outstanding > 0 && lane.ghosts > 0);
    tell_settled(lane, number);
    lane.leave_call(call);
    --lane.ghosts;
    if (--lane.outstanding == 0) lane.alone = false;
    roster_.ease(index);
}

// ---- time ---------------------------------------------------------------------------------

void Dispatcher::watch_lanes(Instant now, Outbox& out) {
    constexpr Duration kLook = std::chrono::milliseconds(250);
    if (now - watched_ < kLook) return;
    // If we ourselves were asleep, nobody else was silent.
    const Duration asleep = now - watched_ > 2 * kLook ? now - watched_ : Duration(0);
    watched_ = now;
    std::set<LaneId> hung; // told to stop something, and no answer since: or gone without a word
    std::vector<Attempt> let_go;
    for (auto& [attempt, ghost] : ghosts_) {
        ghost.since += asleep;
        const Duration since = now - ghost.since;
        // What a join names may have been answered before the join was read.
        if (since <= (ghost.named ? limits_.silence : limits_.silent_limit)) continue;
        if (has_let_go(attempt, ghost))
            let_go.push_back(attempt);
        else if (since > limits_.silent_limit)
            hung.insert(ghost.lane);
    }
    for (const Attempt& attempt : let_go) end_ghost(attempt.first, attempt.second);
    std::vector<std::pair<Index, bool>> dead; // and whether to blame
    roster_.for_each([&](Index index) {
        LaneState& lane = roster_[index];
        lane.heard += asleep;
        if (!lane.is_up && now - lane.joined > limits_.connect_within + asleep) {
            dead.emplace_back(index, false);
            return;
        }
        if (!lane.settled_rows.empty()) send_settled(lane, out);
        if (now - lane.sent >= limits_.ping) {
            lane.sent = now;
            out.to_lanes.push_back({lane.id, false, Ping{}});
        }
        if (hung.contains(lane.id)) {
            dead.emplace_back(index, false);
            return;
        }
        if (!lane.heartbeats || !lane.is_up) return;
        if (now - lane.heard > limits_.silent_limit) {
            dead.emplace_back(index, true);
        } else if (!lane.silent && now - lane.heard > limits_.silence) {
            lane.silent = true;
            roster_.place(index);
            withdraw_unstarted(index, out);
        }
    });
    for (const auto& [index, blame] : dead) close(index, blame, out);
}

// A worker that says what it runs, and not this: its answer was for somebody else, or is lost.
bool Dispatcher::has_let_go(const Attempt& attempt, const Ghost& ghost) const {
    const Index index = roster_.find(ghost.lane);
    if (index == kNoIndex) return false;
    const LaneState& lane = roster_[index];
    if (!lane.heartbeats || lane.silent) return false;
    return std::find(lane.running.begin(), lane.running.end(), attempt.first) == lane.running.end();
}

void Dispatcher::report_started(Instant now, Outbox& out) {
    std::map<Index, Started> by_lane;
    while (!handed_.empty() && handed_.front().at + limits_.started_after <= now) {
        const Handed handed = handed_.front();
        handed_.pop_front();
        const Index index = find(handed.number);
        if (index == kNoIndex) continue;
        const Record& r = records_[index];
        if (r.stage != Stage::out || r.attempt != handed.attempt) continue;
        arm(index);
        Started& started = by_lane[r.lane];
        if (started.rows.empty()) started.worker = roster_[r.lane].worker;
        started.rows.push_back({r.number, r.attempt});
    }
    for (auto& [lane, started] : by_lane) out.to_sink.emplace_back(std::move(started));
}

void Dispatcher::tick(Instant now, Outbox& out) {
    report_started(now, out); // arms the timeouts of attempts that have grown old
    timers_.expire(now, [&](Index index) { fire(index, now, out); });
    watch_lanes(now, out);
}

Instant Dispatcher::wake_at() const {
    Instant when = timers_.wake_at();
    when = std::min(when, limited_until_);
    if (!handed_.empty()) when = std::min(when, handed_.front().at + limits_.started_after);
    if (roster_.size() > 0) when = std::min(when, watched_ + std::chrono::milliseconds(250));
    return when;
}

} // namespace penstock::ventilator
