// The dispatcher and the lives of its sink: what is known to both goes on, a new life is told
// everything that is open.

#include "ventilator/dispatcher.hpp"

#include <algorithm>

namespace penstock::ventilator {

void Dispatcher::sink_up(std::uint64_t life, Epoch epoch, Outbox& out) {
    const bool knows_us = sink_life_ == life && epoch_ == epoch;
    sink_is_up_ = true;
    epoch_ = epoch;
    sink_life_ = life;
    if (knows_us) return;
    start_over(out);
    tell_kinds(out);
}

// Everything open is stored again. Lanes end, since results that were on their way to the old sink
// are gone: workers join again, and what they held runs again.
void Dispatcher::start_over(Outbox& out) {
    std::vector<Index> lanes, open;
    roster_.for_each([&](Index lane) { lanes.push_back(lane); });
    for (const Index lane : lanes) {
        const LaneState& state = roster_[lane];
        while (!state.flights.empty()) {
            const Index index = state.flights.first;
            end_flight(index);
            records_[index].stage = Stage::asking;
        }
        close(lane, false, out);
    }
    unsent_ = List{};
    for (Index i = 0; i < records_.capacity(); ++i) {
        Record& r = records_[i];
        if (r.number == 0) continue;
        leave_stage(i);
        r.stage = Stage::storing;
        open.push_back(i);
    }
    std::sort(open.begin(), open.end(),
              [this](Index a, Index b) { return records_[a].number < records_[b].number; });
    for (const Index index : open) links_.push_back(unsent_, index);
}

} // namespace penstock::ventilator
