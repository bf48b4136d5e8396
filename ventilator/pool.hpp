#pragma once
// A pool: lanes whose workers take the same jobs (equal kinds, labels and least priority), and who
// is next to be given one of them.
//
// First the priority. Those of one priority age together: the oldest of them that these workers can
// take lifts all of them by one for every step that it has waited, so that the shares below hold
// among them whatever their age.
//
// Then the kind, by weighted fair queueing: a kind that was served has spent what its jobs cost
// (the run time that was measured), less the greater its weight; the kind that has spent least is
// next. One that had nothing waiting comes back at what the others have spent by then: nothing is
// saved up. (A round robin with deficits shares alike, but would go round a hundred thousand times
// before it may serve a kind whose jobs take minutes beside one whose jobs take a millisecond.)

#include "protocol/limits.hpp"
#include "ventilator/line.hpp"

#include <array>
#include <tuple>
#include <vector>

namespace penstock::ventilator {

struct Together { // how workers take the jobs of a kind
    std::uint32_t max = 0; // in one call; 0: each is a call of its own
    Duration wait{0};      // so long the first may wait for others
    auto operator<=>(const Together&) const = default;
};

struct Share { // of one kind in a pool
    KindState* kind = nullptr;
    Together together;
    bool is_gathering = false; // a batch: held until it is full or has waited
    Instant since = kNever;    // something waits that the next batch takes
    std::vector<Line*> lines; // that these workers can take
    std::size_t turn = 0;     // the line that is served next, if it has jobs
    std::array<std::uint32_t, kPriorityMax + 1> waiting{}; // lines with jobs of this priority
    std::array<double, kPriorityMax + 1> spent{};          // microseconds by weight
    std::array<std::uint32_t, kPriorityMax + 1> place{};   // in the priority's heap, from 1
    bool is_held = false;                                  // gets nothing
};

class Pool {
public:
    std::vector<std::string> labels; // sorted, each once
    int min_priority = 0;
    std::vector<Share> shares;
    List idle, busy;
    std::uint32_t lanes = 0;
    std::uint32_t able = 0;      // of the lanes: those that are up, and neither silent nor leaving
    bool takes_together = false; // one of its kinds or more

    // Those that take the fewest sorts of jobs have the lowest: what others could do stays for them.
    [[nodiscard]] std::tuple<std::size_t, int, std::size_t> rank() const {
        return {shares.size(), -min_priority, labels.size()};
    }

    // A line of a share has jobs of this priority now, or has none any more.
    void begin(std::size_t share, int priority, const Line& line);
    void end(std::size_t share, int priority);

    // A held kind gets no lane of this pool until it is let go.
    void hold(std::size_t share, bool is_held);

    // Bit p: a kind that is not held has jobs of priority p.
    [[nodiscard]] std::uint32_t occupied() const { return occupied_; }

    // Looks at the ages again if that was a while ago. No step: priorities are strict.
    void look_at_ages(Instant now, Duration step);
    // The priority that goes first. REQUIRES: occupied
    [[nodiscard]] int top_priority(Duration step) const;
    // When a job that went before all others of this priority would be due, as it were: what is
    // earlier goes first.
    [[nodiscard]] Instant due(int priority, Duration step) const;

    // Whether all jobs of one priority go before those of another, as of the last look.
    [[nodiscard]] bool goes_before(int priority, int other, Duration step) const;

    // The kind that is next at this priority. REQUIRES: occupied
    [[nodiscard]] std::size_t first(int priority) const {
        return levels_[static_cast<std::size_t>(priority)].heap.front();
    }

    [[nodiscard]] std::size_t rivals(int priority) const { // kinds with jobs of this priority
        return levels_[static_cast<std::size_t>(priority)].heap.size();
    }

    // Jobs that wait in this share.
    [[nodiscard]] std::uint64_t count(std::size_t share) const;

    // Which of these kinds is next, and at which priority; -1: none of them has jobs.
    struct Next {
        std::size_t at = 0; // in `some`
        int priority = -1;
    };

    [[nodiscard]] Next first_of(const std::vector<std::size_t>& some, Duration step) const;

    // The line whose turn it is in this share. REQUIRES: one has jobs of this priority
    [[nodiscard]] Line& next_line(std::size_t share, int priority);

    // So many jobs of the share were given to a lane. 0 microseconds: nobody knows yet, they cost
    // what others cost.
    void charge(std::size_t share, int priority, std::size_t jobs, double cost_us, double weight);

    [[nodiscard]] double spent(std::size_t share, int priority) const {
        return shares[share].spent[static_cast<std::size_t>(priority)];
    }

private:
    struct Level {
        std::vector<std::size_t> heap; // of shares, the one that has spent least first
        double clock = 0;              // what the one that was served last had spent before
        Instant oldest = kNever;       // of the jobs there, as of the last look
    };

    static Instant oldest(const Share& share, std::size_t priority);
    void enter(std::size_t share, std::size_t priority);
    void leave(std::size_t share, std::size_t priority);
    void sift_up(Level& level, std::size_t priority, std::size_t at);
    void sift_down(Level& level, std::size_t priority, std::size_t at);
    void put(Level& level, std::size_t priority, std::size_t at, std::size_t share);

    std::array<Level, kPriorityMax + 1> levels_;
    std::uint32_t occupied_ = 0;
    Instant looked_{};
    double typical_us_ = 1000; // what a job costs, over all kinds
};

} // namespace penstock::ventilator
