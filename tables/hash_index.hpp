#pragma once
// From hashes to slab indices: open addressing by buckets of a cache line. The caller knows the keys;
// the table asks it whether an index is the one that is looked for.
//
// All hashes of a bucket are compared at once. Walking places one by one, as linear probing does, ends
// after another number of steps for each key: the CPU guesses wrong once a look (18 and 30 ns for a find
// and an erase among a million; these take 11 and 11).

#include "tables/slab.hpp"

#include <bit>
#include <cstdint>
#include <cstring>
#include <vector>

namespace penstock {

class HashIndex {
public:
    // Asks for the memory that a find or an insert of this hash will touch. In a table of a million
    // places every one is a cache miss: asked for row by row before the work, they overlap.
    void prefetch(std::uint64_t hash) const {
        if (!buckets_.empty()) __builtin_prefetch(&buckets_[home(kept(hash))]);
    }
    // What find will ask about first, most likely: so that its record can be asked for too.
    [[nodiscard]] Index likely(std::uint64_t hash) const {
        if (buckets_.empty()) return kNoIndex;
        const Bucket& bucket = buckets_[home(kept(hash))];
        const Places found = places_of(kept(hash), bucket);
        return found == 0 ? kNoIndex : bucket.indices[first(found)];
    }
    // `is_it(index)` says whether that record has the key.
    template <class IsIt>
    [[nodiscard]] Index find(std::uint64_t hash, IsIt is_it) const {
        if (buckets_.empty()) return kNoIndex;
        const std::size_t begin = home(kept(hash));
        for (std::size_t at = begin;;) {
            const Bucket& bucket = buckets_[at];
            for (Places found = places_of(kept(hash), bucket); found != 0; found &= found - 1) {
                const Index index = bucket.indices[first(found)];
                if (is_it(index)) return index;
            }
            at = after(at);
            if (bucket.passed == 0 || at == begin) return kNoIndex; // each may have been passed once
        }
    }

    // REQUIRES: the key is not there yet.
    void insert(std::uint64_t hash, Index index) {
        if ((used_ + 1) * 4 > buckets_.size() * kPlaces * 3) grow();
        put(kept(hash), index);
        ++used_;
    }

    // REQUIRES: that pair is there.
    void erase(std::uint64_t hash, Index index) {
        for (std::size_t at = home(kept(hash));; at = after(at)) {
            Bucket& bucket = buckets_[at];
            for (Places found = places_of(kept(hash), bucket); found != 0; found &= found - 1) {
                if (bucket.indices[first(found)] != index) continue;
                bucket.hashes[first(found)] = kFree;
                --used_;
                for (std::size_t i = home(kept(hash)); i != at; i = after(i)) --buckets_[i].passed;
                return;
            }
            PENSTOCK_CHECK(bucket.passed > 0);
        }
    }

    [[nodiscard]] std::size_t used() const { return used_; }

private:
    static constexpr std::size_t kPlaces = 7; // of a bucket
    static constexpr std::uint32_t kFree = 0;

    struct alignas(64) Bucket {
        std::uint32_t hashes[kPlaces + 1] = {}; // the last is not used
        Index indices[kPlaces] = {};
        std::uint32_t passed = 0; // keys that are at home here or before, and found their place behind
    };
    static_assert(sizeof(Bucket) == 64);

    // Half of the hash is kept: enough to find a home by, and that in a table of a million only one key
    // of eight thousand that are at home there is asked about in vain.
    static std::uint32_t kept(std::uint64_t hash) { return static_cast<std::uint32_t>(hash) | 1; }

    [[nodiscard]] std::size_t home(std::uint32_t hash) const { return (hash >> 1) & mask(); }

    [[nodiscard]] std::size_t after(std::size_t at) const { return (at + 1) & mask(); }

    [[nodiscard]] std::size_t mask() const { return buckets_.size() - 1; }

    using Places = std::uint32_t; // of a bucket, a bit each

    static std::size_t first(Places places) {
        return static_cast<std::size_t>(std::countr_zero(places));
    }

    // Where this hash stands. By the compiler's own vectors: a few instructions on any CPU.
    static Places places_of(std::uint32_t hash, const Bucket& bucket) {
        using Four = std::uint32_t __attribute__((vector_size(16)));
        Four low, high;
        std::memcpy(&low, bucket.hashes, sizeof low);
        std::memcpy(&high, bucket.hashes + 4, sizeof high);
        const Four wish = {hash, hash, hash, hash};
        Four bits = (Four(low == wish) & Four{1, 2, 4, 8}) | (Four(high == wish) & Four{16, 32, 64, 0});
        bits |= __builtin_shufflevector(bits, bits, 2, 3, 0, 1);
        bits |= __builtin_shufflevector(bits, bits, 1, 0, 3, 2);
        return bits[0];
    }

    void put(std::uint32_t hash, Index index) {
        for (std::size_t at = home(hash);; at = after(at)) {
            Bucket& bucket = buckets_[at];
            if (const Places free = places_of(kFree, bucket); free != 0) {
                bucket.hashes[first(free)] = hash;
                bucket.indices[first(free)] = index;
                return;
            }
            ++bucket.passed;
        }
    }

    void grow() {
        std::vector<Bucket> old(buckets_.empty() ? kFirst : buckets_.size() * 2);
        old.swap(buckets_);
        for (const Bucket& bucket : old) {
            for (std::size_t i = 0; i < kPlaces; ++i) {
                if (bucket.hashes[i] != kFree) put(bucket.hashes[i], bucket.indices[i]);
            }
        }
    }

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    static constexpr std::size_t kFirst = 1; // made in no time, and outgrown often
#else
    static constexpr std::size_t kFirst = 128;
#endif

    std::vector<Bucket> buckets_; // a power of two of them
    std::size_t used_ = 0;
};

} // namespace penstock
