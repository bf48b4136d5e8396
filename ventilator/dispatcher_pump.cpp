// The dispatcher's pump: which job goes to which lane now, and what people are told about it.

#include "ventilator/dispatcher.hpp"

#include "protocol/check.hpp"
#include "protocol/near.hpp"

#include <algorithm>
#include <utility>

namespace penstock::ventilator {
namespace {

constexpr std::size_t kStoreRowsMax = 2048; // in one message to the sink
constexpr std::size_t kStoreBytesMax = 512u << 10;
constexpr std::size_t kBatchRowsMax = 1024; // in one message to a lane
constexpr std::size_t kBatchBytesMax = 1u << 20;
constexpr std::size_t kAgeLooksMax = 256;
constexpr std::size_t kChunk = 64; // jobs given to a lane before the next one's turn

// Since it was here and due, at least a microsecond: 0 would say that nobody knows.
std::uint64_t queued_us(const Record& record, Instant now) {
    const Duration queued = now - record.waits_since();
    return std::max<std::int64_t>(1, queued / std::chrono::microseconds(1));
}

} // namespace

void Dispatcher::pump(Instant now, Outbox& out) {
    ++pumps_;
    send_stores(out);
    limited_until_ = kNever;
    if (!sink_is_up_ || draining_) return;
    look_at_limits(now);
    gather(now);
    feed_suspects(now, out);
    fill_slots(now, out);
    fill_windows(now, out);
    gather(now);
    limited_until_ = std::min(gathered_at_, limits_wake_at());
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
        ask_ahead_of(r.number);
        told_ = std::max(told_, r.number + 1);
        if (r.stage == Stage::taking) {
            say_taken(r, out);
            store = nullptr;
            continue;
        }
        const bool fits = store != nullptr && terms == r.terms && bytes < kStoreBytesMax &&
                          store->rows.size() < kStoreRowsMax && store->again == r.again &&
                          store->first + store->rows.size() == r.number;
        if (!fits) {
            out.to_sink.emplace_back(Store{r.number, r.terms->first, {}});
            store = &std::get<Store>(out.to_sink.back());
            store->again = r.again;
            store->rows.reserve(std::min(kStoreRowsMax, unsent_.count + 1));
            terms = r.terms;
            bytes = 0;
        }
        Store::Row& row = store->rows.emplace_back();
        row.id = r.id;
        row.payload = r.payload.view();
        row.attempt = r.attempt;
        row.deaths = r.deaths;
        bytes += r.payload.size();
    }
    if (std::exchange(owes_holds_, false)) say_holds(out); // of what it has heard of
}

// Free slots come before prefetch, whoever has them. Pools of one rank take turns, one lane each, so
// that jobs are spread over all of them; those of the next rank have theirs when none before them
// has a slot for what waits.
void Dispatcher::fill_slots(Instant now, Outbox& out) {
    for (bool moved = true; moved;) {
        moved = false;
        const Pool* fed = nullptr;
        for (const Index index : roster_.pools()) {
            Pool& pool = roster_.pool(index);
            if (fed != nullptr && fed->rank() != pool.rank()) break;
            if (pool.idle.empty() || pool.occupied() == 0) continue;
            pool.look_at_ages(now, limits_.ageing);
            const int priority = pool.top_priority(limits_.ageing);
            feed(pool, pool.first(priority), priority, pool.idle.first, now, out);
            fed = &pool;
            moved = true;
        }
    }
}

