// The ledger's jobs that no ventilator has: found, offered, handed over.

#include "sink/ledger.hpp"
#include "sink/ranges.hpp"

#include <algorithm>

namespace penstock::sink {
namespace {

constexpr std::uint64_t kSweepLooks = 10'000; // at a time, so that nobody's result waits for it
constexpr std::size_t kOfferedMax = 4096;     // jobs on offer: more would only sit in queues
constexpr std::size_t kOfferedBytesMax = 4u << 20;
constexpr std::size_t kTakeRowsMax = 512; // in one message
constexpr std::size_t kTakeBytesMax = 512u << 10;

} // namespace

// A new epoch: whatever was offered goes to the new ventilator, and what the older ones had open is
// looked for, oldest first.
void Ledger::seek_orphans() {
    for (auto at = offers_.offered.rbegin(); at != offers_.offered.rend(); ++at) {
        const Index index = by_order_.find(at->order);
        if (index == kNoIndex || records_[index].custody != Custody::offered) continue;
        records_[index].custody = Custody::waiting;
        links_.push_front(offers_.waiting, index);
    }
    offers_.offered.clear();
    offers_.bytes = 0;
    offers_.swept = 0;
    offers_.sweep_end = next_order_;
}

void Ledger::sweep(Now now, Outbox& out) {
    offers_.swept = std::max(offers_.swept, by_order_.floor());
    for (std::uint64_t looks = 0; looks < kSweepLooks && offers_.sweeping(); ++looks) {
        const Index index = by_order_.find(offers_.swept++);
        if (index == kNoIndex) continue;
        const Record& r = records_[index];
        const bool is_orphan =
            !is_final(r.state) && r.custody == Custody::owned && r.epoch != epoch_;
        if (!is_orphan) continue;
        disown(index, now, out);
    }
}

// No ventilator has it.
void Ledger::disown(Index index, Now now, Outbox& out) {
    Record& r = records_[index];
    if (r.cancelling) { // nobody is left who could tell its worker; it must not run again
        words(r).failure = {"cancelled", "cancelled; its ventilator is gone", false};
        finish(index, State::cancelled, 0, now, out);
    } else {
        hand_over(index);
    }
}

void Ledger::hand_over(Index index) {
    records_[index].custody = Custody::waiting;
    links_.push_back(offers_.waiting, index);
}

// It has its outcome: a `taken` that is on its way here is answered by `settled`.
void Ledger::withdraw(Index index) {
    Record& r = records_[index];
    if (r.custody == Custody::waiting) links_.remove(offers_.waiting, index);
    r.custody = Custody::owned;
}

void Ledger::offer(Now now, Outbox& out) {
    if (!ventilator_is_up_ || epoch_ == 0) return;
    TermsTable::Pointer terms = nullptr;
    Index group = kNoIndex;
    std::size_t bytes = 0;
    while (!offers_.waiting.empty() && offers_.offered.size() < kOfferedMax &&
           offers_.bytes < kOfferedBytesMax) {
        const Index index = links_.pop_front(offers_.waiting);
        Record& r = records_[index];
        // To the ventilator what comes in one message is one request: so a group has its own.
        const bool fits = !out.takes.empty() && terms == r.terms && group == r.group &&
                          bytes < kTakeBytesMax && out.takes.back().rows.size() < kTakeRowsMax;
        if (!fits) {
            out.takes.push_back({r.terms->first, {}, {}});
            terms = r.terms;
            group = r.group;
            bytes = 0;
        }
        const Duration age = std::max(Duration(0), now.at - r.stored);
        const bool runs = r.state == State::running;
        out.takes.back().rows.push_back({r.id, r.payload.view(), r.attempt, r.deaths, age, runs});
        r.custody = Custody::offered;
        bytes += r.payload.size();
        offers_.bytes += r.payload.size();
        offers_.offered.push_back({r.order, r.payload.size()});
    }
}

void Ledger::on(const Taken& m, Now now, Outbox& out) {
    if (!may_number(m.first) || m.ids.size() > offers_.offered.size()) {
        ++malformed_;
        return;
    }
    next_number_ = m.first + m.ids.size();
    JobNumber number = m.first;
    for (const JobId& id : m.ids) {
        const JobNumber mine = number++;
        const Offers::Offered offered = offers_.offered.front();
        offers_.offered.pop_front();
        offers_.bytes -= offered.bytes;
        const Index index = by_order_.find(offered.order);
        const bool is_offered = index != kNoIndex && records_[index].custody == Custody::offered;
        const bool is_open = is_offered && records_[index].id == id;
        if (is_offered && !is_open) { // it took something else: nobody has this one
            ++malformed_;
            hand_over(index);
        }
        if (!is_open) { // it ended meanwhile, and must not run
            out.settled.rows.push_back({mine, 1, 0, 0});
            continue;
        }
        Record& r = records_[index];
        const bool is_early = r.attempt == 0 && now.at - r.stored < r.terms->first.delay;
        r.custody = Custody::owned;
        r.number = mine;
        r.epoch = epoch_;
        r.state = is_early ? State::delayed : State::queued;
        forget_progress(r);
        if (partials_.jobs() > 0) lose_partials(index, r.attempt, out);
        by_number_.insert(mine, index);
        touch(r, kJobChanged);
        add_number(out.stored.rows, mine);
    }
}

} // namespace penstock::sink
