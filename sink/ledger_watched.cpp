// What can be seen of a job while it runs: events, progress, pieces of its result; and where its
// time went, once it is over.

#include "sink/ledger.hpp"

#include <algorithm>
#include <cmath>

namespace penstock::sink {

// ---- events --------------------------------------------------------------------------------

void Ledger::write(const Record& r, Event::What what) {
    Event& event = chronicle_.write();
    event.id = r.id;
    event.what = what;
    event.kind = r.terms->first.kind;
    event.attempt = r.attempt;
    event.tags = r.terms->first.tags;
    if (r.group != kNoIndex) event.group = groups_[r.group].id;
    if (what == Event::What::progress) {
        event.progress = shown_progress(r);
        if (r.words) event.note = r.words->note;
    } else if (is_final(what) && what != Event::What::succeeded && r.words) {
        event.note = r.words->failure.code;
    }
}

// The job waits for its next attempt, or has it: what an older one still says is void.
bool Ledger::is_over(const Record& r, std::uint32_t attempt) {
    if (attempt != r.attempt) return attempt < r.attempt;
    return r.state == State::queued || r.state == State::delayed || r.state == State::retrying;
}

// Its worker may say how far it is before the ventilator says that it runs, or after: what was said
// of an attempt before is void, what was said of this one stays.
void Ledger::runs(Record& r, std::uint32_t attempt) {
    if (r.state != State::running || attempt != r.attempt) forget_progress(r);
    r.state = State::running;
    r.attempt = attempt;
}

void Ledger::forget_progress(Record& r) {
    r.progress = -1;
    if (r.words) r.words->note.clear();
}

void Ledger::on(const Progress& progress) {
    const Index index = find(progress.id);
    if (index == kNoIndex || is_final(records_[index].state)) return;
    Record& r = records_[index];
    if (is_over(r, progress.attempt)) return;
    runs(r, progress.attempt);
    r.progress = static_cast<float>(progress.progress);
    if (!progress.note.empty() || r.words) words(r).note = progress.note;
    note(r, Event::What::progress);
}

// To a millionth, so that two thirds are not 0.66666668653488159.
double Ledger::shown_progress(const Record& r) {
    return std::round(static_cast<double>(r.progress) * 1e6) / 1e6;
}

// ---- pieces of results ----------------------------------------------------------------------

void Ledger::on(const Partial& partial, Outbox& out) {
    const Index index = find(partial.id);
    if (index == kNoIndex || is_final(records_[index].state)) return;
    Record& r = records_[index];
    if (is_over(r, partial.attempt)) return;
    runs(r, partial.attempt);
    const std::uint64_t before = partials_.bytes(index);
    if (!partials_.add(index, partial)) return;
    bytes_ += partials_.bytes(index) - before;
    r.partials = partials_.kept(index);
    note(r, Event::What::partial);
    if (partials_.waiting() > 0) release_partials(index, out);
}

void Ledger::lose_partials(Index index, std::uint32_t attempt, Outbox& out) {
    bytes_ -= partials_.bytes(index);
    partials_.lose(index, attempt);
    bytes_ += partials_.bytes(index);
    records_[index].partials = partials_.kept(index);
    if (partials_.waiting() > 0) release_partials(index, out);
}

void Ledger::release_partials(Index index, Outbox& out) {
    const bool finished = is_final(records_[index].state);
    for (const auto& waiting : partials_.release(index)) {
        out.replies.push_back(
            {waiting.asker, waiting.request,
             partials_.answer(index, waiting.question.from, finished)});
    }
}

void Ledger::ask_partials(Asker asker, Request request, const AskPartials& question, Now now,
                          Outbox& out) {
    const Index index = find(question.id);
    PartialsAnswer answer;
    answer.found = unknown();
    if (index != kNoIndex) {
        const Record& r = records_[index];
        answer = partials_.answer(index, question.from, is_final(r.state));
        const bool holds = answer.rows.empty() && !answer.finished && question.timeout > Duration(0);
        if (holds && held_waits() < limits_.waits_max) {
            partials_.wait({question, asker, request, index}, now.at + question.timeout);
            return;
        }
        if (holds) answer.found = Found::refused;
    }
    out.replies.push_back({asker, request, std::move(answer)});
}

void Ledger::expire_partials(Now now, Outbox& out) {
    for (const auto& waiting : partials_.expire(now.at)) {
        out.replies.push_back({waiting.asker, waiting.request,
                               partials_.answer(waiting.job, waiting.question.from, false)});
    }
}

// ---- where the time went --------------------------------------------------------------------

void Ledger::note_times(Record& r, const ResultRow& row, const Result& result) {
    constexpr float kMicro = 1e-6f;
    r.queued = result.queued_us > 0 ? static_cast<float>(result.queued_us) * kMicro : -1;
    r.waited = static_cast<float>(row.waited_us) * kMicro;
    r.run = static_cast<float>(row.run_us) * kMicro;
}

// Before its handler was called. Plain workers may not say it: then it is all that is left.
Duration Ledger::time_queued(const Record& r, Duration total) {
    const double run = std::max(0.0f, r.run);
    const double queued = r.queued >= 0 ? r.queued + r.waited : seconds(total) - run;
    return from_seconds(std::max(0.0, queued));
}

void Ledger::show_times(const Record& r, JobView& v) {
    if (r.run < 0) return; // no attempt ever answered
    v.run = r.run;
    v.dispatch = r.waited;
    if (r.queued < 0) return;
    v.queue = r.queued;
    if (r.attempt > 1) return; // what is left holds the attempts before, too
    const double total = seconds(r.finished_at - r.stored) - seconds(r.terms->first.delay);
    v.back = std::max(0.0, total - v.queue - v.dispatch - v.run);
}

} // namespace penstock::sink
