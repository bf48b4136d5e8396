// The dispatcher's jobs: how they come in, what ends each stage, how they leave.

#include "ventilator/dispatcher.hpp"

#include "protocol/check.hpp"

#include <algorithm>
#include <utility>

namespace penstock::ventilator {
namespace {

Failure failure_of(Reason reason) {
    switch (reason) {
    case Reason::said:
        return {};
    case Reason::expired:
        return {"expired", "it was not started within its ttl", false};
    case Reason::timeout:
        return {"timeout", "the attempt ran longer than its timeout", true};
    case Reason::worker_lost:
        return {"worker-lost", "its worker died, and redeliver is false", false};
    case Reason::quarantined:
        return {"quarantined", "three workers died while they may have been running it", false};
    }
    return {};
}

bool waits_for_stored(const Record& r) {
    return r.stage == Stage::storing || r.stage == Stage::taking;
}

} // namespace

Dispatcher::Dispatcher(const Limits& limits, std::uint64_t seed, Instant now)
    : limits_(limits), chance_(seed), timers_(now), watched_(now) {
    if (limits_.ageing > Duration(0)) queues_.slot_width = Ages::width_for(limits_.ageing);
}

// ---- coming in ----------------------------------------------------------------------------

KindState* Dispatcher::kind_of(const std::string& name) {
    const auto found = kinds_.find(name);
    if (found != kinds_.end()) return found->second.get();
    return kinds_.size() < limits_.kinds_max ? &add_kind(name) : nullptr;
}

KindState& Dispatcher::add_kind(const std::string& name) {
    auto& kind = kinds_[name];
    if (kind) return *kind;
    kind = std::make_unique<KindState>();
    kind->name = name;
    kind->plain = &line_of(*kind, {});
    return *kind;
}

std::string_view Dispatcher::refusal(const KindState* kind, std::size_t bytes) const {
    if (kind == nullptr) return "kinds-full";
    if (draining_) return "draining";
    if (known_kinds_ > 0 && !kind->known) return "unknown-kind";
    if (records_.used() >= limits_.jobs_max) return "jobs-full";
    if (bytes_ + bytes > limits_.bytes_max) return "bytes-full";
    return {};
}

// New sorts of jobs make new lines; their number has to have a limit too.
bool Dispatcher::has_line_for(const KindState& kind, const Terms& terms) const {
    return terms.needs.empty() || lines_ < limits_.lines_max || kind.lines.contains(terms.needs);
}

void Dispatcher::on(Submit submit, Instant now, Outbox& out) {
    KindState* kind = kind_of(submit.terms.kind);
    const auto terms = terms_.intern(std::move(submit.terms));
    const bool is_request = !submit.apart && (submit.rows.size() > 1 || submit.part > 0);
    const bool has_line = kind != nullptr && has_line_for(*kind, terms->first);
    Line* line = has_line ? &line_of(*kind, terms->first.needs) : nullptr;
    std::uint32_t member = submit.part;
    Refused refused;
    for (const SubmitRow& row : submit.rows) {
        std::string_view reason = refusal(kind, row.payload.size());
        if (reason.empty() && !has_line) reason = "needs-full";
        if (!reason.empty()) {
            if (refused.reason != reason && !refused.ids.empty()) {
                out.to_sink.emplace_back(std::exchange(refused, {}));
            }
            refused.reason = reason;
            refused.ids.push_back(row.id);
            if (kind != nullptr) ++kind->refused;
            continue;
        }
        const Index index = records_.allocate();
        Record& r = records_[index];
        r.number = next_number_++;
        r.terms = terms;
        r.kind = kind;
        r.payload = Blob(row.payload, submit.held);
        r.arrived = now;
        r.id = row.id;
        ++line->jobs;
        if (is_request) r.ahead = ++member;
        if (terms->first.ttl > Duration(0)) r.expires = now + terms->first.ttl;
        ++terms->second.jobs;
        ++kind->submitted;
        bytes_ += row.payload.size();
        by_number_.insert(r.number, index);
        links_.push_back(unsent_, index);
    }
    if (!refused.ids.empty()) out.to_sink.emplace_back(std::move(refused));
    if (line != nullptr) drop_line_if_spare(*line);
    terms_.forget_if_unused(terms);
}

// ---- what the sink says -------------------------------------------------------------------

void Dispatcher::on(const FromSink& message, Instant now, Outbox& out) {
    if (const auto* m = std::get_if<Settled>(&message))
        on(*m, now, out);
    else if (const auto* s = std::get_if<Stored>(&message))
        on(*s, now, out);
    else if (const auto* r = std::get_if<Returned>(&message))
        on(*r);
    else if (const auto* o = std::get_if<Open>(&message))
        on(*o, now, out);
    else if (const auto* c = std::get_if<Cancel>(&message))
        on(*c, out);
    else if (const auto* t = std::get_if<Take>(&message))
        on(*t, now);
    else if (const auto* k = std::get_if<Kinds>(&message))
        on(*k, now);
}

void Dispatcher::on(const Stored& m, Instant now, Outbox& out) {
    for (const Range& range : m.rows) {
        for (JobNumber n = range.first; n < end_of(range.first, range.count); ++n) {
            ask_ahead_of(n);
            if (const Index index = find_told(n); index != kNoIndex) stored(index, now, out);
        }
    }
    for (const auto* list : {&m.duplicates, &m.conflicts, &m.refused}) {
        for (const JobNumber n : *list) {
            const Index index = find_told(n);
            if (index == kNoIndex || !waits_for_stored(records_[index])) continue;
            if (list != &m.refused) ++duplicates_;
            forget(index);
        }
    }
    for (const Range& range : m.unknown) {
        for (JobNumber n = range.first; n < end_of(range.first, range.count); ++n) {
            if (const Index index = find_told(n); index != kNoIndex) store_unknown(index);
        }
    }
}

void Dispatcher::stored(Index index, Instant now, Outbox& out) {
    Record& r = records_[index];
    if (!waits_for_stored(r)) return;
    r.again = false;
    if (r.decided != State::queued) { // decided before the sink began a new life
        finish(index, r.decided, r.reason, out);
    } else if (r.deaths >= kDeathsMax) {
        finish(index, State::quarantined, Reason::quarantined, out);
    } else if (follow_claim(index, now, out)) {
        return;
    } else if (r.attempt == 0 && r.expires <= now) { // it was on its way here for long
        finish(index, State::expired, Reason::expired, out);
    } else if (r.attempt == 0 && r.arrived + r.terms->first.delay > now) {
        delay(index, r.arrived + r.terms->first.delay);
    } else {
        enqueue(index);
    }
}

void Dispatcher::on(const Settled& m, Instant now, Outbox& out) {
    for (const SettledRow& row : m.rows) settle(row, now, out);
    for (const FailedRow& row : m.failed) fail(row, now, out);
}

void Dispatcher::settle(const SettledRow& row, Instant now, Outbox& out) {
    bool measured = row.attempt == 0 || row.count == 0;
    const double run_us = row.count == 0 ? 0 : static_cast<double>(row.run_us) / row.count;
    for (JobNumber n = row.first; n < end_of(row.first, row.count); ++n) {
        ask_ahead_of(n);
        const Index index = find_told(n);
        if (index == kNoIndex) {
            end_ghost(n, row.attempt);
            continue;
        }
        Record& r = records_[index];
        // A result under the token of the ventilator before is of no attempt that the sink knows.
        const bool is_its = r.attempt == row.attempt || (r.adopted && row.attempt == 0);
        if (r.stage == Stage::out && is_its) {
            LaneState& lane = roster_[r.lane];
            ++lane.settled;
            tell_settled(lane, n);
            // It may have been another one's success under an older token still.
            if (r.attempt != row.attempt) out.to_lanes.push_back({lane.id, false, cancel_of(r)});
            if (!measured) {
                measured = true;
                const double elapsed = static_cast<double>((now - r.dispatched).count()) / 1e3;
                const double turns = 1 + static_cast<double>(r.ahead) / lane.slots;
                r.kind->measure(run_us, std::max(20.0, elapsed - turns * run_us));
            }
        } else {
            end_ghost(n, row.attempt);
            if (r.stage ==
                Stage::out) { // by another attempt, or cancelled: this one is for nothing
                out.to_lanes.push_back({roster_[r.lane].id, false, cancel_of(r)});
                make_ghost(index);
                r.stage = Stage::returned;
            }
        }
        forget(index);
    }
}

void Dispatcher::on(const Returned& m) {
    for (const SettledRow& row : m.rows) {
        for (JobNumber n = row.first; n < end_of(row.first, row.count); ++n) {
            const Index index = find_told(n);
            const bool is_out = index != kNoIndex && records_[index].stage == Stage::out &&
                                records_[index].attempt == row.attempt;
            if (!is_out) {
                end_ghost(n, row.attempt);
                continue;
            }
            end_flight(index);
            records_[index].stage = Stage::returned;
            disarm(records_[index], index);
        }
    }
}

void Dispatcher::fail(const FailedRow& row, Instant now, Outbox& out) {
    const Index index = find_told(row.number);
    if (index == kNoIndex || records_[index].attempt != row.attempt) {
        end_ghost(row.number, row.attempt); // a late failure of an older attempt says nothing
        return;
    }
    Record& r = records_[index];
    if (r.stage == Stage::out) {
        tell_settled(roster_[r.lane], r.number);
        end_flight(index);
        const double run_us = static_cast<double>(row.run_us);
        const double elapsed = static_cast<double>((now - r.dispatched).count()) / 1e3;
        r.kind->measure(run_us, std::max(20.0, elapsed - run_us));
    } else {
        end_ghost(row.number, row.attempt); // it was taken away from its lane
        if (r.stage != Stage::asking && r.stage != Stage::returned) return; // it timed out here first
    }
    decide_failure(index, row.retryable, Reason::said, now, out);
}

void Dispatcher::decide_failure(Index index, bool retryable, Reason reason, Instant now,
                                Outbox& out) {
    Record& r = records_[index];
    const Terms& terms = r.terms->first;
    ++r.failures;
    if (r.cancelling) return finish(index, State::cancelled, reason, out);
    if (!retryable || r.failures >= terms.max_attempts) {
        return finish(index, State::failed, reason, out);
    }
    const Duration wait = retry_delay(terms.backoff, r.failures, chance_.unit());
    ++r.kind->retried;
    out.to_sink.emplace_back(Retrying{r.number, r.attempt, wait});
    delay(index, now + wait);
}

void Dispatcher::on(const Open& m, Instant now, Outbox& out) {
    for (const Open::Row& row : m.rows) {
        const Index index = find_told(row.number);
        if (index == kNoIndex || records_[index].stage != Stage::asking) continue;
        Record& r = records_[index];
        const bool blamed = row.deaths > r.deaths;
        r.deaths = row.deaths;
        if (r.deaths >= kDeathsMax) {
            finish(index, State::quarantined, Reason::quarantined, out);
        } else if (blamed && !r.terms->first.redeliver) {
            finish(index, State::failed, Reason::worker_lost, out);
        } else if (r.cancelling) {
            finish(index, State::cancelled, Reason::said, out);
        } else {
            ++r.kind->redelivered;
            r.due = now;
            enqueue(index);
        }
    }
}

void Dispatcher::on(const Cancel& m, Outbox& out) {
    for (const JobNumber n : m.numbers) {
        const Index index = find_told(n);
        if (index == kNoIndex) continue;
        Record& r = records_[index];
        r.cancelling = true;
        if (r.stage == Stage::out) {
            out.to_lanes.push_back({roster_[r.lane].id, false, cancel_of(r)});
        } else if (r.stage == Stage::queued || r.stage == Stage::delayed) {
            finish(index, State::cancelled, Reason::said, out); // it came back meanwhile
        }
    }
}

// ---- stages -------------------------------------------------------------------------------

void Dispatcher::delay(Index index, Instant due) {
    Record& r = records_[index];
    r.stage = Stage::delayed;
    r.due = due;
    ++r.kind->delayed;
    arm(index);
}

// One timer a record: the next thing that time does to it.
void Dispatcher::arm(Index index) {
    Record& r = records_[index];
    // A deadline to start by says nothing about a job that has been started.
    const Instant expires = r.attempt == 0 ? r.expires : kNever;
    Instant when = kNever;
    if (r.stage == Stage::delayed) when = std::min(r.due, expires);
    if (r.stage == Stage::queued) when = expires;
    if (r.stage == Stage::out) when = r.dispatched + r.kind->timeout(r.terms->first);
    if (when == kNever) return disarm(r, index);
    timers_.arm(index, when);
    r.timed = true;
}

// Most jobs never have a timer; they don't pay for a look at it.
void Dispatcher::disarm(Record& r, Index index) {
    if (!r.timed) return;
    timers_.disarm(index);
    r.timed = false;
}

void Dispatcher::fire(Index index, Instant now, Outbox& out) {
    Record& r = records_[index];
    r.timed = false; // it is off by now
    if (r.number == 0) return;
    const bool expired = r.attempt == 0 && r.expires <= now;
    if (r.stage == Stage::out) {
        out.to_lanes.push_back({roster_[r.lane].id, false, cancel_of(r)});
        make_ghost(index);
        decide_failure(index, true, Reason::timeout, now, out);
    } else if (expired) {
        finish(index, State::expired, Reason::expired, out);
    } else if (r.stage == Stage::delayed) {
        --r.kind->delayed;
        enqueue(index);
    }
}

// Takes the record out of whatever its stage has it in.
void Dispatcher::leave_stage(Index index) {
    Record& r = records_[index];
    switch (r.stage) {
    case Stage::storing: // in unsent_ only until the next pump
    case Stage::taking:
        break;
    case Stage::delayed:
        --r.kind->delayed;
        break;
    case Stage::queued:
        dequeue(index);
        break;
    case Stage::out:
        end_flight(index);
        break;
    case Stage::returned:
    case Stage::asking:
    case Stage::deciding:
        break;
    }
    disarm(records_[index], index);
}

void Dispatcher::finish(Index index, State outcome, Reason reason, Outbox& out) {
    leave_stage(index);
    Record& r = records_[index];
    r.stage = Stage::deciding;
    r.decided = outcome;
    r.reason = reason;
    out.to_sink.emplace_back(final_of(r));
}

Final Dispatcher::final_of(const Record& r) {
    return {r.number, r.decided, failure_of(r.reason)};
}

void Dispatcher::forget(Index index) {
    leave_stage(index);
    Record& r = records_[index];
    by_number_.erase(r.number);
    bytes_ -= r.payload.size();
    Line& line = line_of(r);
    if (--line.jobs == 0) drop_line_if_spare(line);
    terms_.release(r.terms);
    records_.release(index);
}

} // namespace penstock::ventilator
