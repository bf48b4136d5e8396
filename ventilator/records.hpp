#pragma once
// What the ventilator holds of every open job, from its submission until the sink has settled it,
// and the kinds that jobs and workers meet at.

#include "protocol/message.hpp"
#include "tables/blob.hpp"
#include "tables/links.hpp"
#include "tables/terms_table.hpp"
#include "ventilator/line.hpp"
#include "ventilator/rate.hpp"

#include <algorithm>
#include <array>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::ventilator {

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

// Why the ventilator decided an outcome. The words are made when it is said: it may have to be said
// again.
enum class Reason : std::uint8_t {
    said, // by the worker, to the sink; or there is nothing to say
    expired,
    timeout,
    worker_lost,
    quarantined,
};

// In the order in which a job's way touches them: what every stage needs stands in the first cache
// line, what is needed at the beginning and the end in the second.
struct alignas(64) Record {
    JobNumber number = 0;
    TermsTable::Pointer terms = nullptr;
    KindState* kind = nullptr;
    Blob payload;
    Index lane = kNoIndex;     // while out; while queued: the queue it is in
    std::uint32_t ahead = 0;   // while out: jobs on that lane before it, when it was sent; until it
                               // is queued: its number in its request, 0 = it is alone
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
    Instant due{};            // when its delay is over, or it came back from a lane that died
    std::uint32_t call = 0; // while out: of its lane, with others; 0 = it is a call of its own
    Reason reason = Reason::said; // while deciding
    bool again : 1 = false;       // while storing: the sink may have it
    bool suspect : 1 = false;     // while asking: it may have killed its worker
    bool was_there : 1 = false;   // when a worker died, and was not blamed
    bool runs : 1 = false;        // a worker of the ventilator before had it, and may name it
    bool adopted : 1 = false;     // while out: such a worker did. Its token is of an older epoch

    // A delay that it asked for is no waiting, nor is an attempt that ran.
    [[nodiscard]] Instant waits_since() const { return std::max(arrived, due); }
};

static_assert(sizeof(Record) == 128);

// How fast a kind's jobs are given out while more of them wait: for each that can run at a time, so
// that it holds when workers come or go and when its limit changes.
class Pace {
public:
    // So many were given out at `now`; whether more wait; how many can run at a time.
    void given(std::uint64_t jobs, Instant now, std::uint64_t at_once, bool more_wait) {
        if (began_ == kNever) { // what fills free slots says nothing about how fast they get free
            if (more_wait) began_ = first_ = now;
            given_ = 0;
            return;
        }
        if (now > first_) given_ += jobs;
        const double time = seconds(now - began_);
        // Two rounds of all of them: those that began together end together.
        if (time >= kWindowSeconds && given_ >= 2 * at_once && at_once > 0) {
            const double pace = static_cast<double>(given_) / time / static_cast<double>(at_once);
            const double weight = per_run_ > 0 ? std::min(1.0, time / kMemorySeconds) : 1.0;
            per_run_ += weight * (pace - per_run_);
            began_ = now;
            given_ = 0;
        }
        if (!more_wait) began_ = kNever;
    }

    // From here on something else limits it: what is being measured belongs to neither.
    void interrupt() { began_ = kNever; }

    [[nodiscard]] double per_run() const { return per_run_; } // a second, of each that runs; 0 = not known

private:
    static constexpr double kWindowSeconds = 0.2, kMemorySeconds = 2;

    Instant began_ = kNever; // of this measure; kNever: nothing waits
    Instant first_{};
    std::uint64_t given_ = 0;
    double per_run_ = 0;
};

// One kind's waiting jobs and its measured times.
struct KindState {
    std::string name;
    bool known = false;      // declared, or a worker joined with it
    KindSettings settings;   // as they hold: what this ventilator was configured with,
    KindSettings configured; // field by field overridden by
    KindSettings remembered; // what the sink remembers
    Rate rate;               // that jobs start at, where one is set
    // By the labels that their jobs need. The one of those that need none is always there.
    std::map<std::vector<std::string>, std::unique_ptr<Line>> lines;
    Line* plain = nullptr;
    std::uint64_t queued = 0, delayed = 0, running = 0;
    // Of the queued: suspects; the others by priority, and in how many lines those stand.
    std::uint64_t suspects = 0;
    std::array<std::uint64_t, kPriorityMax + 1> waiting{};
    std::array<std::uint32_t, kPriorityMax + 1> waiting_lines{};
    std::uint64_t submitted = 0, refused = 0, dispatched = 0, redelivered = 0, retried = 0;
    std::uint32_t workers = 0;
    std::uint64_t slots = 0; // of those workers
    std::uint64_t ghosts = 0; // attempts whose jobs have moved on, and that a lane still holds
    std::vector<Index> pools; // that serve it
    bool held = false;        // gets no lane for now; set by the roster's `hold`
    Pace pace;
    bool is_looked_at = false; // in the next pump, for what limits it
    // Smoothed over settled jobs, in microseconds; 0 = not measured.
    double run_us = 0;
    double return_us = 0; // from dispatch to settled, less the running

    // Of an attempt of a job with these terms.
    [[nodiscard]] Duration timeout(const Terms& terms) const {
        if (terms.timeout > Duration(0)) return terms.timeout;
        return settings.timeout.value_or(kTimeoutDefault);
    }

    // Jobs that a tenant or a request has in one turn: as many as run within a millisecond, so that
    // a bulk of short ones stays together in messages.
    [[nodiscard]] std::uint32_t turn() const {
        constexpr double kTurnUs = 1000, kTurnMax = 256;
        if (run_us <= 0) return 1;
        return static_cast<std::uint32_t>(std::clamp(kTurnUs / run_us, 1.0, kTurnMax));
    }

    // Jobs beyond its slots that a lane should hold so that no slot waits for the way there and
    // back. None while the way is short beside the work: a job that sits in a worker's queue can't
    // be given to a worker that is free.
    [[nodiscard]] std::uint32_t prefetch(std::uint32_t at_once) const {
        constexpr double kLongRun = 4;
        if (run_us <= 0 || return_us <= 0 || run_us > kLongRun * return_us) return 0;
        const double cover = static_cast<double>(at_once) * return_us / run_us + 1;
        return cover > kPrefetchMax ? kPrefetchMax : static_cast<std::uint32_t>(cover);
    }

    // Jobs that go to a lane together although other lanes are free: as many as run in less time
    // than a message of their own would cost everybody on its way. 1 unless they are that short.
    [[nodiscard]] std::uint32_t grain(std::uint32_t at_once) const {
        constexpr double kMessageUs = 50;
        const double many = std::min<double>(kMessageUs / std::max(run_us, 0.5), prefetch(at_once));
        return many < 1 ? 1 : static_cast<std::uint32_t>(many);
    }

    void measure(double run, double back) {
        constexpr double kWeight = 0.125;
        run_us = run_us <= 0 ? run : run_us + kWeight * (run - run_us);
        return_us = return_us <= 0 ? back : return_us + kWeight * (back - return_us);
    }
};

} // namespace penstock::ventilator
