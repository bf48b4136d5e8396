#pragma once
// A line: jobs of one kind that ask for the same labels, and so can go to the same workers. What no
// worker can take waits in a line of its own and is in nobody's way.

#include "ventilator/waiting.hpp"

#include <string>
#include <vector>

namespace penstock::ventilator {

using LaneId = std::uint64_t; // never used again
struct KindState;

struct Line {
    Line(Queues& queues, KindState* its_kind, std::vector<std::string> its_needs)
        : kind(its_kind), needs(std::move(its_needs)), waiting(queues, this) {}

    struct Claim { // on the lanes of a pool
        Index pool = kNoIndex;
        std::size_t share = 0; // the kind's, in that pool
    };

    KindState* const kind;
    const std::vector<std::string> needs; // sorted
    Waiting waiting;
    List suspects;             // a worker died while it may have been running these
    LaneId reserved = 0;       // emptied to run a suspect alone, 0 = none
    bool has_suspects = false; // listed among the lines that have
    std::vector<Claim> claims; // on the pools whose workers have what it needs
    std::uint64_t jobs = 0;    // open ones that ask for these labels, wherever they are

    [[nodiscard]] bool is_empty() const {
        return jobs == 0 && reserved == 0 && !has_suspects;
    }
};

} // namespace penstock::ventilator
