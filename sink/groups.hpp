#pragma once
// Jobs that belong together, and what is to become of others when they end. A part of the ledger.
//
// A group's members are records with consecutive orders, so that the group itself is of one size,
// and the end of a member costs the same in a group of three and in one of a million. It goes
// whole: members are kept while the group is open, and are evicted with it. What has to be done
// for all of its members is done in slices.

#include "protocol/questions.hpp"
#include "sink/asker.hpp"
#include "tables/hash_index.hpp"
#include "tables/slab.hpp"

#include <deque>
#include <set>
#include <utility>

namespace penstock::sink {

// Why what is open of a group is being stopped.
enum class Ending : std::uint8_t {
    none,
    cancelled,
    previous_failed,
    not_needed,
    too_large, // its results are more than may be kept
};

struct Group {
    JobId id;
    GroupMode mode = GroupMode::all;
    State state = State::running;
    Ending ending = Ending::none;
    bool buried = false;             // its members are going
    bool unkept = false;             // it has changed since take_changes
    bool has_chore = false;          // it is in Groups::chores
    std::uint32_t members = 0, finished = 0, succeeded = 0;
    std::uint32_t step = 0;          // of a chain: how many have succeeded
    std::uint32_t looked_at = 0;     // by the slice at hand
    std::uint64_t first_order = 0;   // of its members
    std::uint64_t winner = 0;        // of mode first: the order of the first success
    std::uint64_t bytes = 0;         // of finished members
    Index then = kNoIndex, on_failure = kNoIndex; // records, as long as they are there
    JobId then_id, on_failure_id;
    std::optional<std::uint64_t> body;
    Instant ended{};
    WallTime submitted{}, finished_wall{};
    Index next_waits = kNoIndex; // the first of those that wait for a member,
    Index end_waits = kNoIndex;  // and of those that wait for all
};

struct GroupWait {
    AskGroup question;
    Asker asker = 0;
    Request request;
    Instant until{};
    Index next = kNoIndex;
};

class Groups {
public:
    explicit Groups(std::uint64_t seed) : seed_(seed) {}

    Group& operator[](Index at) { return groups_[at]; }
    const Group& operator[](Index at) const { return groups_[at]; }

    [[nodiscard]] Index find(const JobId& id) const {
        return by_id_.find(id.hash(seed_), [&](Index at) { return groups_[at].id == id; });
    }
    Index add(const JobId& id) {
        const Index at = groups_.allocate();
        groups_[at].id = id;
        by_id_.insert(id.hash(seed_), at);
        return at;
    }
    // It can't be found by its id any more.
    void hide(Index at) { by_id_.erase(groups_[at].id.hash(seed_), at); }
    void release(Index at) { groups_.release(at); }

    // All its members are to be looked at, from the first one.
    void begin_chore(Index at) {
        groups_[at].looked_at = 0;
        if (!std::exchange(groups_[at].has_chore, true)) chores.push_back(at);
    }

    [[nodiscard]] std::size_t waiting() const { return waits_.used(); }

    void add(Group& group, GroupWait wait);

    // Ends the waits of this chain of a group for which `ends(wait)` holds, by `end(wait)`.
    template <class Ends, class End>
    void release(Index& chain, Ends ends, End end) {
        Index kept = kNoIndex;
        for (Index at = std::exchange(chain, kNoIndex); at != kNoIndex;) {
            GroupWait& wait = waits_[at];
            const Index next = wait.next;
            if (ends(wait)) {
                end(wait);
                timers_.erase({wait.until, at});
                waits_.release(at);
            } else {
                wait.next = std::exchange(kept, at);
            }
            at = next;
        }
        chain = kept;
    }

    // The next wait whose time is up; null if there is none. It is ended by `release`.
    [[nodiscard]] const GroupWait* overdue(Instant now) const {
        const bool is_due = !timers_.empty() && timers_.begin()->first <= now;
        return is_due ? &waits_[timers_.begin()->second] : nullptr;
    }
    [[nodiscard]] Instant wake_at() const { // for waits
        return timers_.empty() ? kNever : timers_.begin()->first;
    }

    std::deque<Index> chores; // groups whose members are to be stopped, or dropped

private:
    const std::uint64_t seed_;
    Slab<Group> groups_;
    HashIndex by_id_;
    Slab<GroupWait> waits_;
    std::set<std::pair<Instant, Index>> timers_;
};

inline void Groups::add(Group& group, GroupWait wait) {
    const Index at = waits_.allocate();
    timers_.insert({wait.until, at});
    const bool for_all = wait.question.until == AskGroup::Until::finished;
    wait.next = std::exchange(for_all ? group.end_waits : group.next_waits, at);
    waits_[at] = std::move(wait);
}

} // namespace penstock::sink
