#pragma once
// Doubly linked lists of slab indices. One Links holds the neighbours of many lists; an index is in
// at most one of them at a time. Taking one out of the middle costs what taking the first does.

#include "tables/slab.hpp"

#include <vector>

namespace penstock {

struct List {
    Index first = kNoIndex;
    Index last = kNoIndex;
    std::size_t count = 0;

    [[nodiscard]] bool empty() const { return count == 0; }
};

class Links {
public:
    void push_back(List& list, Index index) {
        Pair& at = slot(index);
        at = {list.last, kNoIndex};
        (list.last == kNoIndex ? list.first : pairs_[list.last].next) = index;
        list.last = index;
        ++list.count;
    }

    void push_front(List& list, Index index) {
        Pair& at = slot(index);
        at = {kNoIndex, list.first};
        (list.first == kNoIndex ? list.last : pairs_[list.first].previous) = index;
        list.first = index;
        ++list.count;
    }

    // REQUIRES: `index` is in `list`.
    void remove(List& list, Index index) {
        PENSTOCK_CHECK(list.count > 0);
        const Pair at = pairs_[index];
        (at.previous == kNoIndex ? list.first : pairs_[at.previous].next) = at.next;
        (at.next == kNoIndex ? list.last : pairs_[at.next].previous) = at.previous;
        --list.count;
    }

    Index pop_front(List& list) {
        const Index index = list.first;
        remove(list, index);
        return index;
    }

    [[nodiscard]] Index next(Index index) const { return pairs_[index].next; }

    // Of an index that will be put into a list soon.
    void prefetch(Index index) const {
        if (index < pairs_.size()) __builtin_prefetch(&pairs_[index]);
    }

private:
    struct Pair {
        Index previous = kNoIndex;
        Index next = kNoIndex;
    };

    Pair& slot(Index index) {
        if (index >= pairs_.size()) pairs_.resize(std::size_t{index} * 2 + 64);
        return pairs_[index];
    }

    std::vector<Pair> pairs_;
};

} // namespace penstock
