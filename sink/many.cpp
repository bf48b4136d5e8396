// Finished jobs again, and one deed for many jobs.

#include "sink/ledger.hpp"

#include <algorithm>

namespace penstock::sink {
namespace {

std::uint64_t unix_ms(WallTime when) {
    const auto since = when.time_since_epoch();
    return static_cast<std::uint64_t>(
        std::chrono::duration_cast<std::chrono::milliseconds>(since).count());
}

} // namespace

// ---- again --------------------------------------------------------------------------------

JobAnswer Ledger::retry(const AskRetry& question, Now now, Outbox& out) {
    const Index index = find(question.id);
    if (index == kNoIndex) return {unknown(), "", {}};
    if (const Index made = find(question.as); made != kNoIndex) {
        const Record& r = records_[made];
        const bool is_it = r.words && r.words->retry_of == question.id; // it was asked for before
        if (!is_it) return {Found::conflict, "", {}};
        return {Found::found, "", view(r, false)};
    }
    if (!is_final(records_[index].state)) return {Found::refused, "not-finished", {}};
    const std::string why = refusal(1, records_[index].payload.size());
    if (!why.empty()) return {Found::refused, why, {}};
    return {Found::found, "", view(records_[run_again(index, question.as, now, out)], false)};
}

// REQUIRES: a finished job, and `as` is not taken. Its delay was for the first time.
Index Ledger::run_again(Index index, const JobId& as, Now now, Outbox& out) {
    const Record& old = records_[index];
    Terms terms = old.terms->first;
    terms.delay = Duration(0);
    const Index made = add(as, as.hash(seed_), terms_.intern(std::move(terms)), *old.kind,
                           Blob(old.payload.view()), now);
    words(records_[made]).retry_of = old.id;
    ++old.kind->stored;
    hand_over(made);
    note(records_[made], Event::What::stored);
    if (waits_.size() > 0) release_waits(made, Until::stored, out);
    return made;
}

// ---- many ---------------------------------------------------------------------------------

bool Ledger::fits(Index index, const AskMany& question) const {
    const Record& r = records_[index];
    const bool by_name = !question.ids.empty();
    const bool finished = is_final(r.state);
    if (finished == (question.deed == AskMany::Deed::cancel)) return false;
    if (question.deed == AskMany::Deed::retry && r.state == State::succeeded) {
        // Once more what went well: only if that was said.
        if (!by_name && question.state != State::succeeded) return false;
    }
    if (question.deed == AskMany::Deed::purge && is_member(index)) {
        // A group goes whole, for its first member, and never while it is open.
        const Group& group = groups_[r.group];
        if (r.order != group.first_order || group.state == State::running || group.buried) {
            return false;
        }
    }
    return by_name || fits(r, question);
}

// False: there is no room for one more, `why` says of what.
bool Ledger::do_deed(Index index, const AskMany& question, Now now, ManyAnswer& answer,
                     std::string& why, Outbox& out) {
    const Record& r = records_[index];
    const bool purges = question.deed == AskMany::Deed::purge;
    const std::uint64_t jobs = purges && is_member(index) ? groups_[r.group].members : 1;
    if (question.dry_run) {
        answer.matched += jobs;
        return true;
    }
    if (purges) {
        drop(index);
    } else if (question.deed == AskMany::Deed::cancel) {
        stop(index, {"cancelled", "cancelled before it was started", false}, now, out);
    } else {
        why = refusal(1, r.payload.size());
        if (!why.empty()) return false;
        const auto high = made_ids_.bits();
        const JobId as = make_uuid7(unix_ms(now.wall), high, made_ids_.bits());
        if (find(as) != kNoIndex) return false;
        run_again(index, as, now, out);
        answer.made.push_back(as);
    }
    answer.matched += jobs;
    return true;
}

// By ids: the cursor says how many of them were looked at. Else newest first, as a list is read; the
// cursor is the order of the one that was looked at last. Without room for a first one it is refused.
StatusAnswer Ledger::many(const AskMany& question, Now now, Outbox& out) {
    constexpr std::uint64_t kLooksMax = 10'000; // so that it stalls nobody's results
    ManyAnswer answer;
    std::string why; // there is no room
    bool has_room = true;
    const auto look_at = [&](Index index) {
        if (index == kNoIndex || !fits(index, question)) return;
        has_room = do_deed(index, question, now, answer, why, out);
    };
    if (!question.ids.empty()) {
        const std::uint64_t count = question.ids.size();
        const std::uint64_t from = std::min<std::uint64_t>(question.cursor, count);
        std::uint64_t at = from;
        while (at < std::min(count, from + kLooksMax)) {
            look_at(find(question.ids[at]));
            if (!has_room) break;
            ++at;
        }
        if (at < count) answer.cursor = at;
    } else {
        std::uint64_t order = question.cursor == 0 ? next_order_ : std::min(question.cursor, next_order_);
        const std::uint64_t floor = by_order_.floor();
        for (std::uint64_t looks = 0; looks < kLooksMax && order > floor; ++looks) {
            look_at(by_order_.find(order - 1));
            if (!has_room) break;
            --order;
        }
        if (order > floor && by_order_.used() > 0) answer.cursor = order;
    }
    if (!has_room && answer.matched == 0) return JobAnswer{Found::refused, why, {}};
    return answer;
}

} // namespace penstock::sink
