// What the ledger is told, and what it records.

#include "sink/ledger.hpp"

#include "sink/buckets.hpp"
#include "sink/ranges.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::sink {
namespace {

using How = Changes::Attempt::How;

constexpr std::size_t kKindsMax = 10'000; // counted apart; the ventilator bounds them too
const std::string kOtherKinds = "other";
constexpr JobNumber kNumbersAhead = 1u << 28; // that a store may leave out

} // namespace

Ledger::Ledger(const Limits& limits, std::uint64_t seed, Instant now)
    : limits_(limits), seed_(seed), groups_(seed), made_ids_(seed ^ 0x1d5u),
      waits_(seed ^ 0x5bd1e995u, now), partials_(now) {}

HelloAnswer Ledger::hello(const Hello& hello, std::uint64_t life) {
    HelloAnswer answer;
    answer.sink_epoch = life;
    if (hello.version != kProtocolVersion) {
        answer.error = "this sink speaks version " + std::to_string(kProtocolVersion);
        return answer;
    }
    const bool holds_newest = hello.instance == instance_;
    if (!holds_newest && hello.epoch != 0 && hello.epoch < epoch_) {
        answer.error = "fenced: another ventilator has a newer epoch";
        return answer;
    }
    if (!holds_newest) {
        epoch_ = std::max(epoch_, hello.epoch) + 1;
        instance_ = hello.instance;
        by_number_.clear(); // numbers are of an epoch
        next_number_ = kept_numbers_ = 0;
        held_.clear();
        seek_orphans();
        owes_kinds_ = true;
        early_ = {};
        if (keeps_) changes_.epochs.push_back({epoch_, instance_});
    } else if (life != life_) {
        owes_kinds_ = true;
    }
    answer.remembers = keeps_ && holds_newest;
    life_ = life;
    answer.epoch = epoch_;
    return answer;
}

Index Ledger::find(const JobId& id, std::uint64_t hash) const {
    return by_id_.find(hash, [&](Index index) { return records_[index].id == id; });
}

SinkKind& Ledger::kind_of(const std::string& name) {
    const auto found = kinds_.find(name);
    if (found != kinds_.end()) return found->second;
    const std::string& counted = kinds_.size() < kKindsMax ? name : kOtherKinds;
    SinkKind& kind = kinds_[counted];
    kind.kind = counted;
    for (Histogram* h : {&kind.queue, &kind.run, &kind.total}) {
        if (h->counts.empty()) h->counts.resize(kHistogramBounds.size() + 1);
    }
    return kind;
}

Ledger::Words& Ledger::words(Record& record) {
    if (!record.words) record.words = std::make_unique<Words>();
    return *record.words;
}

void Ledger::set_worker(Record& record, Index worker) {
    if (record.worker == worker) return;
    if (worker != kNoIndex) names_.use(worker);
    if (record.worker != kNoIndex) names_.release(record.worker);
    record.worker = worker;
}

// ---- what the ventilator says -------------------------------------------------------------

void Ledger::on(const ToSink& message, Now now, Outbox& out) {
    if (const auto* m = std::get_if<Store>(&message))
        on(*m, now, out);
    else if (const auto* started = std::get_if<Started>(&message))
        on(*started, now, out);
    else if (const auto* retrying = std::get_if<Retrying>(&message))
        on(*retrying, now, out);
    else if (const auto* lost = std::get_if<Lost>(&message))
        on(*lost, now, out);
    else if (const auto* final = std::get_if<Final>(&message))
        on(*final, now, out);
    else if (const auto* refused = std::get_if<Refused>(&message))
        on(*refused, now, out);
    else if (const auto* taken = std::get_if<Taken>(&message))
        on(*taken, now, out);
    else if (const auto* kinds = std::get_if<Kinds>(&message))
        hear(*kinds, out);
    else if (const auto* holds = std::get_if<Holds>(&message))
        on(*holds, now, out);
}

// A ventilator gives numbers out in order; a stranger's may not cost us memory by their size.
bool Ledger::may_number(JobNumber first, bool again) const {
    if (first >= UINT64_MAX - kNumbersAhead) return false;
    if (first < next_number_) return again && next_number_ - first < kNumbersAhead;
    return by_number_.used() == 0 || first - next_number_ < kNumbersAhead;
}

Index Ledger::add(const JobId& id, std::uint64_t hash, TermsTable::Pointer terms, SinkKind& kind,
                  Blob payload, Now now) {
    const Index index = records_.allocate();
    Record& r = records_[index];
    r.id = id;
    r.terms = terms;
    r.kind = &kind;
    r.payload = std::move(payload);
    r.stored = now.at;
    r.submitted = r.begun = now.wall;
    r.order = next_order_++;
    r.state = terms->first.delay > Duration(0) ? State::delayed : State::queued;
    ++terms->second.jobs;
    bytes_ += r.payload.size();
    by_id_.insert(hash, index);
    by_order_.insert(r.order, index);
    touch(r, kJobChanged);
    return index;
}

