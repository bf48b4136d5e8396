#include "gateway/places.hpp"

namespace penstock::gateway {

bool is_waiting(const JobView& job) {
    return job.state == State::queued && job.number != 0;
}

std::vector<JobNumber> numbers_to_ask(const std::vector<JobView>& jobs) {
    std::vector<JobNumber> out;
    for (const auto& job : jobs) {
        if (is_waiting(job)) out.push_back(job.number);
    }
    return out;
}

Places places_of(const Positions& positions, double now) {
    Places out;
    for (const auto& row : positions.rows) {
        if (row.position == 0) continue;
        out[row.number] = {row.position, row.start_in < 0 ? 0 : now + row.start_in};
    }
    return out;
}

const Place* place_of(const Places& places, const JobView& job) {
    const auto found = is_waiting(job) ? places.find(job.number) : places.end();
    return found == places.end() ? nullptr : &found->second;
}

} // namespace penstock::gateway
