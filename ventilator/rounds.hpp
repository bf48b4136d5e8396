#pragma once
// The waiting jobs of one tenant, of one line and one priority. Its requests take turns: in every
// round each request has one turn of a few jobs, so that a single job that comes behind a bulk of a
// thousand waits for one turn of the bulk and not for all of it.
//
// Everything costs the same however many wait, except `before`, which adds up one number for every
// 64 rounds between: 1,000,000 rounds are 16,000 additions.

#include "tables/slab.hpp"

#include <array>
#include <cstdint>
#include <memory>
#include <vector>

namespace penstock::ventilator {

struct Place {                                  // of a waiting job
    Index previous = kNoIndex, next = kNoIndex; // in its round
    std::uint32_t round = 0;
    std::uint32_t order = 0; // in its round; a job that left the middle leaves a gap
};

static_assert(sizeof(Place) == 16);

// Of all waiting jobs, by the index of their records.
class Places {
public:
    Place& operator[](Index job) {
        if (job >= places_.size()) places_.resize(std::size_t{job} * 2 + 64);
        return places_[job];
    }

    const Place& at(Index job) const { return places_[job]; }

    void prefetch(Index job) const {
        if (job < places_.size()) __builtin_prefetch(&places_[job]);
    }

private:
    std::vector<Place> places_;
};

class Rounds {
public:
    // `member` of a request: 0 when the job is alone, else its number in the request, from 1. Jobs
    // of a request come in order; other requests' may come between. `turn` jobs go in one turn.
    void push(Places& places, Index job, std::uint32_t member, std::uint32_t turn);
    void push_first(Places& places, Index job); // before all others
    void remove(Places& places, Index job);     // REQUIRES: it is here
    Index take(Places& places);                 // the first. REQUIRES: not empty

    [[nodiscard]] Index first() const { return round(at_).first; } // REQUIRES: not empty

    [[nodiscard]] std::uint32_t count() const { return count_; }

    // How many go before it. Jobs of its own round that were taken out before it still count.
    [[nodiscard]] std::uint64_t before(const Places& places, Index job) const;

private:
    struct Round {
        Index first = kNoIndex, last = kNoIndex;
        std::uint32_t count = 0;
        std::uint32_t next_order = 0;
    };

    static constexpr std::uint32_t kBlock = 64;
    using Block = std::array<Round, kBlock>;

    struct Tail {                 // where a request that is still coming in has got to
        std::uint32_t member = 0; // the next one
        std::uint32_t round = 0;
        std::uint32_t used = 0; // of its turn in that round
    };

    // Rounds are counted from base_, wherever that is: numbers may wrap around.
    [[nodiscard]] Round& round(std::uint32_t at) {
        return (*blocks_[gone_ + at / kBlock])[at % kBlock];
    }

    [[nodiscard]] const Round& round(std::uint32_t at) const {
        return (*blocks_[gone_ + at / kBlock])[at % kBlock];
    }

    [[nodiscard]] std::uint32_t open_round() const { return base_ + at_ + (begun_ ? 1 : 0); }

    std::uint32_t round_of(std::uint32_t member, std::uint32_t turn);
    Round& reach(std::uint32_t at);
    void advance();

    std::vector<std::unique_ptr<Block>> blocks_; // null: holds no job
    std::vector<std::uint32_t> counts_;          // of jobs in each block
    std::unique_ptr<Block> spare_;
    std::size_t gone_ = 0;   // blocks that are used up
    std::uint32_t base_ = 0; // the number of the first round of block gone_
    std::uint32_t at_ = 0;   // the round that is being served, from base_; always in block gone_
    std::uint32_t count_ = 0;
    bool begun_ = false;          // somebody of it was served: who comes now is in the next one
    std::array<Tail, 4> tails_{}; // the one used last first
};

} // namespace penstock::ventilator
