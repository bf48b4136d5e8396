// What of the ledger is kept where its process's death can't reach it, and how it begins again.

#include "sink/ledger.hpp"
#include "sink/ranges.hpp"

#include <algorithm>
#include <utility>

namespace penstock::sink {
namespace {

constexpr std::uint64_t kHeldMax = 1u << 26; // jobs open at one ventilator, whatever it says

} // namespace

// ---- going out ----------------------------------------------------------------------------

void Outbox::own_bytes() {
    for (; takes_owned < takes.size(); ++takes_owned) {
        for (auto& row : takes[takes_owned].rows) row.payload = owned.emplace_back(row.payload);
    }
}

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
    changes_.jobs_gone.push_back(r.order);
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

// ---- what was kept ------------------------------------------------------------------------

void Ledger::restore(const Changes& page, Now now) {
    if (!restored_) restored_ = std::make_unique<Restored>();
    for (const auto& row : page.epochs) {
        epoch_ = std::max(epoch_, row.epoch);
        if (epoch_ != row.epoch) continue;
        instance_ = row.instance;
        next_number_ = kept_numbers_ = row.numbers;
    }
    for (const auto& row : page.terms) {
        const auto terms = terms_.intern(Terms(row.terms));
        terms->second.key = row.key;
        last_terms_key_ = std::max(last_terms_key_, row.key);
        restored_->terms.emplace(row.key, terms);
    }
    for (const auto& row : page.kinds) known_kinds_.restore(row.kind, row.settings, row.was_set);
    for (const auto& row : page.groups) restore_group(row, now);
    auto attempt = page.attempts.begin();
    auto outcome = page.outcomes.begin();
    for (const auto& row : page.jobs) {
        const Index index = restore_job(row, page, now);
        while (attempt != page.attempts.end() && attempt->order < row.order) ++attempt;
        for (; attempt != page.attempts.end() && attempt->order == row.order; ++attempt) {
            if (index != kNoIndex) restore_attempt(records_[index], *attempt);
        }
        while (outcome != page.outcomes.end() && outcome->order < row.order) ++outcome;
        const bool has_outcome = outcome != page.outcomes.end() && outcome->order == row.order;
        if (has_outcome && index != kNoIndex) restore_outcome(index, *outcome, page, now);
    }
}

void Ledger::restore_group(const Changes::GroupRow& row, Now now) {
    const Index at = groups_.add(row.id);
    Group& group = groups_[at];
    group.first_order = row.first_order;
    group.mode = row.mode;
    group.state = row.state;
    group.ending = row.ending;
    group.members = row.members;
    group.winner = row.winner;
    group.then_id = row.then_id;
    group.on_failure_id = row.on_failure_id;
    group.body = row.body;
    group.submitted = row.submitted;
    group.finished_wall = row.finished;
    group.ended = instant_of(row.finished, now);
    restored_->groups.emplace(row.first_order, at);
    if (row.then_order != 0) restored_->callbacks.emplace(row.then_order, std::pair(at, true));
    if (row.on_failure_order != 0) {
        restored_->callbacks.emplace(row.on_failure_order, std::pair(at, false));
    }
}

Index Ledger::restore_job(const Changes::Job& row, const Changes& page, Now now) {
    const Restored& known = *restored_;
    const auto terms = known.terms.find(row.terms);
    const auto group = known.groups.find(row.group);
    const bool is_left_over = row.group != 0 && group == known.groups.end();
    const auto callback = known.callbacks.find(row.order);
    next_order_ = std::max(next_order_, row.order + 1);
    const std::uint64_t hash = row.id.hash(seed_);
    const std::string named = "job " + std::to_string(row.order) + " (id " + row.id.text() + ")";
    if (terms == known.terms.end()) throw Damaged(named + " has terms that are missing");
    if (is_left_over) {
        changes_.jobs_gone.push_back(row.order); // its group was going
        return kNoIndex;
    }
    if (find(row.id, hash) != kNoIndex) throw Damaged(named + " is there twice");
    next_order_ = row.order; // which is what `add` gives it
    SinkKind& kind = kind_of(terms->second->first.kind);
    const Index index =
        add(row.id, hash, terms->second, kind, Blob(page.view(row.payload)), now);
    Record& r = records_[index];
    r.submitted = row.submitted;
    r.begun = row.begun;
    r.stored = instant_of(row.begun, now);
    r.epoch = row.epoch;
    r.number = row.number;
    if (row.epoch == epoch_) next_number_ = std::max(next_number_, row.number + 1);
    r.custody = row.custody;
    r.cancelling = row.cancelling;
    if (!row.retry_of.empty()) words(r).retry_of = row.retry_of;
    const bool may_start = now.at - r.stored >= terms->second->first.delay;
    if (may_start && r.custody != Custody::withheld) r.state = State::queued;
    if (r.custody == Custody::withheld) r.state = State::delayed;
    if (group != known.groups.end()) r.group = group->second;
    if (callback != known.callbacks.end()) {
        Group& owner = groups_[callback->second.first];
        (callback->second.second ? owner.then : owner.on_failure) = index;
    }
    restored_->open.push_back(index);
    return index;
}

void Ledger::restore_attempt(Record& r, const Changes::Attempt& row) {
    r.attempt = std::max(r.attempt, row.attempt);
    r.has_attempts = true;
    if (!row.worker.empty()) set_worker(r, names_.intern(row.worker));
    if (row.suspect) ++r.deaths; // also of one whose worker was alive, and said so later
    if (row.suspect || row.how == Changes::Attempt::How::lost) {
        r.lost_attempt = std::max(r.lost_attempt, row.attempt);
    }
    switch (row.how) {
    case Changes::Attempt::How::running:
        r.state = State::running;
        r.started = row.at;
        r.token = row.token;
        break;
    case Changes::Attempt::How::answered:
        break;
    case Changes::Attempt::How::failed:
        r.state = State::retrying;
        words(r).failure = row.failure;
        words(r).failed_attempt = row.attempt;
        break;
    case Changes::Attempt::How::lost:
        r.state = State::queued;
        break;
    }
}

void Ledger::restore_outcome(Index index, const Changes::Outcome& row, const Changes& page,
                             Now now) {
    Record& r = records_[index];
    r.state = row.state;
    r.custody = Custody::owned;
    r.attempt = std::max(r.attempt, row.attempt);
    r.value = Blob(page.view(row.value));
    bytes_ += r.value.size();
    if (!row.worker.empty()) set_worker(r, names_.intern(row.worker));
    r.started = row.started;
    r.finished = row.finished;
    r.finished_at = instant_of(row.finished, now);
    r.queued = row.queued_seconds;
    r.waited = row.waited_seconds;
    r.run = row.run_seconds;
    ++finished_jobs_;
    if (!row.failure.code.empty()) words(r).failure = row.failure;
    if (!row.content_type.empty()) words(r).content_type = row.content_type;
    if (!row.note.empty()) words(r).note = row.note;
    restored_->open.pop_back();
    if (!is_member(index)) restored_->finished.emplace_back(r.finished_at, index);
}

void Ledger::restored(Now now) {
    if (!restored_) restored_ = std::make_unique<Restored>();
    const auto known = std::exchange(restored_, nullptr);
    for (const auto& [first, at] : known->groups) restored_group(at, known->finished);
    std::sort(known->finished.begin(), known->finished.end());
    for (const auto& [when, index] : known->finished) {
        links_.push_back(finished_, index);
        if (is_member(index)) continue; // counted with its group
        ++retained_;
        finished_bytes_ += bytes_of(index);
    }
    std::vector<std::pair<JobNumber, Index>> owned;
    for (const Index index : known->open) {
        const Record& r = records_[index];
        if (r.custody == Custody::waiting) hand_over(index);
        const bool is_owned = r.custody == Custody::owned && r.epoch == epoch_ && r.number > 0;
        if (is_owned) owned.emplace_back(r.number, index);
    }
    std::sort(owned.begin(), owned.end());
    for (const auto& [number, index] : owned) by_number_.insert(number, index);
    for (const auto& [key, terms] : known->terms) {
        if (terms->second.jobs == 0) changes_.terms_gone.push_back(key);
        terms_.forget_if_unused(terms);
    }
    seek_orphans(); // what ventilators before the newest had open
    keeps_ = true;
    evict(now);
}

// REQUIRES: all of its members are there.
void Ledger::restored_group(Index at, std::vector<std::pair<Instant, Index>>& ended) {
    Group& group = groups_[at];
    for (std::uint32_t i = 0; i < group.members; ++i) {
        const Index index = member(group, i);
        if (index == kNoIndex) {
            throw Damaged("group " + group.id.text() + " misses job " +
                          std::to_string(group.first_order + i));
        }
        const Record& r = records_[index];
        if (!is_final(r.state)) continue;
        ++group.finished;
        group.succeeded += r.state == State::succeeded ? 1 : 0;
        group.bytes += bytes_of(index);
        if (group.step == i && r.state == State::succeeded) ++group.step;
    }
    if (group.state == State::running) {
        if (group.ending != Ending::none) groups_.begin_chore(at);
        return;
    }
    retained_ += group.members;
    finished_bytes_ += group.bytes;
    ended.emplace_back(group.ended, member(group, 0));
}

// A moment of an earlier process, by this one's clock: before zero, if the machine began since.
Instant Ledger::instant_of(WallTime when, Now now) {
    return now.at - std::max(WallTime::duration(0), now.wall - when);
}

} // namespace penstock::sink
