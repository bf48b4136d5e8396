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
    Index allocate() {
        if (free_.empty()) grow();
        const Index index = free_.back();
        free_.pop_back();
        ++used_;
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

    Record& operator[](Index index) { return chunks_[index / kChunk][index % kChunk]; }

    const Record& operator[](Index index) const { return chunks_[index / kChunk][index % kChunk]; }

    void prefetch(Index index) const {
        const Record* const record = &(*this)[index];
        __builtin_prefetch(record);
        __builtin_prefetch(reinterpret_cast<const char*>(record) + 64);
    }

    [[nodiscard]] std::size_t used() const { return used_; }

    [[nodiscard]] Index capacity() const { return static_cast<Index>(chunks_.size() * kChunk); }

private:
    static constexpr Index kChunk = 4096;

    void grow() {
        const Index base = capacity();
        PENSTOCK_CHECK(base < kNoIndex - kChunk);
        chunks_.push_back(std::make_unique<Record[]>(kChunk));
        for (Index i = kChunk; i > 0; --i) free_.push_back(base + i - 1);
    }

    std::vector<std::unique_ptr<Record[]>> chunks_;
    std::vector<Index> free_;
    std::size_t used_ = 0;
};

} // namespace penstock
