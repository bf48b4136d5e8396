#pragma once
// The workers: their lanes, their credit, and which lane has room for a line. No decisions about
// jobs are made here.

#include "tables/slab.hpp"
#include "ventilator/pool.hpp"
#include "ventilator/records.hpp"

#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace penstock::ventilator {

// Which list of its pool a lane stands in.
enum class Standing : std::uint8_t {
    none, // takes nothing: not up, full, silent, draining, or kept for a suspect
    idle, // a slot is free
    busy, // all slots are taken; it may have room for prefetch
};

struct LaneState {
    LaneId id = 0;
    std::string worker;
    Index pool = kNoIndex;
    std::uint32_t slots = 1;
    std::uint32_t outstanding = 0; // sent and not returned, ghosts included: never above the window
    std::size_t bytes = 0;         // of their payloads
    std::uint64_t settled = 0;
    std::uint32_t ghosts = 0;       // of the outstanding: attempts whose jobs have moved on
    std::uint32_t mates = 0;        // of the outstanding: those beyond the first of each call
    std::vector<std::uint32_t> calls; // of several jobs: how many have no result yet, 0 = free
    List flights;                   // records that are out on it, in the order they were sent
    std::vector<JobNumber> running; // as its last heartbeat said
    std::vector<std::string> labels;
    Instant joined{}, heard{}, sent{};
    double cpu_seconds = 0;
    std::uint64_t rss_bytes = 0;
    bool is_up = false;
    bool batches = false;    // takes rows
    bool heartbeats = false; // an SDK worker
    bool outbox = false;     // it is told what is settled:
    std::vector<Range> settled_rows; // these, with the next message
    bool draining = false;
    bool silent = false;
    bool reserved = false; // being emptied for a suspect
    bool alone = false;    // running one
    Standing standing = Standing::none;
    bool is_able = false; // up, and neither silent nor leaving
    std::uint64_t batch_of_pump = 0; // the pump that batch_at is of
    std::size_t batch_at = 0, batch_bytes = 0;
    std::uint32_t batch_call = 0; // that its jobs are; 0: each is one of its own

    // Slots that are taken, and jobs sent ahead. A call of several jobs takes one.
    [[nodiscard]] std::uint32_t used() const { return outstanding - mates; }

    // A call without jobs. It has to be given one at once.
    [[nodiscard]] std::uint32_t open_call();
    // To be said for every job that begins or ends to count as outstanding.
    void enter_call(std::uint32_t call) {
        if (call > 0 && calls[call - 1]++ > 0) ++mates;
    }
    void leave_call(std::uint32_t call) {
        if (call > 0 && --calls[call - 1] > 0) --mates;
    }
};

// What workers have to have in common to take the same jobs.
struct PoolKey {
    std::vector<KindState*> kinds;   // sorted by name, each once
    std::vector<Together> together;  // of each of them
    std::vector<std::string> labels; // sorted, each once
    int min_priority = 0;
    auto operator<=>(const PoolKey&) const = default;
};

class Roster {
public:
    // A lane with so much on it is full, whatever its window: a worker should not hold more of other
    // people's memory.
    explicit Roster(std::size_t lane_bytes_max) : lane_bytes_max_(lane_bytes_max) {}

    // REQUIRES: `kinds` is sorted and not empty.
    LaneState& open(LaneId id, std::string worker, std::uint32_t slots, const PoolKey& key);
    void close(LaneId id); // REQUIRES: no flights

    [[nodiscard]] Index find(LaneId id) const;
    [[nodiscard]] Index find_worker(std::string_view worker) const;

    LaneState& operator[](Index lane) { return lanes_[lane]; }

    const LaneState& operator[](Index lane) const { return lanes_[lane]; }

    Pool& pool(Index index) { return pools_[index]; }

    [[nodiscard]] const Pool& pool(Index index) const { return pools_[index]; }

    [[nodiscard]] const Pool& pool_of(const LaneState& lane) const { return pools_[lane.pool]; }

    // Those that take the fewest sorts of jobs first, so that what others could do stays for them.
    [[nodiscard]] const std::vector<Index>& pools() const { return order_; }

    // A line claims the pools whose workers have what it needs; pools that come later, too.
    void add_line(Line& line);
    void drop_line(Line& line); // REQUIRES: nothing waits there
    // To be called when a priority of the line got its first job, or lost its last.
    void begin(const Line& line, int priority);
    void end(const Line& line, int priority);
    // A held kind gets no lane, whatever waits, until it is let go. (Suspects are asked about by
    // whoever feeds them.)
    void hold(KindState& kind, bool is_held);

    // Puts the lane into the list that it belongs to now. To be called whenever its state changed.
    void place(Index lane);
    // The same, when a lane has less outstanding than before: it is looked at first for prefetch.
    void ease(Index lane);
    // It had its turn: the other lanes with a free slot come first now.
    void rotate(Index lane);
    // A lane of the pool where the outstanding jobs leave room for prefetch.
    [[nodiscard]] Index find_prefetch(Pool& pool, const KindState& kind);
    // For a job of this line and priority: a lane that holds nothing; one with a free slot, else
    // with room for prefetch.
    [[nodiscard]] Index find_empty(const Line& line, int priority) const;
    [[nodiscard]] Index find_room(const Line& line, int priority);
    // Lanes with a free slot for it. Looks at a few pools and no more.
    [[nodiscard]] std::size_t count_idle(const Line& line, int priority) const;

    template <class Each>
    void for_each(Each each) {
        for (const auto& [id, index] : by_id_) each(index);
    }

    [[nodiscard]] std::size_t size() const { return by_id_.size(); }

private:
    Index make_pool(const PoolKey& key);
    void drop_pool(Index pool);
    void claim(Line& line, Index pool, std::size_t share);

    const std::size_t lane_bytes_max_;
    Slab<LaneState> lanes_;
    Links standings_; // idle and busy lists of all pools
    Slab<Pool> pools_;
    std::map<PoolKey, Index> pool_by_key_;
    std::vector<Index> order_;      // of pools
    std::map<LaneId, Index> by_id_; // ordered, so that every run of a seed is the same
    std::unordered_map<std::string, Index> by_worker_;
};

} // namespace penstock::ventilator
