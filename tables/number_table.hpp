#pragma once
// From numbers that are given out in order, and given back in almost any order, to slab indices.
// Direct lookup in small pages; a page goes when its last number does, so that a few long-lived
// numbers cost a page each and nothing more.

#include "tables/slab.hpp"

#include <array>
#include <cstdint>
#include <deque>
#include <memory>

namespace penstock {

class NumberTable {
public:
    // Below the oldest number that is held it costs memory for all between: a few may be so.
    void insert(std::uint64_t number, Index index) {
        const std::uint64_t page_number = number / kPage;
        if (pages_.empty()) base_ = page_number;
        for (; page_number < base_; --base_) pages_.emplace_front();
        while (page_number - base_ >= pages_.size()) pages_.emplace_back();
        auto& page = pages_[page_number - base_];
        if (!page) page = std::make_unique<Page>();
        Index& place = page->places[number % kPage];
        PENSTOCK_CHECK(place == kNoIndex);
        place = index;
        ++page->used;
        ++used_;
    }

    [[nodiscard]] Index find(std::uint64_t number) const {
        const Page* const page = page_of(number);
        return page != nullptr ? page->places[number % kPage] : kNoIndex;
    }

    void erase(std::uint64_t number) { PENSTOCK_CHECK(erase(number, find(number))); }

    // False: something else, or nothing, has that number.
    bool erase(std::uint64_t number, Index index) {
        Page* const page = page_of(number);
        if (page == nullptr || index == kNoIndex) return false;
        if (page->places[number % kPage] != index) return false;
        page->places[number % kPage] = kNoIndex;
        --used_;
        if (--page->used > 0) return true;
        pages_[number / kPage - base_].reset();
        while (!pages_.empty() && !pages_.front()) {
            pages_.pop_front();
            ++base_;
        }
        return true;
    }

    void clear() {
        pages_.clear();
        used_ = 0;
    }

    [[nodiscard]] std::size_t used() const { return used_; }

    // No number below this one is held.
    [[nodiscard]] std::uint64_t floor() const { return pages_.empty() ? ~0ull : base_ * kPage; }

private:
    static constexpr std::uint64_t kPage = 64;

    struct Page {
        Page() { places.fill(kNoIndex); }

        std::array<Index, kPage> places;
        std::uint32_t used = 0;
    };

    [[nodiscard]] Page* page_of(std::uint64_t number) const {
        const std::uint64_t at = number / kPage - base_; // below base_ it is beyond all
        return at < pages_.size() ? pages_[at].get() : nullptr;
    }

    std::deque<std::unique_ptr<Page>> pages_;
    std::uint64_t base_ = 0; // of the first page
    std::size_t used_ = 0;
};

} // namespace penstock
