// The dispatcher and the lives of its sink: what is known to both goes on, a new life is told or
// asked about everything that is open.

#include "ventilator/dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace penstock::ventilator {
namespace {

constexpr std::size_t kHoldsRowsMax = 100'000; // ranges in one message

} // namespace

void Dispatcher::sink_up(std::uint64_t life, Epoch epoch, bool remembers, Outbox& out) {
    const bool knows_us = sink_life_ == life && epoch_ == epoch;
    const bool remembers_us = remembers && epoch_ == epoch;
    sink_is_up_ = true;
    epoch_ = epoch;
    sink_life_ = life;
    if (knows_us) return;
    if (remembers_us)
        resume(out);
    else
        start_over(out);
    tell_kinds(out);
}

// Everything open is stored again. Lanes end, since results that were on their way to the old sink
// are gone: workers join again, and what they held runs again.
void Dispatcher::start_over(Outbox& out) {
    owes_holds_ = false;
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
    for (Index i = 0; i < records_.capacity(); ++i) {
        if (records_[i].number == 0) continue;
        leave_stage(i);
        records_[i].again = false;
        open.push_back(i);
    }
    store_again(open);
    told_ = open.empty() ? next_number_ : records_[open.front()].number;
}

void Dispatcher::store_again(std::vector<Index>& open) {
    unsent_ = List{};
    std::sort(open.begin(), open.end(),
              [this](Index a, Index b) { return records_[a].number < records_[b].number; });
    for (const Index index : open) {
        records_[index].stage = Stage::storing;
        links_.push_back(unsent_, index);
    }
}

// The sink came back with what it had committed. What it may not have heard is said again; of the
// rest it says what we may not have heard. Results that were on their way to it come again from
// workers that keep them; from others they are gone.
void Dispatcher::resume(Outbox& out) {
    std::vector<Index> unstored;
    for (Index i = 0; i < records_.capacity(); ++i) {
        Record& r = records_[i];
        if (r.number == 0) continue;
        if (r.stage == Stage::storing || r.stage == Stage::taking) {
            r.again = true;
            unstored.push_back(i);
            continue;
        }
        if (r.stage == Stage::returned) { // read, and perhaps not recorded
            r.stage = Stage::asking;
            r.suspect = false;
        }
        if (r.stage == Stage::asking) {
            out.to_sink.emplace_back(Lost{"", {{r.number, r.attempt, r.suspect}}});
        } else if (r.stage == Stage::deciding) {
            out.to_sink.emplace_back(final_of(r));
        } else if (r.stage == Stage::out && r.adopted) {
            out.to_sink.emplace_back(started_of(r));
        }
    }
    store_again(unstored);
    owes_holds_ = true;
    std::vector<Index> lanes;
    roster_.for_each([&](Index lane) {
        if (!roster_[lane].outbox) lanes.push_back(lane);
    });
    for (const Index lane : lanes) close(lane, false, out);
}

void Dispatcher::say_holds(Outbox& out) {
    std::vector<JobNumber> held;
    for (Index i = 0; i < records_.capacity(); ++i) {
        if (records_[i].number != 0) held.push_back(records_[i].number);
    }
    std::sort(held.begin(), held.end());
    Holds holds;
    for (const JobNumber number : held) {
        const bool follows = !holds.rows.empty() &&
                             holds.rows.back().first + holds.rows.back().count == number;
        if (follows) {
            ++holds.rows.back().count;
            continue;
        }
        if (holds.rows.size() == kHoldsRowsMax) {
            holds.more = true;
            out.to_sink.emplace_back(std::exchange(holds, {}));
        }
        holds.rows.push_back({number, 1});
    }
    out.to_sink.emplace_back(std::move(holds));
}

// What the sink kept is older than this job: a backup, or a disk that lost what it had promised. A
// worker that runs it goes on, and whoever is first counts.
void Dispatcher::store_unknown(Index index) {
    Record& r = records_[index];
    if (r.stage == Stage::storing || r.stage == Stage::taking) return; // it is on its way
    if (r.stage == Stage::out) make_ghost(index);
    leave_stage(index);
    r.stage = Stage::storing;
    r.again = true;
    links_.push_back(unsent_, index);
}

} // namespace penstock::ventilator
