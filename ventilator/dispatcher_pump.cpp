// The dispatcher's pump: which job goes to which lane now, and what people are told about it.

#include "ventilator/dispatcher.hpp"

#include "protocol/check.hpp"
#include "protocol/near.hpp"

#include <algorithm>

namespace penstock::ventilator {
namespace {

constexpr std::size_t kStoreRowsMax = 512; // in one message to the sink
constexpr std::size_t kStoreBytesMax = 512u << 10;
constexpr std::size_t kBatchRowsMax = 256; // in one message to a lane
constexpr std::size_t kBatchBytesMax = 1u << 20;
constexpr std::size_t kChunk = 64;         // jobs given to a lane before the next one's turn

// Since it was here and due, at least a microsecond: 0 would say that nobody knows.
std::uint64_t queued_us(const Record& record, Instant now) {
    const Duration queued = now - std::max(record.arrived, record.due);
    return std::max<std::int64_t>(1, queued / std::chrono::microseconds(1));
}

} // namespace

void Dispatcher::pump(Instant now, Outbox& out) {
    ++pumps_;
    send_stores(out);
    if (!sink_is_up_ || draining_) return;
    feed_suspects(now, out);
    while (KindState* kind = next_kind()) {
        if (!feed(*kind, now, out)) kind->blocked = true;
    }
    std::size_t kept = 0;
    for (KindState* kind : active_) {
        kind->blocked = false;
        kind->active = kind->queued > 0;
        if (kind->active) active_[kept++] = kind;
    }
    active_.resize(kept);
}

// In the order of their numbers. Neighbours with equal terms share a message.
void Dispatcher::send_stores(Outbox& out) {
    if (!sink_is_up_) return;
    const std::pair<const Terms, TermsTable::Entry>* terms = nullptr;
    std::size_t bytes = 0;
    Store* store = nullptr;
    while (!unsent_.empty()) {
        const Index index = links_.pop_front(unsent_);
        const Record& r = records_[index];
        if (r.stage == Stage::taking) {
            say_taken(r, out);
            store = nullptr;
            continue;
        }
        const bool fits = store != nullptr && terms == r.terms && bytes < kStoreBytesMax &&
                          store->rows.size() < kStoreRowsMax &&
                          store->first + store->rows.size() == r.number;
        if (!fits) {
            out.to_sink.emplace_back(Store{r.number, r.terms->first, {}});
            store = &std::get<Store>(out.to_sink.back());
            store->rows.reserve(std::min(kStoreRowsMax, unsent_.count + 1));
            terms = r.terms;
            bytes = 0;
        }
        store->rows.push_back({r.id, r.payload.view(), r.attempt, r.deaths});
        bytes += r.payload.size();
    }
}

// The kind with the most urgent job among those that have one and may find a lane for it.
KindState* Dispatcher::next_kind() {
    KindState* best = nullptr;
    JobNumber best_number = 0;
    for (KindState* kind : active_) {
        if (kind->blocked || kind->occupied == 0) continue;
        const int priority = kind->top_priority();
        const List& queue = kind->queue[static_cast<std::size_t>(priority)];
        const JobNumber number = records_[queue.first].number;
        const bool better = best == nullptr || priority > best->top_priority() ||
                            (priority == best->top_priority() && number < best_number);
        if (!better) continue;
        best = kind;
        best_number = number;
    }
    return best;
}

// Gives one lane its turn. Free slots come before prefetch, whoever has them.
bool Dispatcher::feed(KindState& kind, Instant now, Outbox& out) {
    Index lane_index = roster_.find_idle(kind);
    const bool has_slot = lane_index != kNoIndex;
    if (!has_slot) lane_index = roster_.find_prefetch(kind);
    if (lane_index == kNoIndex) return false;
    const LaneState& lane = roster_[lane_index];
    const std::uint32_t grain = kind.grain(lane.slots);
    const std::uint32_t window =
        has_slot ? std::max(lane.slots, grain) : lane.slots + kind.prefetch(lane.slots);
    const List& queue = kind.queue[static_cast<std::size_t>(kind.top_priority())];
    const Pool& pool = roster_.pool_of(lane);
    const std::size_t rivals = has_slot ? pool.idle.count : pool.busy.count;
    const std::size_t share = (queue.count + rivals - 1) / std::max<std::size_t>(rivals, 1);
    const std::size_t together = std::max<std::size_t>(share, grain);
    std::size_t room = std::min<std::size_t>({window - lane.outstanding, kChunk, together});
    while (room-- > 0 && !queue.empty() && lane.standing != Standing::none) {
        const Index index = queue.first;
        dequeue(index);
        dispatch(index, lane_index, now, out);
    }
    roster_.rotate(lane_index);
    return true;
}

// A job that a worker died with runs alone on an otherwise empty worker, so that if it kills again
// nobody else is hurt and nobody else is blamed.
void Dispatcher::feed_suspects(Instant now, Outbox& out) {
    for (KindState* kind : active_) {
        while (!kind->suspects.empty()) {
            Index lane = kNoIndex;
            if (kind->reserved != 0) {
                lane = roster_.find(kind->reserved);
                PENSTOCK_CHECK(lane != kNoIndex);
                if (roster_[lane].outstanding > 0) break; // still emptying
                roster_[lane].reserved = false;
                kind->reserved = 0;
                roster_.place(lane);
                if (roster_[lane].standing != Standing::idle) continue; // silent or leaving by now
            } else {
                lane = roster_.find_empty(*kind);
            }
            if (lane == kNoIndex) {
                lane = roster_.find_idle(*kind);
                if (lane == kNoIndex) lane = roster_.find_prefetch(*kind);
                if (lane == kNoIndex) break;
                roster_[lane].reserved = true;
                kind->reserved = roster_[lane].id;
                roster_.place(lane);
                break;
            }
            const Index index = kind->suspects.first;
            dequeue(index);
            dispatch(index, lane, now, out);
            roster_[lane].alone = true;
            roster_.place(lane);
        }
    }
}

void Dispatcher::dispatch(Index index, Index lane_index, Instant now, Outbox& out) {
    Record& r = records_[index];
    LaneState& lane = roster_[lane_index];
    PENSTOCK_CHECK(lane.outstanding < lane.slots + kPrefetchMax);
    r.stage = Stage::out;
    r.lane = lane_index;
    r.ahead = lane.outstanding;
    r.dispatched = now;
    ++r.attempt;
    ++r.kind->dispatched;
    ++r.kind->running;
    ++running_;
    links_.push_back(lane.flights, index);
    ++lane.outstanding;
    lane.bytes += r.payload.size();
    lane.sent = now;
    roster_.place(lane_index);
    // An attempt's timeout is armed when the attempt grows old: most end before that.
    const Terms& terms = r.terms->first;
    const Duration timeout = r.kind->timeout(terms);
    if (timeout > limits_.started_after)
        disarm(r, index);
    else
        arm(index);
    handed_.push_back({r.number, r.attempt, now});

    const std::uint64_t queued = queued_us(r, now);
    JobBatch* batch = nullptr;
    if (lane.batch_of_pump == pumps_) {
        batch = &std::get<JobBatch>(out.to_lanes[lane.batch_at].message);
        const bool alike = batch->kind == terms.kind && batch->timeout == timeout &&
                           batch->content_type == terms.content_type &&
                           is_near(queued, batch->queued_us);
        const bool fits = batch->rows.size() < kBatchRowsMax &&
                          lane.batch_bytes + r.payload.size() <= kBatchBytesMax;
        if (!alike || !fits) batch = nullptr;
    }
    if (batch == nullptr) {
        lane.batch_of_pump = pumps_;
        lane.batch_at = out.to_lanes.size();
        lane.batch_bytes = 0;
        out.to_lanes.push_back(
            {lane.id, lane.batches,
             JobBatch{epoch_, terms.kind, timeout, terms.content_type, {}}});
        batch = &std::get<JobBatch>(out.to_lanes.back().message);
        batch->queued_us = queued;
        if (lane.batches) {
            batch->rows.reserve(std::min<std::size_t>(kBatchRowsMax, r.kind->queued + 1));
        }
    }
    lane.batch_bytes += r.payload.size();
    batch->rows.push_back({r.number, r.id, r.attempt, r.payload.view()});
}

// ---- what people are told -----------------------------------------------------------------

penstock::Room Dispatcher::room() const {
    penstock::Room room;
    room.serving = sink_is_up_ && !draining_ && epoch_ != 0;
    if (draining_)
        room.why = "draining";
    else if (!room.serving)
        room.why = "the sink is not there yet";
    room.jobs_free = limits_.jobs_max - std::min<std::uint64_t>(limits_.jobs_max, records_.used());
    room.bytes_free = limits_.bytes_max - std::min(limits_.bytes_max, bytes_);
    room.takes_any_kind = known_kinds_ == 0;
    for (const auto& [name, kind] : kinds_) {
        if (kind->known) room.kinds.push_back(name);
    }
    return room;
}

Workers Dispatcher::workers(Instant now) {
    Workers out;
    roster_.for_each([&](Index index) {
        const LaneState& lane = roster_[index];
        if (!lane.is_up) return;
        WorkerView view;
        view.worker = lane.worker;
        std::uint32_t prefetch = 0;
        for (const KindState* kind : roster_.pool_of(lane).kinds) {
            view.kinds.push_back(kind->name);
            prefetch = std::max(prefetch, kind->prefetch(lane.slots));
        }
        view.labels = lane.labels;
        view.slots = lane.slots;
        view.window = lane.slots + prefetch;
        view.outstanding = lane.outstanding;
        view.settled = lane.settled;
        view.heartbeats = lane.heartbeats;
        view.draining = lane.draining;
        view.silent = lane.silent;
        view.joined_seconds_ago = seconds(now - lane.joined);
        view.cpu_seconds = lane.cpu_seconds;
        view.rss_bytes = lane.rss_bytes;
        out.workers.push_back(std::move(view));
    });
    return out;
}

DispatchStats Dispatcher::stats(Instant now) const {
    DispatchStats out;
    out.open_jobs = records_.used();
    out.open_bytes = bytes_;
    out.malformed = malformed_;
    out.duplicates = duplicates_;
    out.workers = static_cast<std::uint32_t>(roster_.size());
    for (const auto& [name, kind] : kinds_) {
        DispatchKind view;
        view.kind = name;
        view.queued = kind->queued;
        view.delayed = kind->delayed;
        view.running = kind->running;
        for (const List& queue : kind->queue) {
            if (queue.empty()) continue;
            const double age = seconds(now - records_[queue.first].arrived);
            view.oldest_age_seconds = std::max(view.oldest_age_seconds, age);
        }
        view.submitted = kind->submitted;
        view.refused = kind->refused;
        view.dispatched = kind->dispatched;
        view.redelivered = kind->redelivered;
        view.retried = kind->retried;
        view.workers = kind->workers;
        view.settings = kind->settings;
        out.kinds.push_back(std::move(view));
    }
    return out;
}

} // namespace penstock::ventilator
