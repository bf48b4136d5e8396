// What waits at the ventilator and what is out, as somebody knows who reads all that it is told and
// all that it says. In fair weather: one ventilator, one sink, and nothing between them is lost.

#include "tests/sim/world.hpp"

#include <algorithm>
#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

void World::note_said(const ToSink& message) {
    if (const auto* store = std::get_if<Store>(&message)) {
        for (std::size_t i = 0; i < store->rows.size(); ++i) {
            names_[store->first + i] = {store->rows[i].id.text(), now_};
        }
    } else if (const auto* taken = std::get_if<Taken>(&message)) {
        for (std::size_t i = 0; i < taken->ids.size(); ++i) {
            const std::string id = taken->ids[i].text();
            names_[taken->first + i] = {id, offered_.at(id)};
        }
    } else if (const auto* retrying = std::get_if<Retrying>(&message)) {
        begin_waiting(retrying->number, now_ + retrying->delay);
    } else if (const auto* final = std::get_if<Final>(&message)) {
        end_waiting(final->number);
    } else if (const auto* lost = std::get_if<Lost>(&message)) {
        for (const auto& row : lost->rows) {
            flights_.erase(row.number);
            ++jobs_[names_.at(row.number).first].lost;
        }
    }
}

void World::note_heard(const FromSink& message) {
    if (const auto* stored = std::get_if<Stored>(&message)) {
        for (const Range& range : stored->rows) {
            for (JobNumber n = range.first; n < range.first + range.count; ++n) {
                const auto& [id, since] = names_.at(n);
                begin_waiting(n, std::max(now_, since + wishes_.at(id).delay));
            }
        }
    } else if (const auto* settled = std::get_if<Settled>(&message)) {
        for (const SettledRow& row : settled->rows) {
            for (JobNumber n = row.first; n < row.first + row.count; ++n) {
                end_flight(n, 0);
                end_waiting(n);
            }
        }
        for (const FailedRow& row : settled->failed) end_flight(row.number, row.attempt);
    } else if (const auto* open = std::get_if<Open>(&message)) {
        for (const auto& row : open->rows) begin_waiting(row.number, now_);
    } else if (const auto* take = std::get_if<Take>(&message)) {
        for (const auto& row : take->rows) offered_[row.id.text()] = now_ - row.age;
    } else if (const auto* cancel = std::get_if<Cancel>(&message)) {
        for (const JobNumber n : cancel->numbers) {
            if (const auto flight = flights_.find(n); flight != flights_.end()) flight->second.cancelled = true;
        }
    } else if (const auto* kinds = std::get_if<Kinds>(&message)) {
        for (const auto& row : kinds->rows) note_settings(row.kind, row.settings);
    }
}

void World::note_settings(const std::string& kind, const KindSettings& settings) {
    Seen& seen = seen_[kind];
    if (settings.rate) seen.due = std::min(seen.due, now_ + from_seconds(1 / *settings.rate));
    for (auto& [number, flight] : flights_) { // of a young one it may be the one before or this one
        const bool is_young = flight.kind == kind && flight.began + kTimersLate > now_;
        if (is_young && settings.timeout != seen.settings.timeout) flight.is_sure = false;
    }
    seen.settings = settings;
}

void World::note_dispatch(std::uint64_t lane, const JobBatch& batch, const JobRow& row) {
    const std::string id = row.id.text();
    const auto waiter = waiters_.find(row.number);
    if (waiter == waiters_.end()) return fail(id + " was sent, and did not wait");
    if (waiter->second.ready > now_) fail(id + " was sent before its time");
    if (flights_.contains(row.number)) fail(id + " was sent again, and nobody told its worker");
    Seen& seen = seen_[batch.kind];
    take_waiter(row.number);
    const Duration timeout = timeout_of(id);
    if (batch.timeout > timeout) fail("the worker of " + id + " was told that it has more time than it has");
    flights_[row.number] = {id, batch.kind, row.attempt, lane, now_, kNever, timeout};
    started_.push_back(row.number);
    if (seen.settings.rate) seen.due = std::max(seen.due, now_) + from_seconds(1 / *seen.settings.rate);
    if (row.attempt > 1 && jobs_[id].out_of_time_last + 1 == row.attempt) saw("rule: tried again when its time was up");
}

void World::begin_waiting(JobNumber number, Instant ready) {
    const std::string& id = names_.at(number).first;
    const std::string& kind = wishes_.at(id).kind;
    waits_since(kind); // by whom that was
    waiters_[number] = {id, kind, ready};
    ++seen_[kind].came;
    waits_since(kind);
}

bool World::take_waiter(JobNumber number) {
    const auto found = waiters_.find(number);
    if (found == waiters_.end()) return false;
    const std::string kind = found->second.kind;
    waits_since(kind); // while it counts
    waiters_.erase(found);
    if (ready(kind, now_) == 0) seen_[kind].waits_since = kNever;
    return true;
}

// No worker ever had it.
void World::end_waiting(JobNumber number) {
    if (!take_waiter(number)) return;
    ++seen_[wishes_.at(names_.at(number).first).kind].gone;
    asked_.erase(number);
}

void World::end_flight(JobNumber number, std::uint32_t attempt) { // 0: whichever
    const auto found = flights_.find(number);
    if (found == flights_.end() || (attempt != 0 && found->second.attempt != attempt)) return;
    check_in_time(found->second);
    flights_.erase(found);
}

void World::end_flights(std::uint64_t lane) {
    std::erase_if(flights_, [lane](const auto& each) { return each.second.lane == lane; });
}

// So many of the kind wait that a worker may have had then.
std::uint64_t World::ready(const std::string& kind, Instant then) const {
    return static_cast<std::uint64_t>(std::count_if(waiters_.begin(), waiters_.end(), [&](const auto& each) {
        return each.second.kind == kind && each.second.ready <= then;
    }));
}

// Since when there has been one all the time. kNever: there is none.
Instant World::waits_since(const std::string& kind) {
    Instant& since = seen_[kind].waits_since;
    if (since != kNever) return since;
    for (const auto& [number, w] : waiters_) {
        if (w.kind == kind && w.ready <= now_) since = std::min(since, w.ready);
    }
    return since;
}

} // namespace penstock::sim