// What waits now finds no free slot. Jobs that are short beside their way go to lanes ahead of
// need.
void Dispatcher::fill_windows(Instant now, Outbox& out) {
    for (const Index index : roster_.pools()) {
        Pool& pool = roster_.pool(index);
        if (pool.busy.empty() || pool.occupied() == 0) continue;
        short_kinds_.clear();
        for (std::size_t i = 0; i < pool.shares.size(); ++i) {
            const Share& share = pool.shares[i];
            const bool is_short = share.kind->prefetch(1) > 0 && share.together.max == 0;
            if (!share.is_held && is_short) short_kinds_.push_back(i);
        }
        pool.look_at_ages(now, limits_.ageing);
        while (!short_kinds_.empty()) {
            const auto [at, priority] = pool.first_of(short_kinds_, limits_.ageing);
            if (priority < 0) break; // they have nothing waiting
            const std::size_t share = short_kinds_[at];
            const Index lane = roster_.find_prefetch(pool, *pool.shares[share].kind);
            if (lane == kNoIndex)
                short_kinds_.erase(short_kinds_.begin() + static_cast<std::ptrdiff_t>(at));
            else
                feed(pool, share, priority, lane, now, out);
        }
    }
}

// Gives one lane its turn.
void Dispatcher::feed(Pool& pool, std::size_t share, int priority, Index lane_index, Instant now,
                      Outbox& out) {
    if (pool.shares[share].together.max > 0) return feed_together(pool, share, lane_index, now, out);
    Line& line = pool.next_line(share, priority);
    KindState& kind = *line.kind;
    const LaneState& lane = roster_[lane_index];
    const bool has_slot = lane.standing == Standing::idle;
    const std::uint32_t grain = kind.grain(lane.slots);
    const std::uint32_t window =
        has_slot ? std::max(lane.slots, grain) : lane.slots + kind.prefetch(lane.slots);
    const std::size_t rivals =
        std::max<std::size_t>(has_slot ? roster_.count_idle(line, priority) : pool.busy.count, 1);
    const std::size_t spread = (line.waiting.count(priority) + rivals - 1) / rivals;
    const std::size_t together = std::max<std::size_t>(spread, grain);
    std::size_t room = std::min<std::size_t>({window - lane.used(), kChunk, together});
    // Beside others of its priority a kind gets a millisecond's worth, then it is their turn.
    if (pool.rivals(priority) > 1) room = std::min<std::size_t>(room, kind.turn());
    room = std::min<std::size_t>(room, allowance(kind, now));
    rows_expected_ = std::min<std::size_t>(room, line.waiting.count(priority));
    std::size_t given = 0;
    while (given < room && line.waiting.has(priority) && lane.standing != Standing::none) {
        dispatch(take_next(line, priority), lane_index, now, out, 0);
        ++given;
    }
    pool.charge(share, priority, given, kind.run_us, kind.settings.weight.value_or(1));
    kind.pace.given(given, now, most_at_once(kind), line.waiting.count() > 0);
    count_started(kind, given, now);
    roster_.rotate(lane_index);
}

// A job that a worker died with runs alone on an otherwise empty worker, so that if it kills again
// nobody else is hurt and nobody else is blamed.
void Dispatcher::feed_suspects(Instant now, Outbox& out) {
    std::size_t kept = 0;
    for (Line* line : suspect_lines_) {
        while (!line->kind->held && !line->suspects.empty() && feed_suspect(*line, now, out)) {
        }
        line->has_suspects = !line->suspects.empty();
        if (!line->has_suspects && line->reserved != 0) { // it was cancelled meanwhile
            const Index lane = roster_.find(std::exchange(line->reserved, 0));
            roster_[lane].reserved = false;
            roster_.place(lane);
        }
        if (line->has_suspects)
            suspect_lines_[kept++] = line;
        else
            drop_line_if_spare(*line);
    }
    suspect_lines_.resize(kept);
}

