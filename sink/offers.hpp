#pragma once
// Jobs that the sink has and no ventilator of this epoch: callbacks, steps of a chain, members of
// groups, retries, and what an older ventilator left behind. They are offered by `take`; `taken`
// says which numbers they have now, and `stored` that they may be dispatched.
//
// The link brings every `take` of an epoch once and in order, and the answers likewise: an offer is
// made once an epoch, by no timer. A new epoch begins with all that no ventilator has.

#include "tables/links.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>

namespace penstock::sink {

enum class Custody : std::uint8_t {
    owned,    // the ventilator of the record's epoch has it, or (an older epoch) had it
    withheld, // nobody's yet: it waits for its group
    waiting,  // to be offered
    offered,  // `taken` has not come yet
};

struct Offers {
    struct Offered {
        std::uint64_t order = 0; // of the record: an id may be used again, an order is not
        std::size_t bytes = 0;
    };

    List waiting;
    std::deque<Offered> offered; // as `taken` will name them
    std::size_t bytes = 0;       // of these
    // After a new epoch began: records up to `sweep_end`, in order, are looked at for orphans.
    std::uint64_t swept = 0, sweep_end = 0;

    [[nodiscard]] bool sweeping() const { return swept < sweep_end; }
};

} // namespace penstock::sink
