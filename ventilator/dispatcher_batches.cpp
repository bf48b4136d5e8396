// The dispatcher's batches: jobs that a worker takes together, in one call and on one slot.
//
// A share of a pool whose workers take its kind together *gathers* until a batch is full or the
// first of its jobs has waited long enough; while it gathers it is held, so that the pump never sees
// it. Then the next free slot takes as many as there are, in the order in which they would have gone
// one by one. What a full batch leaves behind does not wait again: nobody waits longer than `wait`
// for company.

#include "ventilator/dispatcher.hpp"

#include <algorithm>

namespace penstock::ventilator {
namespace {

constexpr std::size_t kCallBytesMax = 32u << 20; // payloads of one message, and one beyond it

} // namespace

// Before anything is given out, and again after it: whether each may go, and when the next may.
void Dispatcher::gather(Instant now) {
    gathered_at_ = kNever;
    for (const Index index : roster_.pools()) {
        Pool& pool = roster_.pool(index);
        if (!pool.takes_together) continue;
        for (std::size_t share = 0; share < pool.shares.size(); ++share) {
            if (pool.shares[share].together.max > 0) gather(pool, share, now);
        }
    }
}

void Dispatcher::gather(Pool& pool, std::size_t index, Instant now) {
    Share& share = pool.shares[index];
    const KindState& kind = *share.kind;
    const std::uint64_t waiting = pool.count(index);
    const std::uint64_t full =
        std::min(share.together.max, kind.settings.max_running.value_or(share.together.max));
    if (waiting == 0)
        share.since = kNever;
    else if (share.since == kNever)
        share.since = now;
    const bool is_over = waiting > 0 && now - share.since >= share.together.wait;
    share.is_gathering = waiting < full && !is_over;
    pool.hold(index, share.is_gathering || kind.held);
    if (waiting > 0 && share.is_gathering) {
        gathered_at_ = std::min(gathered_at_, share.since + share.together.wait);
    }
}

// Gives one lane a batch of what waits in this share.
void Dispatcher::feed_together(Pool& pool, std::size_t index, Index lane_index, Instant now,
                               Outbox& out) {
    Share& share = pool.shares[index];
    gather(pool, index, now); // another pool may have taken what it counted on
    if (share.is_held) return;
    KindState& kind = *share.kind;
    const std::uint64_t room = std::min<std::uint64_t>(share.together.max, allowance(kind, now));
    rows_expected_ = std::min<std::size_t>(room, pool.count(index));
    const std::uint32_t call = roster_[lane_index].open_call();
    const std::vector<std::size_t> only = {index};
    const std::string* content_type = nullptr;
    std::size_t bytes = 0, given = 0;
    int charged = 0;
    while (given < room) {
        const Pool::Next next = pool.first_of(only, limits_.ageing);
        if (next.priority < 0) break; // nothing waits any more
        Line& line = pool.next_line(index, next.priority);
        const Record& r = records_[line.waiting.first(next.priority)];
        const bool alike = content_type == nullptr || r.terms->first.content_type == *content_type;
        if (!alike || bytes > kCallBytesMax) break; // a message has one type, and an end
        content_type = &r.terms->first.content_type;
        bytes += r.payload.size();
        if (given == 0) charged = next.priority;
        dispatch(take_next(line, next.priority), lane_index, now, out, call);
        ++given;
    }
    // It costs its workers one run, however many are in it.
    pool.charge(index, charged, 1, kind.run_us, kind.settings.weight.value_or(1));
    kind.pace.given(given, now, most_at_once(kind), pool.count(index) > 0);
    count_started(kind, given, now);
    gather(pool, index, now);
    roster_.rotate(lane_index);
}

// A share that the line's jobs gather in, if they do so wherever they may go.
const Share* Dispatcher::gathering(const Line& line, int priority) const {
    const Share* out = nullptr;
    for (const Line::Claim& claim : line.claims) {
        const Pool& pool = roster_.pool(claim.pool);
        if (priority < pool.min_priority) continue;
        out = &pool.shares[claim.share];
        if (!out->is_gathering) return nullptr;
    }
    return out;
}

// A suspect is a call of its own where its kind is taken together. 0: it is an ordinary job.
std::uint32_t Dispatcher::call_of_suspect(const KindState& kind, Index lane_index) {
    for (const Share& share : roster_.pool_of(roster_[lane_index]).shares) {
        if (share.kind == &kind && share.together.max > 0) return roster_[lane_index].open_call();
    }
    return 0;
}

} // namespace penstock::ventilator
