// How long the ledger keeps what has its outcome, and how it lets go of it.

#include "sink/ledger.hpp"

namespace penstock::sink {

// Of what one batch of changes may say that it goes, besides twice as many as it says come: who waits
// for that batch waits for all of it. Those that were not stored near each other lie on pages of their
// own, two each: a thousand of those are 50 ms where a thousand neighbours are 5. Of them no more go than
// come, and a hundred.
constexpr std::size_t kGoneAtOnce = 1'000;
constexpr std::size_t kPlacesGoneAtOnce = 100;

bool Ledger::may_let_go() const {
    return changes_.jobs_gone.size() < kGoneAtOnce + 2 * changed_.size() &&
           places_gone_ < kPlacesGoneAtOnce + changed_.size();
}

// What is too much goes while it comes in, and so no faster. What is too old may all be so at once.
void Ledger::evict(Now now) {
    constexpr int kAtOnce = 64; // so that no burst of old jobs stalls a new one
    for (int i = 0; i < kAtOnce && !finished_.empty(); ++i) {
        const Index oldest = finished_.first;
        const bool too_many =
            retained_ > limits_.finished_max || finished_bytes_ > limits_.finished_bytes_max;
        if (!too_many && (kept_until(oldest) > now.at || !may_let_go())) return;
        evicted_ += is_member(oldest) ? groups_[records_[oldest].group].members : 1;
        drop(oldest);
        ask_for_next();
    }
}

// What goes next has not been touched since it was finished: all of it is far away by now. A record is
// asked for three jobs ahead, its place among the ids two.
void Ledger::ask_for_next() const {
    Index at = finished_.first;
    for (int ahead = 1; ahead < 3 && at != kNoIndex; ++ahead) at = links_.next(at);
    if (at == kNoIndex) return;
    by_id_.prefetch(records_[at].id.hash(seed_));
    if (const Index after = links_.next(at); after != kNoIndex) {
        records_.prefetch(after);
        links_.prefetch(after);
    }
}

Instant Ledger::kept_until(Index index) const {
    const Record& r = records_[index];
    return (is_member(index) ? groups_[r.group].ended : r.finished_at) + limits_.result_ttl;
}

// REQUIRES: it is in finished_. The first member of a group takes the others with it.
void Ledger::drop(Index index) {
    const Record& r = records_[index];
    links_.remove(finished_, index);
    if (is_member(index)) return bury(r.group);
    --retained_;
    finished_bytes_ -= bytes_of(index);
    if (r.group != kNoIndex) forget_callback(index);
    erase(index);
}

std::uint64_t Ledger::bytes_of(Index index) const {
    const Record& r = records_[index];
    const std::uint64_t pieces = partials_.jobs() > 0 ? partials_.bytes(index) : 0;
    return r.payload.size() + r.value.size() + pieces;
}

void Ledger::erase(Index index) {
    Record& r = records_[index];
    note_gone(r);
    if (is_final(r.state)) --finished_jobs_;
    bytes_ -= bytes_of(index);
    if (partials_.jobs() > 0) partials_.drop(index);
    by_id_.erase(r.id.hash(seed_), index);
    by_order_.erase(r.order);
    set_worker(r, kNoIndex);
    terms_.release(r.terms);
    records_.release(index);
}

} // namespace penstock::sink
