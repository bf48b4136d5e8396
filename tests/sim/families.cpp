// Jobs that the sink itself owns: groups, chords, chains and retries, and what must hold of them.

#include "tests/sim/world.hpp"

#include <algorithm>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

const Bytes kNil("\xc0", 1);

} // namespace

// The result of each job, of whatever run.
std::string World::value_of(const std::string& id) {
    std::string out;
    Writer(out).text(id);
    return out;
}

State World::state_of(const std::string& id) {
    return ledger_->state_of(*JobId::parse(id)).value_or(State::queued);
}

// ---- clients ------------------------------------------------------------------------------

void World::submit_group() {
    Family f;
    f.id = "g" + std::to_string(families_.size() + 1);
    f.mode = static_cast<GroupMode>(static_cast<int>(chance_.unit() * 3));
    OpenGroup m;
    m.id = *JobId::parse(f.id);
    m.mode = f.mode;
    const int parts = 1 + static_cast<int>(chance_.unit() * 2);
    for (int p = 0; p < parts; ++p) {
        OpenGroup::Part part{draw_terms(), {}};
        const int count = 1 + static_cast<int>(chance_.unit() * 4);
        for (int i = 0; i < count; ++i) {
            f.members.push_back(f.id + "-" + std::to_string(f.members.size()));
            part.rows.push_back({*JobId::parse(f.members.back()), kNil});
            wishes_[f.members.back()] = part.terms;
        }
        m.parts.push_back(std::move(part));
    }
    const auto callback = [&](std::string& id, const char* suffix) {
        id = f.id + suffix;
        wishes_[id] = draw_terms();
        return OpenGroup::Callback{*JobId::parse(id), wishes_[id], kNil};
    };
    if (happens(0.7)) m.then = callback(f.then, "-then");
    if (happens(0.5)) m.on_failure = callback(f.on_failure, "-alas");
    f.frame = encode(Request(), StatusQuestion{m});
    families_.push_back(f);
    const std::size_t index = families_.size() - 1;
    open_group(index);
    if (happens(plan_.resubmit)) at(between(0s, 2s), [this, index] { open_group(index); });
    if (happens(plan_.cancel)) {
        at(between(0s, 3s), [this, id = m.id] {
            ledger_->ask(0, {}, CancelGroup{id}, both_now(), s_out());
        });
    }
    if (happens(plan_.cancel)) {
        at(between(0s, 3s), [this, id = f.members.at(f.members.size() / 2)] { cancel(id); });
    }
}

// Again and again until the sink takes it. What it was told once, it knows.
void World::open_group(std::size_t index) {
    if (families_[index].lost) return;
    auto decoded = decode_status(reader_, families_[index].frame);
    ledger_->ask(0, {}, decoded.messages.at(0).question, both_now(), s_out());
    const auto answer = std::get<GroupAnswer>(s_out().replies.back().answer);
    s_out().replies.pop_back();
    Family& f = families_[index];
    const bool is_safe = !plan_.durable || disk_.has_group(*JobId::parse(f.id));
    const bool is_new = answer.found == Found::found && !is_safe;
    const bool is_full = answer.found == Found::refused && answer.why == "storage-full";
    if (is_full) saw("group not accepted: storage-full");
    if (answer.found == Found::starting || is_full || is_new) {
        at(200ms, [this, index] { open_group(index); });
        return;
    }
    if (answer.found != Found::found) return fail(f.id + " was refused: " + answer.why);
    if (answer.members != f.members.size()) fail(f.id + " has other members");
    f.accepted = true;
    for (const auto& id : f.members) family_of_[id] = index;
    for (const auto& id : {f.then, f.on_failure}) {
        if (!id.empty()) family_of_[id] = index;
    }
    for (const auto& [id, at] : family_of_) {
        if (at == index) job_named(id);
    }
}

