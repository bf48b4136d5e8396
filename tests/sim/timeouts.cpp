// An attempt that takes longer than it may: its worker is told to cancel then, not before and not
// much later, and the attempt has failed. Whoever answers in time is not told.

#include "tests/sim/world.hpp"

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

// Until the ventilator knows of an answer: the ways, and with a store what is written first.
constexpr Duration kHeard = 10ms, kHeardWithStore = 1s;

} // namespace

// 0: as its kind says. Some are over before the sink is told that the attempt runs.
Duration World::draw_timeout() {
    if (happens(0.3)) return 0s;
    return happens(0.1) ? between(2ms, 12ms) : between(30ms, 2s);
}

Duration World::timeout_of(const std::string& id) {
    const Terms& wish = wishes_.at(id);
    if (wish.timeout > 0s) return wish.timeout;
    return seen_[wish.kind].settings.timeout.value_or(kTimeoutDefault);
}

// Somebody wants the job cancelled, it has ended elsewhere, or its time is up.
void World::check_cancel(std::uint64_t lane, const CancelJob& cancelled) {
    const auto found = flights_.find(cancelled.number);
    if (found == flights_.end() || found->second.cancelled) return;
    const Flight flight = found->second;
    flights_.erase(found);
    const bool is_it = flight.id == cancelled.id.text() && flight.lane == lane;
    if (!is_it) return fail(flight.id + " is not what is cancelled");
    const bool is_early = flight.is_sure && now_ < flight.began + flight.timeout;
    if (is_early) fail(flight.id + " was told to cancel before its time was up");
    const Duration heard = plan_.durable ? kHeardWithStore : kHeard;
    const bool has_answered = flight.ended != kNever && flight.ended + heard < now_;
    if (has_answered) fail(flight.id + " had answered and was told to cancel");
    check_in_time(flight);
    Job& job = jobs_[flight.id];
    job.out_of_time_last = flight.attempt;
    const bool is_its_own = wishes_.at(flight.id).timeout > 0s;
    saw(is_its_own ? "rule: its time was up" : "rule: its time was up, as its kind says");
}

// It is over, or its worker was told.
void World::check_in_time(const Flight& flight) {
    const bool is_late = flight.is_sure && !flight.cancelled && flight.began + flight.timeout + kTimersLate < now_;
    if (is_late) fail("nobody told the worker of " + flight.id + " that its time was up");
}

void World::note_end(const Held& held) {
    for (auto& [number, flight] : flights_) {
        if (flight.id == held.id.text() && flight.attempt == held.attempt) flight.ended = now_;
    }
}

// What a job came to is what became of its last attempt.
void World::check_last_attempt(const std::string& id, const JobView& view) {
    if (!plan_.fair) return;
    const Job& job = jobs_.at(id);
    if (view.state == State::succeeded && job.succeeded == 0) fail(id + " succeeded, and no worker said so");
    if (view.state != State::failed || job.dispatched == 0) return;
    const bool was_late = job.out_of_time_last == static_cast<std::uint32_t>(job.dispatched);
    const bool says_so = view.failure && view.failure->code == "timeout";
    if (was_late && !says_so) fail(id + " failed when its time was up, and does not say so");
    if (!was_late && says_so) fail(id + " failed by its timeout, and its worker was not told");
    if (was_late) saw("rule: failed when its time was up");
    const bool any_other_way = plan_.hang > 0 || plan_.crash > 0;
    if (job.succeeded > 0 && !any_other_way) fail(id + " failed, and its worker said that it succeeded");
}

} // namespace penstock::sim
