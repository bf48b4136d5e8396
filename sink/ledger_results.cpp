// What workers say: results of attempts, which of them count, and what the ventilator hears of it.

#include "sink/ledger.hpp"

namespace penstock::sink {

constexpr std::size_t kRecordAhead = 8; // rows

void Ledger::on(const Result& result, Now now, Outbox& out) {
    if (result.epoch > epoch_ || result.epoch == 0) {
        ++malformed_; // no ventilator was ever given that epoch: nobody can have sent this job
        return;
    }
    const Index worker = result.worker.empty() ? kNoIndex : names_.intern(result.worker);
    if (worker != kNoIndex) names_.use(worker); // while rows are looked at
    hashes_.clear();
    for (std::size_t i = 0; i < result.rows.size(); ++i) {
        const ResultRow& row = result.rows[i];
        const std::uint64_t hash = hash_of(result.rows, i);
        if (i + kRecordAhead < hashes_.size()) { // its place is there by now
            const Index likely = by_id_.likely(hashes_[i + kRecordAhead]);
            if (likely != kNoIndex) records_.prefetch(likely);
        }
        take_row(find(row.id, hash), row, result, worker, now, out);
    }
    if (worker != kNoIndex) names_.release(worker);
}

void Ledger::take_row(Index index, const ResultRow& row, const Result& result, Index worker,
                      Now now, Outbox& out) {
    if (index == kNoIndex) {
        ++unknown_results_;
        return;
    }
    Record& r = records_[index];
    const bool of_this_epoch = result.epoch == epoch_;
    if (is_final(r.state)) {
        ++r.kind->duplicates;
        if (of_this_epoch) settle(out, r, row.attempt, row.run_us);
        return;
    }
    const bool is_kept_on = r.token != 0 && r.token == result.epoch && row.attempt == r.attempt;
    if (row.failure && !is_kept_on && (!of_this_epoch || r.epoch != epoch_)) {
        // Its ventilator is gone; the attempt counts nowhere, unless a newer one takes it over.
        if (row.attempt >= r.attempt && !of_this_epoch) {
            Words& w = words(r);
            w.failure = *row.failure;
            w.failed_epoch = result.epoch;
            w.failed_attempt = row.attempt;
        }
        return;
    }
    if (worker != kNoIndex && row.attempt >= r.attempt) set_worker(r, worker);
    if (row.attempt >= r.attempt) note_times(r, row, result);
    if (row.attempt > r.attempt) forget_progress(r); // of an attempt before: this one said nothing
    r.attempt = std::max(r.attempt, row.attempt);
    if (row.failure) {
        return fail(r, {r.number, row.attempt, row.run_us, row.failure->retryable}, *row.failure,
                    result.epoch, now, out);
    }
    r.value = Blob(row.value, result.held);
    bytes_ += row.value.size();
    if (!result.content_type.empty()) words(r).content_type = result.content_type;
    settle(out, r, of_this_epoch || is_kept_on ? row.attempt : 0, row.run_us);
    finish(index, State::succeeded, row.run_us, now, out);
}

// An attempt has failed: what follows from that is the ventilator's to say.
void Ledger::fail(Record& r, const FailedRow& row, const Failure& failure, Epoch epoch, Now now,
                  Outbox& out) {
    Words& w = words(r);
    if (row.attempt >= r.attempt) w.failure = failure;
    if (row.attempt >= w.failed_attempt) {
        w.failed_attempt = row.attempt;
        w.failed_epoch = epoch;
    }
    auto failed = Changes::Attempt::of(row.attempt, Changes::Attempt::How::failed);
    if (row.run_us > 0) failed.run_seconds = static_cast<double>(row.run_us) / 1e6;
    failed.failure = failure;
    failed.token = epoch;
    note_attempt(r, std::move(failed), now);
    out.settled.failed.push_back(row);
}

void Ledger::settle(Outbox& out, const Record& r, std::uint32_t attempt,
                    std::uint64_t run_us) const {
    if (r.epoch != epoch_) return; // the ventilator that knows this number is gone
    const JobNumber number = r.number;
    auto& rows = out.settled.rows;
    if (!rows.empty() && rows.back().attempt == attempt &&
        rows.back().first + rows.back().count == number) {
        ++rows.back().count;
        rows.back().run_us += run_us;
    } else {
        rows.push_back({number, 1, attempt, run_us});
    }
}

} // namespace penstock::sink
