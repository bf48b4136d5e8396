// Jobs that a worker runs while lanes and ventilators come and go: it names them when it joins again,
// and they stay where they are. What the ventilator before gave it, this one has back from the sink.
// And what workers are told so that they can let go of the results that they keep.

#include "ventilator/dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace penstock::ventilator {
namespace {

// How long a job that somebody was seen to run waits for its worker: as long as a worker may take
// until it asks to join again. Were it given to another one, it would run twice.
constexpr Duration kClaimWithin = std::chrono::seconds(3);
// A claim means a job that its sink still has open, not one of the same id that comes later.
constexpr Duration kClaimHolds = std::chrono::seconds(60);

} // namespace

void Dispatcher::claim(const Join& join, LaneId lane, Instant now, Outbox& out) {
    bool any = false;
    for (const Join::Run& run : join.runs) {
        if (run.epoch >= epoch_) continue; // those are adopted by their numbers
        Claim& claim = claims_[run.id.text()];
        any = true;
        const auto newer = std::pair(claim.epoch, claim.attempt) <= std::pair(run.epoch, run.attempt);
        if (newer) claim = {lane, run.epoch, run.attempt, now + kClaimHolds};
    }
    if (!any) return;
    std::erase_if(unclaimed_, [&](JobNumber number) {
        const Index index = find(number);
        const bool waits = index != kNoIndex && records_[index].runs &&
                           records_[index].stage == Stage::delayed;
        return !waits || follow_claim(index, now, out);
    });
}

// What a worker says that it runs, by our numbers. `lane` is its old one; kNoIndex: it is gone.
std::vector<Dispatcher::Attempt> Dispatcher::running_on(Index lane, const Join& join) const {
    std::vector<Attempt> out;
    for (const Join::Run& run : join.runs) {
        if (run.epoch == epoch_) out.emplace_back(run.number, run.attempt);
    }
    if (join.runs.empty()) {
        for (const JobNumber number : join.running) out.emplace_back(number, kAnyAttempt);
    }
    Index at = lane == kNoIndex ? kNoIndex : roster_[lane].flights.first;
    for (; at != kNoIndex; at = links_.next(at)) {
        const Record& r = records_[at];
        if (!r.adopted) continue;
        for (const Join::Run& run : join.runs) {
            if (run.epoch < epoch_ && run.id == r.id) out.emplace_back(r.number, r.attempt);
        }
    }
    return out;
}

// What runs stays with the worker on its new lane, in the slots that it has.
void Dispatcher::adopt(Index from, Index to, const std::vector<Attempt>& running) {
    LaneState& lane = roster_[to];
    std::map<std::uint32_t, std::uint32_t> calls; // of the old lane, as they are called on this one
    const auto same_call = [&](std::uint32_t call) {
        if (call == 0) return 0u;
        const auto [at, is_new] = calls.try_emplace(call, 0);
        if (is_new) at->second = lane.open_call();
        return at->second;
    };
    lane.running.clear();
    for (const Attempt& claimed : running) {
        const auto number = claimed.first;
        const auto attempt = claimed.second;
        lane.running.push_back(number);
        const Index index = find(number);
        const bool is_here = index != kNoIndex && records_[index].stage == Stage::out &&
                             records_[index].lane == from &&
                             (attempt == kAnyAttempt || attempt == records_[index].attempt);
        if (is_here) {
            const std::uint32_t call = same_call(records_[index].call);
            const auto token = tokens_.find(number);
            const Epoch epoch = token == tokens_.end() ? 0 : token->second;
            end_flight(index);
            put_out(index, to, call);
            if (epoch != 0) note_token(index, epoch);
            continue;
        }
        // Taken away from it meanwhile; its slot is used until it answers.
        Ghost ghost;
        auto known = ghosts_.lower_bound({number, attempt});
        const auto is_its = [&] {
            return known != ghosts_.end() && known->first.first == number &&
                   (attempt == kAnyAttempt || known->first.second == attempt);
        };
        while (is_its() && (from == kNoIndex || known->second.lane != roster_[from].id)) ++known;
        Attempt is = {number, attempt};
        if (is_its()) { // of its old lane, which is about to end
            is = known->first;
            ghost = known->second;
            forget(ghost);
            ghosts_.erase(known);
        }
        add_ghost(is, lane, {lane.id, watched_, ghost.kind, same_call(ghost.call), true});
    }
    roster_.place(to);
}

// True: the job is out, or waits for its worker. REQUIRES: it is stored, or it is delayed for that.
bool Dispatcher::follow_claim(Index index, Instant now, Outbox& out) {
    Record& r = records_[index];
    auto found = claims_.empty() ? claims_.end() : claims_.find(r.id.text());
    const auto holds = [&](const Claim& claim) {
        const bool is_newest = claim.attempt >= r.attempt; // nobody else was given it since
        return is_newest && claim.until > now && roster_.find(claim.lane) != kNoIndex;
    };
    if (found != claims_.end() && !holds(found->second)) {
        claims_.erase(found);
        found = claims_.end();
    }
    if (found == claims_.end()) {
        if (!r.runs) return false;
        if (r.stage == Stage::delayed) return false; // it waits already
        unclaimed_.push_back(r.number);
        delay(index, now + kClaimWithin);
        return true;
    }
    const Claim claim = found->second;
    claims_.erase(found);
    const Index lane_index = roster_.find(claim.lane);
    leave_stage(index);
    r.runs = false;
    r.attempt = claim.attempt;
    // As in `take`, of the attempts before this one.
    r.failures = r.attempt - 1 - std::min(r.attempt - 1, r.deaths);
    r.dispatched = now; // its timeout counts from here: nobody knows better
    put_out(index, lane_index, 0);
    note_token(index, claim.epoch);
    roster_.place(lane_index);
    out.to_sink.emplace_back(started_of(r));
    return true;
}

void Dispatcher::note_token(Index index, Epoch epoch) {
    records_[index].adopted = true;
    tokens_[records_[index].number] = epoch;
}

Started Dispatcher::started_of(const Record& r) const {
    return {roster_[r.lane].worker, {{r.number, r.attempt}}, tokens_.at(r.number)};
}

// REQUIRES: it is in no stage that has to be left.
void Dispatcher::put_out(Index index, Index lane_index, std::uint32_t call) {
    Record& r = records_[index];
    LaneState& lane = roster_[lane_index];
    r.stage = Stage::out;
    r.lane = lane_index;
    r.call = call;
    lane.enter_call(call);
    if (r.deaths > 0) lane.alone = true; // a suspect keeps the worker to itself
    links_.push_back(lane.flights, index);
    ++lane.outstanding;
    lane.bytes += r.payload.size();
    ++r.kind->running;
    ++running_;
    look_at(*r.kind); // it may run more than may be now
    arm(index);
}

// ---- results that workers keep ------------------------------------------------------------

void Dispatcher::tell_settled(LaneState& lane, JobNumber number) {
    if (!lane.outbox) return;
    auto& rows = lane.settled_rows;
    if (!rows.empty() && rows.back().first + rows.back().count == number)
        ++rows.back().count;
    else
        rows.push_back({number, 1});
}

void Dispatcher::send_settled(LaneState& lane, Outbox& out) {
    out.to_lanes.push_back({lane.id, lane.batches, SettledJobs{std::exchange(lane.settled_rows, {})}});
}

// The worker knows an adopted job by the number of another epoch.
CancelJob Dispatcher::cancel_of(const Record& r) {
    return {r.adopted ? 0 : r.number, r.id};
}

} // namespace penstock::ventilator