void World::retry_soon(const std::string& id) {
    const std::string as = "again-" + id;
    const auto asked = ask(AskRetry{*JobId::parse(id), *JobId::parse(as)});
    const auto& answer = std::get<JobAnswer>(asked.replies.at(0).answer);
    if (answer.found != Found::found) return; // it is open, or its sink is gone
    wishes_[as] = wishes_[id];
    wishes_[as].delay = 0s; // it was for the first time
    poisons_[as] = job_named(id).poison;
    const auto note = [this, as] {
        const bool is_safe = !plan_.durable || disk_.find(*JobId::parse(as)) != nullptr;
        if (is_safe) job_named(as).poison = poisons_[as];
    };
    note();
    if (plan_.durable) at(1s, note);
}

// A sink's groups and what it had not handed over are gone with it.
void World::lose_families() {
    for (Family& f : families_) f.lost = f.lost || f.accepted;
    for (auto& [id, job] : jobs_) {
        if (family_of_.contains(id) || id.starts_with("again-")) job.outcome_lost = true;
    }
}

// ---- checks -------------------------------------------------------------------------------

// A worker was given this job: had everything ended that it was to wait for?
void World::check_turn(const std::string& id) {
    const auto found = family_of_.find(id);
    if (found == family_of_.end() || families_[found->second].lost) return;
    const Family& f = families_[found->second];
    const bool is_callback = id == f.then || id == f.on_failure;
    for (const auto& member : f.members) {
        if (member == id) break;
        const State state = state_of(member);
        if (is_callback && !is_final(state)) fail(id + " runs before " + member + " has ended");
        if (!is_callback && f.mode == GroupMode::chain && state != State::succeeded) {
            fail(id + " runs before " + member + " has succeeded");
        }
    }
}

// What it waited for is its payload: results in the order in which their jobs were given, whatever
// order they ended in.
void World::check_given(const std::string& id, Bytes payload) {
    const auto found = family_of_.find(id);
    if (found == family_of_.end() || families_[found->second].lost) return;
    const Family& f = families_[found->second];
    if (id == f.on_failure) return;
    if (id == f.then && f.mode == GroupMode::first) {
        const bool is_one = std::any_of(f.members.begin(), f.members.end(), [&](const auto& member) {
            return payload == "\x91" + value_of(member) && state_of(member) == State::succeeded;
        });
        if (!is_one) fail(id + " was not given the first success");
        return;
    }
    std::string expected;
    if (id == f.then) {
        Writer(expected).array(f.members.size());
        for (const auto& member : f.members) expected += value_of(member);
    } else if (f.mode == GroupMode::chain && id != f.members.front()) {
        expected = value_of(*(std::find(f.members.begin(), f.members.end(), id) - 1));
    } else {
        return;
    }
    if (payload != expected) fail(id + " was not given the results in their order");
}

void World::check_family(const Family& f) {
    if (!f.accepted || f.lost) return;
    const auto asked = ask(AskGroup{*JobId::parse(f.id), AskGroup::Until::now, {}, 0, 0, false});
    const auto& group = std::get<GroupAnswer>(asked.replies.at(0).answer);
    if (group.found != Found::found) return fail(f.id + " is gone");
    if (!is_final(group.state)) return fail(f.id + " has not ended");
    const auto good = std::count_if(f.members.begin(), f.members.end(), [&](const auto& id) {
        return state_of(id) == State::succeeded;
    });
    const bool succeeds = f.mode == GroupMode::first
                              ? good > 0
                              : static_cast<std::size_t>(good) == f.members.size();
    if ((group.state == State::succeeded) != succeeds) fail(f.id + " has a wrong outcome");
    // One of the two runs, the other never does.
    const std::string& needed = succeeds ? f.then : f.on_failure;
    const std::string& spared = succeeds ? f.on_failure : f.then;
    const bool is_left_alone = plan_.cancel == 0 && group.state != State::cancelled;
    if (!needed.empty() && is_left_alone && state_of(needed) == State::cancelled) {
        fail(needed + " was needed, and cancelled");
    }
    if (spared.empty()) return;
    if (state_of(spared) != State::cancelled) fail(spared + " was not needed");
    if (job_named(spared).dispatched > 0) fail(spared + " ran and was not needed");
}

} // namespace penstock::sim
