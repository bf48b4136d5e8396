#pragma once
// The workers: their lanes, their credit, and which lane has room for a kind. No decisions about
// jobs are made here.

#include "tables/slab.hpp"
#include "ventilator/records.hpp"

#include <map>
#include <memory>
#include <string_view>
#include <unordered_map>

namespace penstock::ventilator {

// Full, whatever its window: a worker should not hold more of other people's memory.
constexpr std::size_t kLaneBytesMax = 64u << 20;

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
    Instant ghosts_moved{};         // when one last came or went
    List flights;                   // records that are out on it, in the order they were sent
    std::vector<JobNumber> running; // as its last heartbeat said
    std::vector<std::string> labels;
    Instant joined{}, heard{}, sent{};
    double cpu_seconds = 0;
    std::uint64_t rss_bytes = 0;
    bool is_up = false;
    bool batches = false;    // takes rows
    bool heartbeats = false; // an SDK worker
    bool draining = false;
    bool silent = false;
    bool reserved = false; // being emptied for a suspect
    bool alone = false;    // running one
    Standing standing = Standing::none;
    std::uint64_t batch_of_pump = 0; // the pump that batch_at is of
    std::size_t batch_at = 0, batch_bytes = 0;
};

struct Pool { // lanes with the same set of kinds
    std::vector<KindState*> kinds;
    List idle, busy;
    std::uint32_t lanes = 0;
};

class Roster {
public:
    // REQUIRES: `kinds` is sorted and not empty.
    LaneState& open(LaneId id, std::string worker, const std::vector<KindState*>& kinds);
    void close(LaneId id); // REQUIRES: no flights

    [[nodiscard]] Index find(LaneId id) const;
    [[nodiscard]] Index find_worker(std::string_view worker) const;

    LaneState& operator[](Index lane) { return lanes_[lane]; }

    const LaneState& operator[](Index lane) const { return lanes_[lane]; }

    Pool& pool(Index index) { return pools_[index]; }

    [[nodiscard]] const Pool& pool_of(const LaneState& lane) const { return pools_[lane.pool]; }

    // Puts the lane into the list that it belongs to now. To be called whenever its state changed.
    void place(Index lane);
    // The same, when a lane has less outstanding than before: it is looked at first for prefetch.
    void ease(Index lane);
    // It had its turn: the other lanes with a free slot come first now.
    void rotate(Index lane);
    // A lane with a free slot; else one where the outstanding jobs leave room for prefetch.
    [[nodiscard]] Index find_idle(const KindState& kind) const;
    [[nodiscard]] Index find_prefetch(const KindState& kind);
    // A lane that holds nothing and could take a job of this kind.
    [[nodiscard]] Index find_empty(const KindState& kind) const;

    template <class Each>
    void for_each(Each each) {
        for (const auto& [id, index] : by_id_) each(index);
    }

    [[nodiscard]] std::size_t size() const { return by_id_.size(); }

private:
    Slab<LaneState> lanes_;
    Links standings_; // idle and busy lists of all pools
    std::vector<Pool> pools_;
    std::map<std::vector<KindState*>, Index> pool_by_kinds_;
    std::map<LaneId, Index> by_id_; // ordered, so that every run of a seed is the same
    std::unordered_map<std::string, Index> by_worker_;
};

} // namespace penstock::ventilator
