#pragma once
// Which attempts may still say pieces of their results. A piece that is missing in the middle would
// make a text that nobody said; so where one is lost, that attempt says no more until its result,
// which is whole. Pure.

#include "protocol/job_id.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <utility>

namespace penstock::worker {

class Streams {
public:
    enum class Room : bool { none, some };

    // False: drop the piece.
    bool admit(const JobId& job, std::uint32_t attempt, Room room) {
        bool& is_cut = cut_[{std::string(job.wire()), attempt}];
        is_cut = is_cut || room == Room::none;
        return !is_cut;
    }

    // What was on its way may be lost, of each attempt that has said anything.
    void cut_all() {
        for (auto& [attempt, is_cut] : cut_) is_cut = true;
    }

    [[nodiscard]] bool any() const { return !cut_.empty(); }

    void ended(const JobId& job, std::uint32_t attempt) {
        cut_.erase({std::string(job.wire()), attempt});
    }

private:
    std::map<std::pair<std::string, std::uint32_t>, bool> cut_;
};

} // namespace penstock::worker
