#pragma once
// From hashes to slab indices: open addressing with linear probing. The caller knows the keys; the
// table asks it whether an index is the one that is looked for.

#include "tables/slab.hpp"

#include <cstdint>
#include <vector>

namespace penstock {

class HashIndex {
public:
    // Asks for the memory that a find or an insert of this hash will touch. In a table of a million
    // places every one is a cache miss: asked for row by row before the work, they overlap.
    void prefetch(std::uint64_t hash) const {
        if (!places_.empty()) __builtin_prefetch(&places_[home(hash)]);
    }
    // What find will ask about first, most likely: so that its record can be asked for too.
    [[nodiscard]] Index likely(std::uint64_t hash) const {
        if (places_.empty()) return kNoIndex;
        const Place& place = places_[home(hash)];
        return place.hash == low(hash) ? place.index : kNoIndex;
    }
    // `is_it(index)` says whether that record has the key.
    template <class IsIt>
    [[nodiscard]] Index find(std::uint64_t hash, IsIt is_it) const {
        if (places_.empty()) return kNoIndex;
        for (std::size_t at = home(hash);; at = (at + 1) & mask()) {
            const Place& place = places_[at];
            if (place.index == kNoIndex) return kNoIndex;
            if (place.hash == low(hash) && is_it(place.index)) return place.index;
        }
    }

    // REQUIRES: the key is not there yet.
    void insert(std::uint64_t hash, Index index) {
        if ((used_ + 1) * 3 > places_.size() * 2) grow();
        put(low(hash), index);
        ++used_;
    }

    // REQUIRES: that pair is there.
    void erase(std::uint64_t hash, Index index) {
        std::size_t at = home(hash);
        while (places_[at].index != index) {
            PENSTOCK_CHECK(places_[at].index != kNoIndex);
            at = (at + 1) & mask();
        }
        // Move the ones behind it up, as far as each may go, so that no probe ends too early.
        std::size_t hole = at;
        for (std::size_t next = (hole + 1) & mask(); places_[next].index != kNoIndex;
             next = (next + 1) & mask()) {
            const std::size_t wish = home(places_[next].hash);
            const bool may_move = ((next - wish) & mask()) >= ((next - hole) & mask());
            if (!may_move) continue;
            places_[hole] = places_[next];
            hole = next;
        }
        places_[hole] = Place();
        --used_;
    }

    [[nodiscard]] std::size_t used() const { return used_; }

private:
    struct Place { // eight to a cache line
        std::uint32_t hash = 0;
        Index index = kNoIndex;
    };

    [[nodiscard]] std::size_t mask() const { return places_.size() - 1; }

    [[nodiscard]] std::size_t home(std::uint64_t hash) const { return low(hash) & mask(); }

    // Half of the hash is kept: enough to find a home by, and to be wrong about a key only once in
    // four thousand million times.
    static std::uint32_t low(std::uint64_t hash) { return static_cast<std::uint32_t>(hash); }

    void put(std::uint32_t hash, Index index) {
        std::size_t at = home(hash);
        while (places_[at].index != kNoIndex) at = (at + 1) & mask();
        places_[at] = {hash, index};
    }

    void grow() {
        std::vector<Place> old(places_.empty() ? kFirst : places_.size() * 2);
        old.swap(places_);
        for (const Place& place : old) {
            if (place.index != kNoIndex) put(place.hash, place.index);
        }
    }

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    static constexpr std::size_t kFirst = 8; // made in no time, and outgrown often
#else
    static constexpr std::size_t kFirst = 1024;
#endif

    std::vector<Place> places_; // a power of two of them
    std::size_t used_ = 0;
};

} // namespace penstock
