// What the end of one job is for others: the next step of its chain, the callback of its group, and
// those that are not needed any more.

#include "protocol/payload_with.hpp"
#include "protocol/wire.hpp"
#include "sink/ledger.hpp"

namespace penstock::sink {
namespace {

constexpr std::uint32_t kSlice = 10'000; // members stopped or dropped before results are read again

Failure failure_of(Ending why) {
    switch (why) {
    case Ending::previous_failed:
        return {"previous-failed", "a step before it did not succeed", false};
    case Ending::not_needed:
        return {"not-needed", "another member of its group succeeded first", false};
    case Ending::too_large:
        return {"results-too-large", "the results of its group are more than may be kept", false};
    default:
        return {"cancelled", "cancelled with its group", false};
    }
}

} // namespace

bool Ledger::is_member(Index index) const {
    const Record& r = records_[index];
    if (r.group == kNoIndex) return false;
    const Group& group = groups_[r.group];
    return r.order - group.first_order < group.members; // callbacks come behind
}

Index Ledger::member(const Group& group, std::uint64_t place) const {
    return by_order_.find(group.first_order + place);
}

// REQUIRES: a member, and its outcome has just been recorded.
void Ledger::member_finished(Index index, Now now, Outbox& out) {
    const Record& r = records_[index];
    const Index at = r.group;
    Group& group = groups_[at];
    const bool succeeded = r.state == State::succeeded;
    ++group.finished;
    group.succeeded += succeeded ? 1 : 0;
    group.bytes += bytes_of(index);
    if (group.mode == GroupMode::first && succeeded && group.winner == 0) {
        group.winner = r.order;
        touch_group(at);
        stop_rest(at, Ending::not_needed);
    }
    // Members are kept as long as their group is open: there has to be an end to that.
    if (group.bytes > limits_.finished_bytes_max) stop_rest(at, Ending::too_large);
    if (group.mode == GroupMode::chain) advance_chain(group, now, out);
    const bool ends = group.finished == group.members && group.state == State::running;
    if (ends) end_group(at, now, out);
    release_group_waits(group, out);
}

void Ledger::advance_chain(Group& group, Now now, Outbox& out) {
    while (group.step < group.members && group.ending == Ending::none) {
        const Index index = member(group, group.step);
        Record& r = records_[index];
        if (r.state == State::succeeded) {
            ++group.step;
            continue;
        }
        if (is_final(r.state)) {
            stop_rest(r.group, Ending::previous_failed);
        } else if (r.custody == Custody::withheld) {
            const Index previous = member(group, group.step - 1);
            launch(index, "previous", records_[previous].value.view(), now, out);
        }
        return;
    }
}

// A withheld job is to run, with what it waited for.
void Ledger::launch(Index index, std::string_view key, std::string_view value, Now now,
                    Outbox& out) {
    Record& r = records_[index];
    std::string payload = payload_with(r.payload.view(), key, value);
    const bool is_large = payload.size() > kBulkBytesMax;
    if (is_large || !is_one_value(payload)) {
        words(r).failure = {is_large ? "results-too-large" : "results-too-deep",
                            is_large ? "what it was to get is more than 64 MiB"
                                     : "what it was to get is nested too deep",
                            false};
        return finish(index, State::failed, 0, now, out);
    }
    bytes_ -= r.payload.size();
    r.payload = Blob(payload);
    bytes_ += r.payload.size();
    r.stored = now.at; // its time begins
    r.begun = now.wall;
    touch(r, kJobChanged);
    r.state = r.terms->first.delay > Duration(0) ? State::delayed : State::queued;
    hand_over(index);
}

void Ledger::end_group(Index at, Now now, Outbox& out) {
    Group& group = groups_[at];
    const bool succeeded = group.mode == GroupMode::first ? group.winner != 0
                                                          : group.succeeded == group.members;
    group.state = succeeded                            ? State::succeeded
                  : group.ending == Ending::cancelled ? State::cancelled
                                                       : State::failed;
    group.ended = now.at;
    group.finished_wall = now.wall;
    touch_group(at);
    // To finish one of these evicts what is too much, and that may be the other one: so the group is asked
    // for each when its turn comes. It can't be the group itself, which is put there behind them.
    const auto is_open = [this](Index callback) {
        return callback != kNoIndex && !is_final(records_[callback].state);
    };
    const Index& called = succeeded ? group.then : group.on_failure;
    const Index& spared = succeeded ? group.on_failure : group.then;
    if (is_open(called)) call_back(called, group, now, out);
    if (is_open(spared)) stop(spared, {"not-needed", "its group ended otherwise", false}, now, out);
    retained_ += group.members;
    finished_bytes_ += group.bytes;
    links_.push_back(finished_, member(group, 0)); // it stands for all of them
}

// `then` gets the results in order (of mode first: the one that counts), `on_failure` what each
// member came to.
void Ledger::call_back(Index index, const Group& group, Now now, Outbox& out) {
    std::string results;
    Writer w(results);
    const bool only_one = group.mode == GroupMode::first && group.winner != 0;
    w.array(only_one ? 1 : group.members);
    for (std::uint32_t i = 0; i < group.members && results.size() <= kBulkBytesMax; ++i) {
        const Record& r = records_[member(group, i)];
        if (group.state == State::succeeded) {
            if (!only_one || r.order == group.winner) w.value(r.value.view());
            continue;
        }
        const bool failed = r.state != State::succeeded;
        w.map(failed ? 3 : 2).key("id").text(r.id.text()).key("state").text(to_string(r.state));
        if (!failed) continue;
        const Failure failure = r.words ? r.words->failure : Failure{};
        w.key("error").map(2).key("code").text(failure.code);
        w.key("message").text(failure.message);
    }
    launch(index, "results", results, now, out);
}

// What is open of it is stopped, by and by.
void Ledger::stop_rest(Index at, Ending why) {
    Group& group = groups_[at];
    if (group.ending != Ending::none || group.finished == group.members) return;
    group.ending = why;
    touch_group(at);
    groups_.begin_chore(at);
}

void Ledger::do_chores(Now now, Outbox& out) {
    std::uint32_t looks = 0;
    while (!groups_.chores.empty() && looks < kSlice) {
        const Index at = groups_.chores.front();
        Group& group = groups_[at];
        const bool buries = group.buried;
        while ((buries || group.state == State::running) && group.looked_at < group.members) {
            if (looks++ == kSlice || (buries && !may_let_go())) return;
            const Index index = member(group, group.looked_at++);
            if (buries)
                erase(index);
            else if (!is_final(records_[index].state))
                stop(index, failure_of(group.ending), now, out);
        }
        if (group.buried != buries) continue; // it has ended, and goes already
        groups_.chores.pop_front();
        group.has_chore = false;
        if (buries) groups_.release(at);
    }
}

// An ended group goes, with all its members. REQUIRES: it is not in finished_ any more.
void Ledger::bury(Index at) {
    Group& group = groups_[at];
    retained_ -= group.members;
    finished_bytes_ -= group.bytes;
    group.buried = true;
    for (Index* callback : {&group.then, &group.on_failure}) { // they stay, on their own
        if (*callback == kNoIndex) continue;
        Record& r = records_[std::exchange(*callback, kNoIndex)];
        r.group = kNoIndex;
        touch(r, kJobChanged);
    }
    if (keeps_) changes_.groups_gone.push_back(group.first_order);
    groups_.hide(at);
    groups_.begin_chore(at);
}

void Ledger::forget_callback(Index index) {
    Group& group = groups_[records_[index].group];
    if (group.then == index) group.then = kNoIndex;
    if (group.on_failure == index) group.on_failure = kNoIndex;
    touch_group(records_[index].group);
}

} // namespace penstock::sink
