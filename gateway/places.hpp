#pragma once
// Where queued jobs stand. Pure.

#include "protocol/questions.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace penstock::gateway {

struct Place {
    std::uint64_t position = 0; // from 1, among the queued of its kind
    double starts_at = 0;       // unix seconds, as an estimate; 0 = nobody can say
};

using Places = std::unordered_map<JobNumber, Place>;

// It is queued at a ventilator.
bool is_waiting(const JobView& job);
// What to ask the ventilator of these jobs: the numbers of the queued ones.
std::vector<JobNumber> numbers_to_ask(const std::vector<JobView>& jobs);
Places places_of(const Positions& positions, double now);
const Place* place_of(const Places& places, const JobView& job); // null: nobody knows

} // namespace penstock::gateway
