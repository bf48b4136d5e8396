#pragma once
// Who waits for which job. A wait may stand before its job is known, and thousands may stand at
// once: they cost memory, and nothing else until they end.

#include "protocol/questions.hpp"
#include "sink/asker.hpp"
#include "tables/hash_index.hpp"
#include "tables/timer_wheel.hpp"

namespace penstock::sink {

struct Wait {
    AskWait question;
    Asker asker = 0;
    Request request;
    Index next = kNoIndex; // another wait for the same id
    bool by_number = false; // found is answered by the number of the question alone
};

class Waits {
public:
    Waits(std::uint64_t seed, Instant now) : seed_(seed), timers_(now) {}

    void add(Wait wait, Instant until);

    [[nodiscard]] std::size_t size() const { return waits_.used(); }

    // Removes the waits for `id` for which `ends(wait)` holds, and gives each to `end(wait)`.
    // Answers whether any are left.
    template <class Ends, class End>
    bool release(const JobId& id, Ends ends, End end) {
        const std::uint64_t hash = id.hash(seed_);
        const Index first = find(id, hash);
        if (first == kNoIndex) return false;
        by_id_.erase(hash, first);
        Index kept = kNoIndex, last = kNoIndex;
        for (Index at = first; at != kNoIndex;) {
            const Index next = waits_[at].next;
            if (ends(waits_[at])) {
                timers_.disarm(at);
                end(waits_[at]);
                waits_.release(at);
            } else {
                waits_[at].next = kNoIndex;
                (last == kNoIndex ? kept : waits_[last].next) = at;
                last = at;
            }
            at = next;
        }
        if (kept != kNoIndex) by_id_.insert(hash, kept);
        return kept != kNoIndex;
    }

    // Removes those whose time is up.
    template <class End>
    void expire(Instant now, End end) {
        timers_.expire(now, [&](Index index) {
            const Wait wait = waits_[index];
            unlink(index);
            end(wait);
        });
    }

    [[nodiscard]] Instant wake_at() const { return timers_.wake_at(); }

private:
    [[nodiscard]] Index find(const JobId& id, std::uint64_t hash) const;
    void unlink(Index index);

    std::uint64_t seed_;
    Slab<Wait> waits_;
    HashIndex by_id_; // to the first of its chain
    TimerWheel timers_;
};

} // namespace penstock::sink
