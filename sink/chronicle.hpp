#pragma once
// What happens to jobs, for those who listen. Everything that happens has a number, so that a gap
// can be seen; it is written down only while somebody listens. Pure.

#include "protocol/events.hpp"

#include <cstdint>
#include <utility>

namespace penstock::sink {

class Chronicle {
public:
    static constexpr std::size_t kKeptMax = 16'384; // of one burst: what is beyond is missed

    void listen(bool anybody) {
        heard_ = anybody;
        if (!anybody) events_.rows.clear();
    }

    // Counts what happened. True: somebody listens, so write() what it was.
    bool happened() {
        const std::uint64_t number = next_++;
        if (!heard_ || events_.rows.size() >= kKeptMax) return false;
        if (events_.rows.empty()) events_.first = number;
        return true;
    }

    Event& write() { return events_.rows.emplace_back(); } // REQUIRES: happened() said so

    [[nodiscard]] bool empty() const { return events_.rows.empty(); }

    // What was written since it was last asked. If that is nothing, `first` is what comes next.
    Events take() {
        if (events_.rows.empty()) events_.first = next_;
        return std::exchange(events_, {});
    }

private:
    Events events_;
    std::uint64_t next_ = 1; // the number of what happens next
    bool heard_ = false;
};

} // namespace penstock::sink
