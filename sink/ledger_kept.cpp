// What of the ledger is kept where its process's death can't reach it, and the ventilator that outlived
// that.

#include "sink/ledger.hpp"
#include "sink/ranges.hpp"

#include <algorithm>
#include <utility>

namespace penstock::sink {
namespace {

constexpr std::uint64_t kNearInFile = 30;     // jobs that share a page of 4 KiB, about
constexpr std::uint64_t kHeldMax = 1u << 26; // jobs open at one ventilator, whatever it says

} // namespace

// ---- going out ----------------------------------------------------------------------------

void Ledger::mark(Record& r, std::uint8_t what) {
    if (r.unkept == 0) changed_.push_back(r.order);
    r.unkept |= what;
}

void Ledger::touch_group(Index at) {
    if (!keeps_ || std::exchange(groups_[at].unkept, true)) return;
    changed_groups_.push_back(at);
}

// Of `row`: attempt, how, and what only the caller knows.
void Ledger::note_attempt(Record& r, Changes::Attempt row, Now now) {
    if (!keeps_) return;
    using How = Changes::Attempt::How;
    r.has_attempts = true;
    row.order = r.order;
    row.at = now.wall;
    const bool is_newest = row.attempt >= r.attempt && r.worker != kNoIndex;
    if (row.worker.empty() && is_newest) row.worker = names_[r.worker];
    if (row.how == How::running) row.token = r.token;
    if (row.how == How::answered) row.run_seconds = r.run;
    changes_.attempts.push_back(std::move(row));
}

// It goes, and with it what was kept of it.
void Ledger::note_gone(const Record& r) {
    if (!keeps_) return;
    auto& gone = changes_.jobs_gone;
    const std::uint64_t last = gone.empty() ? UINT64_MAX / 2 : gone.back();
    if (r.order > last + kNearInFile || last > r.order + kNearInFile) ++places_gone_;
    gone.push_back(r.order);
    auto& terms = r.terms->second;
    if (terms.jobs == 1 && terms.key != 0) changes_.terms_gone.push_back(terms.key);
}

void Ledger::note_kind(const std::string& name) {
    const KnownKinds::Kind* kind = keeps_ ? known_kinds_.find(name) : nullptr;
    if (kind != nullptr) changes_.kinds.push_back({name, kind->settings, kind->was_set});
}

void Ledger::keep_job(const Record& r) {
    auto& terms = r.terms->second;
    if (terms.key == 0) {
        terms.key = ++last_terms_key_;
        changes_.terms.push_back({terms.key, r.terms->first});
    }
    Changes::Job row;
    row.order = r.order;
    row.id = r.id;
    row.terms = terms.key;
    row.payload = changes_.add(r.payload.view());
    row.submitted = r.submitted;
    row.begun = r.begun;
    row.epoch = r.epoch;
    row.number = r.number;
    row.custody = r.custody == Custody::offered ? Custody::waiting : r.custody;
    row.cancelling = r.cancelling;
    if (r.group != kNoIndex) row.group = groups_[r.group].first_order;
    if (r.words) row.retry_of = r.words->retry_of;
    changes_.jobs.push_back(std::move(row));
}

void Ledger::keep_outcome(const Record& r) {
    Changes::Outcome row;
    row.order = r.order;
    row.state = r.state;
    row.value = changes_.add(r.value.view());
    row.attempt = r.attempt;
    if (r.worker != kNoIndex) row.worker = names_[r.worker];
    row.started = r.started;
    row.finished = r.finished;
    row.queued_seconds = r.queued;
    row.waited_seconds = r.waited;
    row.run_seconds = r.run;
    if (r.words) {
        row.failure = r.words->failure;
        row.content_type = r.words->content_type;
        row.note = r.words->note;
    }
    changes_.outcomes.push_back(std::move(row));
}

void Ledger::keep_group(const Group& group) {
    Changes::GroupRow row;
    row.first_order = group.first_order;
    row.id = group.id;
    row.mode = group.mode;
    row.state = group.state;
    row.ending = group.ending;
    row.members = group.members;
    row.winner = group.winner;
    if (group.then != kNoIndex) row.then_order = records_[group.then].order;
    if (group.on_failure != kNoIndex) row.on_failure_order = records_[group.on_failure].order;
    row.then_id = group.then_id;
    row.on_failure_id = group.on_failure_id;
    row.body = group.body;
    row.submitted = group.submitted;
    row.finished = group.finished_wall;
    changes_.groups.push_back(std::move(row));
}

Changes Ledger::take_changes() {
    for (const Index at : changed_groups_) {
        Group& group = groups_[at];
        if (std::exchange(group.unkept, false) && !group.buried) keep_group(group);
    }
    changed_groups_.clear();
    for (const std::uint64_t order : changed_) {
        const Index index = by_order_.find(order);
        if (index == kNoIndex) continue; // it is gone already
        Record& r = records_[index];
        const auto what = std::exchange(r.unkept, std::uint8_t{0});
        if ((what & kJobChanged) != 0) keep_job(r);
        if ((what & kHasOutcome) != 0) keep_outcome(r);
    }
    changed_.clear();
    if (kept_numbers_ != next_number_) {
        kept_numbers_ = next_number_;
        changes_.epochs.push_back({epoch_, instance_, next_number_});
    }
    places_gone_ = 0;
    return std::exchange(changes_, {});
}

// ---- the ventilator that outlived it ------------------------------------------------------

// A job that a ventilator stores again: true if it is this one, and it has been told what holds.
bool Ledger::store_again(Index index, JobNumber mine, Outbox& out) {
    Record& r = records_[index];
    const bool is_its = r.epoch == epoch_ && r.number == mine;
    if (is_its && is_final(r.state)) {
        out.settled.rows.push_back({mine, 1, 0, 0});
        return true;
    }
    if (is_final(r.state) || r.custody == Custody::withheld) return false;
    if (r.custody != Custody::owned) { // it was about to be offered, or its `taken` was lost
        if (by_number_.find(mine) != kNoIndex) return false;
        withdraw(index);
        r.epoch = epoch_;
        r.number = mine;
        by_number_.insert(mine, index);
        touch(r, kJobChanged);
    } else if (!is_its) {
        return false;
    }
    add_number(out.stored.rows, mine);
    if (r.cancelling) out.cancel.numbers.push_back(mine);
    return true;
}

// A ventilator that outlived this sink's process has these open, and no others.
void Ledger::on(const Holds& m, Now now, Outbox& out) {
    held_.insert(held_.end(), m.rows.begin(), m.rows.end());
    std::uint64_t all = 0;
    for (const Range& range : held_) all += range.count;
    if (all > kHeldMax) {
        ++malformed_;
        held_.clear();
        return;
    }
    if (m.more) return;
    std::size_t open = 0;
    for (const Range& range : held_) {
        const JobNumber end = end_of(range.first, range.count);
        const JobNumber known = std::clamp(next_number_, range.first, end);
        if (known < end) {
            out.stored.unknown.push_back({known, static_cast<std::uint32_t>(end - known)});
        }
        for (JobNumber number = range.first; number < known; ++number) {
            const Index index = by_number_.find(number);
            if (index == kNoIndex) {
                out.settled.rows.push_back({number, 1, 0, 0});
                continue;
            }
            ++open;
            if (records_[index].cancelling) out.cancel.numbers.push_back(number);
        }
    }
    std::vector<Range> held = std::exchange(held_, {});
    if (open < by_number_.used()) disown_rest(std::move(held), now, out);
}

// The ventilator has forgotten what is open here: its outcome was settled, and what is kept is older.
void Ledger::disown_rest(std::vector<Range> held, Now now, Outbox& out) {
    std::sort(held.begin(), held.end(),
              [](const Range& a, const Range& b) { return a.first < b.first; });
    const auto is_held = [&](JobNumber number) {
        auto after = std::upper_bound(held.begin(), held.end(), number,
                                      [](JobNumber n, const Range& r) { return n < r.first; });
        return after != held.begin() && number < end_of((after - 1)->first, (after - 1)->count);
    };
    std::vector<std::pair<std::uint64_t, Index>> rest; // in their order
    for (Index i = 0; i < records_.capacity(); ++i) {
        const Record& r = records_[i];
        if (by_number_.find(r.number) == i && !is_held(r.number)) rest.emplace_back(r.order, i);
    }
    std::sort(rest.begin(), rest.end());
    for (const auto& [order, index] : rest) {
        by_number_.erase(records_[index].number);
        disown(index, now, out);
    }
}

// Workers that keep their results may be back before their ventilator is. What they said is settled
// once and not again: it must not be said to nobody.
void Ledger::keep_early(Settled& settled) {
    if (life_ != 0 && early_.rows.empty() && early_.failed.empty()) return;
    early_.rows.insert(early_.rows.end(), settled.rows.begin(), settled.rows.end());
    early_.failed.insert(early_.failed.end(), settled.failed.begin(), settled.failed.end());
    settled = {};
    if (life_ != 0) settled = std::exchange(early_, {});
}

} // namespace penstock::sink