void Ledger::on(const Store& m, Now now, Outbox& out) {
    if (!may_number(m.first, m.again)) {
        ++malformed_;
        return;
    }
    next_number_ = std::max(next_number_, m.first + m.rows.size());
    const auto terms = terms_.intern(Terms(m.terms));
    SinkKind& kind = kind_of(m.terms.kind);
    hashes_.clear();
    JobNumber number = m.first;
    for (const Store::Row& row : m.rows) {
        const JobNumber mine = number++;
        const std::uint64_t hash = hash_of(m.rows, mine - m.first);
        if (const Index known = find(row.id, hash); known != kNoIndex) {
            if (m.again && store_again(known, mine, out)) continue;
            Record& r = records_[known];
            const bool same = is_same_body(r.terms->first, r.payload.view(), m.terms, row.payload);
            ++kind.duplicates;
            (same ? out.stored.duplicates : out.stored.conflicts).push_back(mine);
            continue;
        }
        if (m.again && by_number_.find(mine) != kNoIndex) { // two jobs can't have one number
            ++malformed_;
            continue;
        }
        if (is_full_) {
            out.stored.refused.push_back(mine);
            refuse(row.id, "storage-full", now, out);
            continue;
        }
        const Index index = add(row.id, hash, terms, kind, Blob(row.payload, m.held), now);
        Record& r = records_[index];
        r.number = mine;
        r.epoch = epoch_;
        r.attempt = row.attempt;
        r.deaths = row.deaths;
        if (row.attempt > 0) r.state = State::queued;
        ++kind.stored;
        by_number_.insert(mine, index);
        add_number(out.stored.rows, mine);
        note(r, Event::What::stored);
        if (waits_.size() > 0) release_waits(index, Until::stored, out);
    }
    terms_.forget_if_unused(terms);
}

void Ledger::on(const Started& m, Now now, Outbox& out) {
    const Index worker = names_.intern(m.worker);
    names_.use(worker); // while rows are looked at
    for (const Started::Row& row : m.rows) {
        const Index index = by_number_.find(row.number);
        if (index == kNoIndex || row.attempt < records_[index].attempt) continue;
        Record& r = records_[index];
        runs(r, row.attempt);
        r.started = now.wall;
        r.token = m.token;
        set_worker(r, worker);
        note_attempt(r, Changes::Attempt::of(row.attempt, How::running), now);
        note(r, Event::What::running);
        // Its worker asked to join while it ran, and it has failed before this came here: whoever was
        // told of it then is gone.
        if (m.token != 0 && r.words && r.words->failed_epoch == m.token &&
            r.words->failed_attempt == row.attempt) {
            const Failure failure = r.words->failure;
            fail(r, {r.number, row.attempt, 0, failure.retryable}, failure, m.token, now, out);
        }
    }
    names_.release(worker);
}

void Ledger::on(const Retrying& m, Now now, Outbox& out) {
    const Index index = by_number_.find(m.number);
    if (index == kNoIndex) return;
    Record& r = records_[index];
    r.state = State::retrying;
    if (m.attempt > r.attempt) forget_progress(r); // it was too short to be heard of
    r.attempt = std::max(r.attempt, m.attempt);
    if (!r.words || r.words->failed_attempt != m.attempt) { // no worker said so
        auto failed = Changes::Attempt::of(m.attempt, How::failed);
        failed.failure = {"timeout", "the attempt ran longer than its timeout", true};
        note_attempt(r, std::move(failed), now);
    }
    note(r, Event::What::retrying);
    if (partials_.jobs() > 0) lose_partials(index, m.attempt, out);
}

void Ledger::on(const Lost& m, Now now, Outbox& out) {
    for (const Lost::Row& row : m.rows) {
        const Index index = by_number_.find(row.number);
        if (index == kNoIndex) continue; // it has its outcome, and `settled` is on its way
        Record& r = records_[index];
        r.attempt = std::max(r.attempt, row.attempt);
        if (row.attempt > r.lost_attempt) { // else it is said again, to a sink that began again
            ++lost_attempts_;
            if (row.suspect) ++r.deaths;
            r.lost_attempt = row.attempt;
            auto lost = Changes::Attempt::of(row.attempt, How::lost);
            lost.suspect = row.suspect;
            lost.worker = m.worker;
            note_attempt(r, std::move(lost), now);
        }
        r.state = State::queued;
        forget_progress(r);
        out.open.rows.push_back({row.number, r.deaths});
        note(r, Event::What::lost);
        if (partials_.jobs() > 0) lose_partials(index, row.attempt, out);
    }
}

