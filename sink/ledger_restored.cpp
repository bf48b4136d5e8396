// A ledger that begins with what was kept of the one before.

#include "sink/ledger.hpp"

#include <algorithm>
#include <utility>

namespace penstock::sink {

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
        words(r).failed_epoch = row.token;
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
