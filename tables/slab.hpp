#pragma once
// Records at fixed places, named by a small index. Freed places are used again, last freed first.
// References stay valid until the record is freed.

#include "protocol/check.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace penstock {

using Index = std::uint32_t;
constexpr Index kNoIndex = 0xffffffffu;

template <class Record>
class Slab {
public:
    Slab() = default;
    Slab(const Slab&) = delete;
    Slab& operator=(const Slab&) = delete;

    ~Slab() {
        for (Index i = 0; i < made_; ++i) std::destroy_at(&(*this)[i]);
    }

    Index allocate() {
        ++used_;
        if (free_.empty()) return make();
        const Index index = free_.back();
        free_.pop_back();
        if (free_.size() >= kAhead) prefetch(free_[free_.size() - kAhead]); // it was freed long ago
        return index;
    }

    // The record is made new, so that what it owned is given back now.
    void release(Index index) {
        PENSTOCK_CHECK(used_ > 0);
        Record& record = (*this)[index];
        std::destroy_at(&record);
        std::construct_at(&record);
        free_.push_back(index);
        --used_;
    }

    Record& operator[](Index index) { return chunks_[index / kChunk].get()[index % kChunk]; }

    const Record& operator[](Index index) const {
        return chunks_[index / kChunk].get()[index % kChunk];
    }

    void prefetch(Index index) const {
        const char* const record = reinterpret_cast<const char*>(&(*this)[index]);
        for (std::size_t at = 0; at < sizeof(Record); at += 64) __builtin_prefetch(record + at);
    }

    [[nodiscard]] std::size_t used() const { return used_; }

    // All that were ever allocated are below it.
    [[nodiscard]] Index capacity() const { return made_; }

private:
    static constexpr std::size_t kAhead = 4;

#ifdef FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
    static constexpr Index kChunk = 8; // made in no time, and crossed often
#else
    static constexpr Index kChunk = 4096;
#endif

    // A chunk is bare memory; a record is made when it is first used, just before it is filled.
    struct GiveBack {
        void operator()(Record* chunk) const { std::allocator<Record>().deallocate(chunk, kChunk); }
    };

    Index make() {
        PENSTOCK_CHECK(made_ < kNoIndex);
        if (made_ % kChunk == 0) chunks_.emplace_back(std::allocator<Record>().allocate(kChunk));
        std::construct_at(&(*this)[made_]);
        return made_++;
    }

    std::vector<std::unique_ptr<Record, GiveBack>> chunks_;
    std::vector<Index> free_;
    Index made_ = 0;
    std::size_t used_ = 0;
};

} // namespace penstock