void Ledger::on(const Final& m, Now now, Outbox& out) {
    const Index index = by_number_.find(m.number);
    if (index == kNoIndex) return; // another outcome was first, and `settled` is on its way
    Record& r = records_[index];
    if (!m.failure.code.empty()) words(r).failure = m.failure;
    const bool has_words = r.words && !r.words->failure.code.empty();
    if (m.outcome == State::cancelled && !has_words) {
        words(r).failure = {"cancelled", "cancelled while it ran, and its worker did not answer", false};
    }
    settle(out, r, 0, 0);
    finish(index, m.outcome, 0, now, out);
}

void Ledger::on(const Refused& m, Now now, Outbox& out) {
    for (const JobId& id : m.ids) {
        if (find(id) == kNoIndex) refuse(id, m.reason, now, out);
    }
}

void Ledger::refuse(const JobId& id, const std::string& why, Now now, Outbox& out) {
    bool told = false;
    waits_.release(
        id, [](const Wait&) { return true; },
        [&](const Wait& wait) {
            answer(wait, Found::refused, why, out);
            told = true;
        });
    // A refusal is said once: whoever submits the id again waits for what becomes of that.
    if (told || refused_order_.size() >= limits_.refused_max) return;
    // For those who ask in a moment: a question and its job take different ways here.
    std::string text = id.text();
    refused_order_.emplace_back(now.at + limits_.refused_for, text);
    refused_.insert_or_assign(std::move(text), why);
}

// ---- the one outcome ----------------------------------------------------------------------

// REQUIRES: the job is open. Its value and failure are there already.
void Ledger::finish(Index index, State state, std::uint64_t run_us, Now now, Outbox& out) {
    Record& r = records_[index];
    r.state = state;
    r.finished = now.wall;
    r.finished_at = now.at;
    const Duration total = now.at - r.stored;
    const bool succeeded = state == State::succeeded;
    if (succeeded) r.started = r.finished - std::chrono::microseconds(run_us);
    if (succeeded || r.run >= 0) { // an attempt of it answered
        const Duration run = std::chrono::microseconds(run_us);
        observe(r.kind->run, succeeded ? run : from_seconds(r.run));
        observe(r.kind->queue, time_queued(r, total));
    }
    observe(r.kind->total, total);
    switch (state) {
    case State::succeeded:
        ++r.kind->succeeded;
        break;
    case State::failed:
        ++r.kind->failed;
        break;
    case State::cancelled:
        ++r.kind->cancelled;
        break;
    case State::expired:
        ++r.kind->expired;
        break;
    default:
        ++r.kind->quarantined;
        break;
    }
    if (r.epoch == epoch_) by_number_.erase(r.number, index);
    if (r.custody != Custody::owned) withdraw(index);
    touch(r, kHasOutcome);
    if (succeeded && r.has_attempts) {
        note_attempt(r, Changes::Attempt::of(r.attempt, How::answered), now);
    }
    ++finished_jobs_;
    note(r, event_of(state));
    if (r.awaited) release_waits(index, Until::finished, out);
    if (partials_.waiting() > 0) release_partials(index, out);
    if (is_member(index)) {
        member_finished(index, now, out); // it is kept as long as its group
    } else {
        links_.push_back(finished_, index);
        ++retained_;
        finished_bytes_ += bytes_of(index);
    }
    evict(now);
}

// ---- time -----------------------------------------------------------------------------------

void Ledger::tick(Now now, Outbox& out) {
    if (began_ == WallTime()) began_ = now.wall;
    if (std::exchange(owes_kinds_, false)) tell(known_kinds_.all(), out);
    waits_.expire(now.at, [&](const Wait& wait) {
        const Index index = find(wait.question.id);
        answer(wait, index == kNoIndex ? unknown() : Found::timed_out, "", out);
    });
    expire_partials(now, out);
    evict(now);
    while (!refused_order_.empty() && refused_order_.front().first <= now.at) {
        refused_.erase(refused_order_.front().second);
        refused_order_.pop_front();
    }
    expire_group_waits(now, out);
    do_chores(now, out);
    sweep(now, out);
    offer(now, out);
    keep_early(out.settled);
}

Instant Ledger::wake_at() const {
    if (offers_.sweeping()) return Instant(); // at once
    const bool lets_go = may_let_go(); // else take_changes is what it waits for
    if (lets_go && !groups_.chores.empty()) return Instant();
    Instant when = std::min({waits_.wake_at(), partials_.wake_at(), groups_.wake_at()});
    if (lets_go && !finished_.empty()) when = std::min(when, kept_until(finished_.first));
    if (!refused_order_.empty()) when = std::min(when, refused_order_.front().first);
    return when;
}

} // namespace penstock::sink