// False: it has to wait for a worker.
bool Dispatcher::feed_suspect(Line& line, Instant now, Outbox& out) {
    const Index index = line.suspects.first;
    const int priority = records_[index].terms->first.priority;
    Index lane = kNoIndex;
    if (line.reserved != 0) {
        lane = roster_.find(line.reserved);
        PENSTOCK_CHECK(lane != kNoIndex);
        if (roster_[lane].outstanding > 0) return false; // still emptying
        roster_[lane].reserved = false;
        line.reserved = 0;
        roster_.place(lane);
        const bool takes = roster_[lane].standing == Standing::idle; // not silent or leaving by now
        if (!takes || roster_.pool_of(roster_[lane]).min_priority > priority) return true;
    } else {
        lane = roster_.find_empty(line, priority);
    }
    if (lane == kNoIndex) {
        lane = roster_.find_room(line, priority);
        if (lane == kNoIndex) return false;
        roster_[lane].reserved = true;
        line.reserved = roster_[lane].id;
        roster_.place(lane);
        return false;
    }
    dequeue(index);
    rows_expected_ = 1;
    dispatch(index, lane, now, out, call_of_suspect(*line.kind, lane));
    count_started(*line.kind, 1, now);
    roster_[lane].alone = true;
    roster_.place(lane);
    return true;
}

void Dispatcher::dispatch(Index index, Index lane_index, Instant now, Outbox& out,
                          std::uint32_t call) {
    Record& r = records_[index];
    LaneState& lane = roster_[lane_index];
    PENSTOCK_CHECK(lane.used() < lane.slots + kPrefetchMax);
    r.stage = Stage::out;
    r.lane = lane_index;
    r.ahead = call == 0 ? lane.outstanding : 0;
    r.call = call;
    lane.enter_call(call);
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
        const bool joins = call == 0 ? alike && fits : true;
        if (lane.batch_call != call || !joins) batch = nullptr;
    }
    if (batch == nullptr) {
        lane.batch_of_pump = pumps_;
        lane.batch_at = out.to_lanes.size();
        lane.batch_bytes = 0;
        lane.batch_call = call;
        out.to_lanes.push_back(
            {lane.id, lane.batches, JobBatch{epoch_, terms.kind, timeout, terms.content_type, {}}});
        batch = &std::get<JobBatch>(out.to_lanes.back().message);
        batch->queued_us = queued;
        if (lane.batches) batch->settled = std::exchange(lane.settled_rows, {});
        if (lane.batches) {
            batch->rows.reserve(std::min(kBatchRowsMax, rows_expected_));
        }
    }
    batch->together = call > 0;
    batch->timeout = std::min(batch->timeout, timeout);
    lane.batch_bytes += r.payload.size();
    // Filled where it stands: a row that is made and then moved waits for its own stores.
    JobRow& row = batch->rows.emplace_back();
    row.number = r.number;
    row.id = r.id;
    row.attempt = r.attempt;
    row.payload = r.payload.view();
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
        std::uint32_t beyond = 0;
        const Pool& pool = roster_.pool_of(lane);
        for (const Share& share : pool.shares) {
            view.kinds.push_back(share.kind->name);
            const std::uint32_t mates = share.together.max > 0 ? share.together.max - 1 : 0;
            const std::uint32_t ahead = mates > 0 ? 0 : share.kind->prefetch(lane.slots);
            beyond = std::max({beyond, ahead, lane.slots * mates});
        }
        view.min_priority = pool.min_priority;
        view.labels = lane.labels;
        view.slots = lane.slots;
        view.window = lane.slots + beyond;
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

// Of those that go next in their queues: they are the oldest, or near it. Of many queues, some.
double Dispatcher::oldest_age(const KindState& kind, Instant now) const {
    Instant oldest = now;
    std::size_t looks = 0; // everybody asks for this every second
    const auto look = [&](Index job) {
        oldest = std::min(oldest, records_[job].waits_since());
        return ++looks < kAgeLooksMax;
    };
    for (const auto& [needs, line] : kind.lines) {
        if (!line->waiting.for_each_first(look)) break;
        for (Index at = line->suspects.first; at != kNoIndex; at = links_.next(at)) {
            if (!look(at)) break;
        }
    }
    return seconds(now - oldest);
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
        view.oldest_age_seconds = oldest_age(*kind, now);
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
