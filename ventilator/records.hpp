#pragma once
// What the ventilator holds of every open job, from its submission until the sink has settled it,
// and the kinds that jobs and workers meet at.

#include "protocol/message.hpp"
#include "tables/blob.hpp"
#include "tables/links.hpp"
#include "tables/terms_table.hpp"
#include "ventilator/rate.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <string>
#include <vector>

namespace penstock::ventilator {

using LaneId = std::uint64_t; // never used again
struct KindState;

// Where a job is, as the ventilator sees it. Every stage but `queued` waits for exactly one thing.
enum class Stage : std::uint8_t {
    storing,  // for the sink's `stored`
    taking,   // for the same, of a job that the sink itself offered
    delayed,  // for its time: asked for by its submitter, or between two attempts
    queued,   // for a worker
    out,      // for the result of the attempt that a lane was given
    returned, // for the sink's `settled`: it has read the result, the slot is free
    asking,   // for the sink's `open`: its lane died
    deciding, // for the sink's `settled`: a final outcome was sent
};

// In the order in which a job's way touches them: what every stage needs stands in the first cache
// line, what is needed at the beginning and the end in the second.
struct alignas(64) Record {
    JobNumber number = 0;
    TermsTable::Pointer terms = nullptr;
    KindState* kind = nullptr;
    Blob payload;
    Index lane = kNoIndex;     // while out
    std::uint32_t ahead = 0;   // jobs on that lane before it, when it was sent
    std::uint32_t attempt = 0; // dispatches so far; with the epoch, the fencing token
    std::uint32_t failures = 0;
    std::uint32_t deaths = 0;
    Stage stage = Stage::storing;
    State decided = State::queued; // while deciding
    bool cancelling = false;       // its worker was told, or will be
    bool timed = false;            // a timer is armed
    JobId id;
    Instant arrived{};
    Instant dispatched{};     // of the attempt that is out
    Instant expires = kNever; // not started by then: expired
    Instant due{};            // while delayed
};
static_assert(sizeof(Record) == 128);

// One kind's waiting jobs and its measured times.
struct KindState {
    std::string name;
    bool known = false; // declared, or a worker joined with it
    KindSettings settings;   // as they hold: what this ventilator was configured with,
    KindSettings configured; // field by field overridden by
    KindSettings remembered; // what the sink remembers
    std::array<List, kPriorityMax + 1> queue;
    std::uint32_t occupied = 0; // bit p: queue[p] holds jobs
    Rate rate;                  // that jobs start at, where one is set
    List suspects;              // a worker died while it may have been running these
    LaneId reserved = 0;        // emptied to run a suspect alone, 0 = none
    std::uint64_t queued = 0, delayed = 0, running = 0;
    std::uint64_t submitted = 0, refused = 0, dispatched = 0, redelivered = 0, retried = 0;
    std::uint32_t workers = 0;
    std::vector<Index> pools; // that serve it
    bool active = false;      // listed among the kinds with waiting jobs
    bool blocked = false;     // no lane has room, as far as this pump knows
    // Smoothed over settled jobs, in microseconds; 0 = not measured.
    double run_us = 0;
    double return_us = 0; // from dispatch to settled, less the running

    // Of an attempt of a job with these terms.
    [[nodiscard]] Duration timeout(const Terms& terms) const {
        if (terms.timeout > Duration(0)) return terms.timeout;
        return settings.timeout.value_or(kTimeoutDefault);
    }

    [[nodiscard]] int top_priority() const { // REQUIRES: occupied
        return static_cast<int>(std::bit_width(occupied)) - 1;
    }

    // Jobs beyond its slots that a lane should hold so that no slot waits for the way there and
    // back. None while the way is short beside the work: a job that sits in a worker's queue can't
    // be given to a worker that is free.
    [[nodiscard]] std::uint32_t prefetch(std::uint32_t slots) const {
        constexpr double kLongRun = 4;
        if (run_us <= 0 || return_us <= 0 || run_us > kLongRun * return_us) return 0;
        const double cover = static_cast<double>(slots) * return_us / run_us + 1;
        return cover > kPrefetchMax ? kPrefetchMax : static_cast<std::uint32_t>(cover);
    }

    // Jobs that go to a lane together although other lanes are free: as many as run in less time
    // than a message of their own would cost everybody on its way. 1 unless they are that short.
    [[nodiscard]] std::uint32_t grain(std::uint32_t slots) const {
        constexpr double kMessageUs = 50;
        const double many = std::min<double>(kMessageUs / std::max(run_us, 0.5), prefetch(slots));
        return many < 1 ? 1 : static_cast<std::uint32_t>(many);
    }

    void measure(double run, double back) {
        constexpr double kWeight = 0.125;
        run_us = run_us <= 0 ? run : run_us + kWeight * (run - run_us);
        return_us = return_us <= 0 ? back : return_us + kWeight * (back - return_us);
    }
};

} // namespace penstock::ventilator
