// What the ledger is asked about groups.

#include "sink/ledger.hpp"

namespace penstock::sink {
namespace {

constexpr std::size_t kPageBytes = 4u << 20; // of values in one answer; one may be larger

GroupAnswer without(Found found, std::string why) {
    GroupAnswer answer;
    answer.found = found;
    answer.why = std::move(why);
    return answer;
}

} // namespace

// ---- coming in ----------------------------------------------------------------------------

std::string Ledger::refusal(std::uint64_t jobs, std::uint64_t bytes) const {
    if (is_full_) return "storage-full";
    const std::uint64_t open = records_.used() - finished_jobs_;
    const std::uint64_t open_bytes = bytes_ - finished_bytes_;
    if (open + jobs > limits_.open_max) return "jobs-full";
    if (open_bytes + bytes > limits_.open_bytes_max) return "bytes-full";
    return {};
}

GroupAnswer Ledger::open_group(const OpenGroup& m, Now now, Outbox& out) {
    if (epoch_ == 0) return without(Found::starting, "");
    if (const Index known = groups_.find(m.id); known != kNoIndex) {
        const Group& group = groups_[known];
        if (group.body != m.body) return without(Found::conflict, "another group has this id");
        return view(group, {m.id, AskGroup::Until::now, {}, 0, 0, false});
    }
    std::uint64_t jobs = 0, bytes = 0;
    for (const auto& part : m.parts) {
        if (!known_kinds_.takes(part.terms.kind)) return without(Found::refused, "unknown-kind");
        jobs += part.rows.size();
        for (const auto& row : part.rows) bytes += row.payload.size();
    }
    for (const auto* callback : {&m.then, &m.on_failure}) {
        if (!*callback) continue;
        if (!known_kinds_.takes((*callback)->terms.kind)) {
            return without(Found::refused, "unknown-kind");
        }
        ++jobs;
        bytes += (*callback)->payload.size();
    }
    if (std::string why = refusal(jobs, bytes); !why.empty()) return without(Found::refused, why);

    const std::uint64_t first_order = next_order_;
    const Index at = groups_.add(m.id);
    if (!add_members(m, at, now)) { // all or nothing
        for (std::uint64_t order = first_order; order < next_order_; ++order) {
            erase(by_order_.find(order));
        }
        groups_.hide(at);
        groups_.release(at);
        return without(Found::conflict, "the id of one of its jobs is taken");
    }
    const Group& group = groups_[at];
    touch_group(at);
    for (std::uint64_t order = first_order; order < next_order_; ++order) {
        const Index index = by_order_.find(order);
        Record& r = records_[index];
        ++r.kind->stored;
        const bool is_first = group.mode != GroupMode::chain || order == group.first_order;
        if (is_first && is_member(index)) {
            hand_over(index);
        } else {
            r.custody = Custody::withheld;
            r.state = State::delayed;
        }
        note(r, Event::What::stored);
        if (waits_.size() > 0) release_waits(index, Until::stored, out);
    }
    return view(group, {m.id, AskGroup::Until::now, {}, 0, 0, false});
}

// False: an id is taken. What was added until then is there.
bool Ledger::add_members(const OpenGroup& m, Index at, Now now) {
    Group& group = groups_[at];
    group.mode = m.mode;
    group.body = m.body;
    group.submitted = now.wall;
    group.first_order = next_order_;
    for (const auto& part : m.parts) {
        const auto terms = terms_.intern(Terms(part.terms));
        SinkKind& kind = kind_of(part.terms.kind);
        for (const auto& row : part.rows) {
            const std::uint64_t hash = row.id.hash(seed_);
            if (find(row.id, hash) != kNoIndex) {
                terms_.forget_if_unused(terms);
                return false;
            }
            const Index index = add(row.id, hash, terms, kind, Blob(row.payload), now);
            records_[index].group = at;
            ++group.members;
        }
        terms_.forget_if_unused(terms);
    }
    for (const bool succeeded : {true, false}) {
        const auto& callback = succeeded ? m.then : m.on_failure;
        if (!callback) continue;
        const Index index = add_callback(*callback, at, now);
        if (index == kNoIndex) return false;
        (succeeded ? group.then : group.on_failure) = index;
        (succeeded ? group.then_id : group.on_failure_id) = callback->id;
    }
    return true;
}

Index Ledger::add_callback(const OpenGroup::Callback& callback, Index at, Now now) {
    const std::uint64_t hash = callback.id.hash(seed_);
    if (find(callback.id, hash) != kNoIndex) return kNoIndex;
    const auto terms = terms_.intern(Terms(callback.terms));
    SinkKind& kind = kind_of(callback.terms.kind);
    const Index index = add(callback.id, hash, terms, kind, Blob(callback.payload), now);
    records_[index].group = at;
    return index;
}

// ---- asking -------------------------------------------------------------------------------

void Ledger::ask_group(const GroupWait& wait, Now now, Outbox& out) {
    const AskGroup& question = wait.question;
    const auto reply = [&](GroupAnswer answer) {
        out.replies.push_back({wait.asker, wait.request, std::move(answer)});
    };
    const Index at = groups_.find(question.id);
    if (at == kNoIndex) return reply(without(unknown(), ""));
    Group& group = groups_[at];
    if (holds(group, question)) return reply(view(group, question));
    if (held_waits() >= limits_.waits_max) {
        return reply(without(Found::refused, "waits-full"));
    }
    GroupWait mine = wait;
    mine.until = now.at + question.timeout;
    groups_.add(group, std::move(mine));
}

bool Ledger::holds(const Group& group, const AskGroup& question) const {
    if (question.until == AskGroup::Until::now || group.state != State::running) return true;
    if (question.until == AskGroup::Until::finished) return false;
    return question.from >= group.members || is_final(records_[member(group, question.from)].state);
}

// Those that wait for all of it are looked at when it has ended, not at the end of every member.
void Ledger::release_group_waits(Group& group, Outbox& out) {
    const auto end = [&](const GroupWait& wait) {
        out.replies.push_back({wait.asker, wait.request, view(group, wait.question)});
    };
    if (group.next_waits != kNoIndex) {
        groups_.release(
            group.next_waits, [&](const GroupWait& wait) { return holds(group, wait.question); }, end);
    }
    if (group.state == State::running || group.end_waits == kNoIndex) return;
    groups_.release(group.end_waits, [](const GroupWait&) { return true; }, end);
}

void Ledger::expire_group_waits(Now now, Outbox& out) {
    while (const GroupWait* overdue = groups_.overdue(now.at)) {
        Group& group = groups_[groups_.find(overdue->question.id)]; // none is dropped with waits
        for (Index* chain : {&group.next_waits, &group.end_waits}) {
            groups_.release(
                *chain, [&](const GroupWait& wait) { return wait.until <= now.at; },
                [&](const GroupWait& wait) {
                    GroupAnswer answer = view(group, wait.question);
                    answer.found = Found::timed_out;
                    out.replies.push_back({wait.asker, wait.request, std::move(answer)});
                });
        }
    }
}

// A page ends where the values are many megabytes; of `next`, before the first unfinished member.
GroupAnswer Ledger::view(const Group& group, const AskGroup& question) const {
    GroupAnswer answer;
    answer.found = Found::found;
    answer.id = group.id;
    answer.mode = group.mode;
    answer.state = group.state;
    answer.members = group.members;
    answer.succeeded = group.succeeded;
    answer.finished = group.finished;
    answer.submitted_at = unix_seconds(group.submitted);
    answer.finished_at = unix_seconds(group.finished_wall);
    answer.then = group.then_id;
    answer.on_failure = group.on_failure_id;
    answer.from = question.from;
    std::size_t bytes = 0;
    for (std::uint64_t i = question.from; i < group.members; ++i) {
        if (answer.jobs.size() >= question.limit || bytes >= kPageBytes) break;
        const Record& r = records_[member(group, i)];
        if (question.until == AskGroup::Until::next && !is_final(r.state)) break;
        answer.jobs.push_back(view(r, question.value));
        bytes += answer.jobs.back().value.size();
    }
    return answer;
}

// Its callbacks are cancelled at once, its members by and by.
GroupAnswer Ledger::cancel_group(const JobId& id, Now now, Outbox& out) {
    const Index at = groups_.find(id);
    if (at == kNoIndex) return without(unknown(), "");
    const AskGroup only_counts{id, AskGroup::Until::now, {}, 0, 0, false};
    if (groups_[at].state != State::running) return view(groups_[at], only_counts);
    stop_rest(at, Ending::cancelled);
    // Looked up one by one: what ends may take an older one out of memory.
    for (const auto which : {&Group::then, &Group::on_failure}) {
        const Index callback = groups_[at].*which;
        if (callback == kNoIndex || is_final(records_[callback].state)) continue;
        stop(callback, {"cancelled", "cancelled with its group", false}, now, out);
    }
    const GroupAnswer before = view(groups_[at], only_counts);
    do_chores(now, out);
    const Index left = groups_.find(id);
    return left == kNoIndex ? before : view(groups_[left], only_counts);
}

} // namespace penstock::sink
