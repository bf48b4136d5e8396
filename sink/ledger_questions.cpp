// What the ledger is asked.

#include "protocol/codec.hpp"
#include "sink/ledger.hpp"

#include <algorithm>
#include <iterator>

namespace penstock::sink {
namespace {

// By a UUIDv7's own account (RFC 9562, section 5.7). The beginning of time for every other id.
WallTime made_at(const JobId& id) {
    const std::string_view bytes = id.wire();
    const bool is_uuid7 = id.is_uuid() && (static_cast<unsigned char>(bytes[6]) >> 4) == 7;
    std::int64_t ms = 0;
    for (std::size_t i = 0; is_uuid7 && i < 6; ++i) ms = ms << 8 | static_cast<unsigned char>(bytes[i]);
    return WallTime(std::chrono::milliseconds(ms));
}

} // namespace

void Ledger::ask(Asker asker, Request request, const StatusQuestion& question, Now now,
                 Outbox& out) {
    const auto reply = [&](StatusAnswer answer) {
        out.replies.push_back({asker, request, std::move(answer)});
    };
    if (const auto* status = std::get_if<AskStatus>(&question)) {
        const Index index = find(status->id);
        JobAnswer answer{index == kNoIndex ? unknown() : Found::found, "", {}};
        if (answer.found == Found::unknown) answer.why = why_unknown(status->id);
        if (index != kNoIndex) answer.job = view(records_[index], status->value);
        reply(std::move(answer));
    } else if (const auto* asked = std::get_if<AskWait>(&question)) {
        wait({*asked, asker, request}, now, out);
    } else if (const auto* listing = std::get_if<AskList>(&question)) {
        reply(list(*listing));
    } else if (std::holds_alternative<AskStats>(question)) {
        reply(stats());
    } else if (const auto* cancelled = std::get_if<AskCancel>(&question)) {
        reply(cancel(cancelled->id, now, out));
    } else if (const auto* again = std::get_if<AskRetry>(&question)) {
        reply(retry(*again, now, out));
    } else if (const auto* deed = std::get_if<AskMany>(&question)) {
        reply(many(*deed, now, out));
    } else if (const auto* opened = std::get_if<OpenGroup>(&question)) {
        reply(open_group(*opened, now, out));
    } else if (const auto* members = std::get_if<AskGroup>(&question)) {
        ask_group({*members, asker, request}, now, out);
    } else if (const auto* group = std::get_if<CancelGroup>(&question)) {
        reply(cancel_group(group->id, now, out));
    } else if (const auto* partials = std::get_if<AskPartials>(&question)) {
        ask_partials(asker, request, *partials, now, out);
    } else if (const auto* kind = std::get_if<AskKind>(&question)) {
        reply(set_kind(*kind, out));
    }
}

void Ledger::ask(Asker asker, const AskStored::Row& row, Duration timeout, Now now, Outbox& out) {
    Wait mine{{row.id, Until::stored, timeout, false, row.body}, asker, row.request};
    mine.by_number = true;
    wait(mine, now, out);
}

// Before the first hello of this life, open jobs are still on their way here.
Found Ledger::unknown() const {
    return epoch_ == 0 ? Found::starting : Found::unknown;
}

// An id that was made before this sink began, and whose outcome would still be kept: the sink before
// it may have known it, and had it in memory only.
std::string Ledger::why_unknown(const JobId& id) const {
    const WallTime made = made_at(id);
    const bool is_older = made < began_ && made + limits_.result_ttl > began_;
    return is_older && !keeps_ ? "outcome-lost" : "";
}

bool Ledger::is_conflict(const Record& r, const AskWait& question) const {
    return question.body && *question.body != body_digest(r.terms->first, r.payload.view());
}

void Ledger::answer(const Wait& wait, Found found, std::string why, Outbox& out) const {
    if (wait.by_number && found == Found::found) {
        out.stored_replies.push_back({wait.asker, *wait.request});
        return;
    }
    JobAnswer answer{found, std::move(why), {}};
    if (found == Found::unknown) answer.why = why_unknown(wait.question.id);
    if (found == Found::found || found == Found::timed_out) {
        const Index index = find(wait.question.id);
        if (index != kNoIndex) answer.job = view(records_[index], wait.question.value);
    }
    out.replies.push_back({wait.asker, wait.request, std::move(answer)});
}

void Ledger::wait(const Wait& mine, Now now, Outbox& out) {
    const AskWait& question = mine.question;
    const Index index = find(question.id);
    if (index != kNoIndex) {
        Record& r = records_[index];
        if (is_conflict(r, question)) return answer(mine, Found::conflict, "", out);
        if (question.until == Until::stored || is_final(r.state)) {
            return answer(mine, Found::found, "", out);
        }
    } else if (!refused_.empty()) {
        const auto refused = refused_.find(question.id.text());
        if (refused != refused_.end()) {
            answer(mine, Found::refused, refused->second, out);
            refused_.erase(refused); // said once
            return;
        }
    }
    if (held_waits() >= limits_.waits_max) {
        return answer(mine, Found::refused, "waits-full", out);
    }
    if (index != kNoIndex) records_[index].awaited = true;
    waits_.add(mine, now.at + question.timeout);
}

void Ledger::release_waits(Index index, Until until, Outbox& out) {
    Record& r = records_[index];
    r.awaited = waits_.release(
        r.id,
        [&](const Wait& w) {
            return until == Until::finished || w.question.until == Until::stored ||
                   is_conflict(r, w.question);
        },
        [&](const Wait& w) {
            answer(w, is_conflict(r, w.question) ? Found::conflict : Found::found, "", out);
        });
}

JobView Ledger::view(const Record& r, bool with_value) const {
    JobView v;
    const Terms& terms = r.terms->first;
    v.id = r.id;
    v.kind = terms.kind;
    v.state = r.state;
    v.attempt = r.attempt;
    v.deaths = r.deaths;
    if (r.worker != kNoIndex) v.worker = names_[r.worker];
    v.progress = shown_progress(r);
    v.submitted_at = unix_seconds(r.submitted);
    v.started_at = unix_seconds(r.started);
    v.finished_at = unix_seconds(r.finished);
    v.tags = terms.tags;
    v.tenant = terms.tenant;
    v.result_bytes = r.value.size();
    const bool is_owned = r.custody == Custody::owned && r.epoch == epoch_;
    if (is_owned && !is_final(r.state)) v.number = r.number;
    if (r.group != kNoIndex) v.group = groups_[r.group].id;
    v.partials = r.partials;
    if (is_final(r.state)) show_times(r, v);
    if (with_value && r.state == State::succeeded) v.value = r.value.view();
    if (r.words) {
        v.note = r.words->note;
        v.retry_of = r.words->retry_of;
        v.content_type = r.words->content_type;
        // A success is not shown beside the failures before it.
        const bool failing = r.state != State::succeeded && !r.words->failure.code.empty();
        if (failing) v.failure = r.words->failure;
    }
    return v;
}

// Newest first. A page may be short, or empty, before the end: it looks at so many jobs and no
// more, so that nobody's question stalls everybody's results.
ListAnswer Ledger::list(const AskList& question) const {
    constexpr std::uint64_t kLooksMax = 10'000;
    ListAnswer answer;
    std::uint64_t order = question.cursor == 0 ? next_order_ : question.cursor;
    order = std::min(order, next_order_);
    const std::uint64_t floor = by_order_.floor();
    const std::size_t limit = question.limit == 0 ? 100 : question.limit;
    for (std::uint64_t looks = 0; looks < kLooksMax && order > floor; ++looks) {
        const Index index = by_order_.find(--order);
        if (index == kNoIndex) continue;
        const Record& r = records_[index];
        if (question.since > 0 && unix_seconds(r.submitted) < question.since) {
            return answer; // all that follow are older
        }
        if (!fits(r, question)) continue;
        answer.jobs.push_back(view(r, false));
        if (answer.jobs.size() >= limit) break;
    }
    if (order > floor && by_order_.used() > 0) answer.cursor = order;
    return answer;
}

SinkStats Ledger::stats() const {
    SinkStats out;
    out.finished_jobs = finished_jobs_;
    out.open_jobs = open_jobs();
    out.bytes = bytes_;
    out.waits = held_waits();
    out.unknown_results = unknown_results_;
    out.malformed = malformed_;
    out.evicted = evicted_;
    out.lost_attempts = lost_attempts_;
    out.ventilator = ventilator_is_up_;
    out.durability = limits_.durability;
    for (const auto& [name, kind] : kinds_) out.kinds.push_back(kind);
    return out;
}

CancelAnswer Ledger::cancel(const JobId& id, Now now, Outbox& out) {
    const Index index = find(id);
    if (index == kNoIndex) return {CancelResult::unknown, State::queued};
    Record& r = records_[index];
    if (is_final(r.state)) return {CancelResult::finished, r.state};
    const CancelResult result =
        stop(index, {"cancelled", "cancelled before it was started", false}, now, out);
    return {result, result == CancelResult::cancelled ? State::cancelled : State::running};
}

// REQUIRES: the job is open.
CancelResult Ledger::stop(Index index, Failure why, Now now, Outbox& out) {
    Record& r = records_[index];
    // A piece of a result may come of one that no ventilator has any more: there is nobody to tell.
    const bool is_held = r.epoch == epoch_ && r.custody == Custody::owned;
    if (r.state == State::running && is_held) {
        // The worker is told; what it answers, or a success that was faster, is the outcome.
        r.cancelling = true;
        touch(r, kJobChanged);
        out.cancel.numbers.push_back(r.number);
        return CancelResult::telling_worker;
    }
    words(r).failure = std::move(why);
    settle(out, r, 0, 0);
    finish(index, State::cancelled, 0, now, out);
    return CancelResult::cancelled;
}

// ---- kinds --------------------------------------------------------------------------------

void Ledger::tell(Kinds kinds, Outbox& out) {
    auto& rows = out.kinds.rows;
    rows.insert(rows.end(), std::make_move_iterator(kinds.rows.begin()),
                std::make_move_iterator(kinds.rows.end()));
}

void Ledger::hear(const Kinds& told, Outbox& out) {
    tell(known_kinds_.hear(told), out);
    for (const Kinds::Row& row : told.rows) note_kind(row.kind);
}

// Recorded here first; the ventilator hears of it on the link, in order.
StatusAnswer Ledger::set_kind(const AskKind& wish, Outbox& out) {
    if (!known_kinds_.heard()) return JobAnswer{Found::starting, "", {}};
    const KindSettings* settings = known_kinds_.set(wish);
    if (settings == nullptr) return JobAnswer{Found::refused, "kinds-full", {}};
    out.kinds.rows.push_back({wish.kind, *settings});
    note_kind(wish.kind);
    return KindAnswer{*settings};
}

} // namespace penstock::sink
