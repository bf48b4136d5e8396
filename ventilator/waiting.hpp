#pragma once
// The waiting jobs of one line (a kind, and the labels that its workers must have): by priority, by
// tenant, by request. At each priority tenants take turns, and within a tenant requests do. Which
// priority goes first is not decided here: that depends on what else waits.

#include "protocol/limits.hpp"
#include "tables/links.hpp"
#include "tables/terms_table.hpp"
#include "ventilator/ages.hpp"
#include "ventilator/rounds.hpp"

#include <array>
#include <bit>
#include <map>
#include <memory>
#include <string>

namespace penstock::ventilator {

struct Line;

// One tenant's jobs of one priority in one line.
struct Queue {
    Line* line = nullptr;
    int priority = 0;
    std::uint32_t life = 0; // never used again; 0: it is not in use
    std::string tenant;
    Rounds rounds;
};

// What the lines of one dispatcher share.
struct Queues {
    Places places;
    Slab<Queue> queues;
    Links turns; // of tenants: a queue that holds jobs is in the list of its priority
    std::uint32_t lives = 0;
    int slot_width = Ages::width_for(std::chrono::seconds(60));
};

class Waiting {
public:
    Waiting(Queues& queues, Line* line) : queues_(queues), line_(line) {}

    ~Waiting();
    Waiting(const Waiting&) = delete;
    Waiting& operator=(const Waiting&) = delete;

    struct Coming {
        Index job = kNoIndex;
        Instant since{}; // it waits
        std::uint32_t member = 0; // of its request, see Rounds
        bool again = false;       // it was sent before: it goes before its tenant's others
    };

    // `turn` jobs go in one turn of a tenant or a request. Says in which queue the job is: whoever
    // takes it out says so too. The terms remember the queue for the next job that has them.
    Index push(TermsTable::Pointer terms, const Coming& coming, std::uint32_t turn);
    void remove(Index job, Index queue, Instant since);
    // What `first` said, in its tenant's turn.
    void take(Index job, Index queue, Instant since, std::uint32_t turn);

    // The job that goes next at this priority. REQUIRES: one waits there
    [[nodiscard]] Index first(int priority) const;

    // How many of its own priority go before it, if nobody else comes. Looks at every tenant that
    // waits there.
    [[nodiscard]] std::uint64_t before(Index job, Index queue, std::uint32_t turn) const;

    [[nodiscard]] std::uint64_t count(int priority) const;

    [[nodiscard]] std::uint64_t count() const { return count_; }

    // Bit p: somebody waits with priority p.
    [[nodiscard]] std::uint32_t occupied() const { return occupied_; }

    [[nodiscard]] bool has(int priority) const { return (occupied_ >> priority & 1) != 0; }

    // Since when the oldest waits, at most a slot too early. kNever: nobody waits there.
    [[nodiscard]] Instant oldest(int priority) const;

    // The first of every tenant at every priority, as long as `each` wants more. False: it did not.
    template <class Each>
    bool for_each_first(Each each) const {
        for (std::uint32_t left = occupied_; left != 0; left &= left - 1) {
            const Level& level = *levels_[static_cast<std::size_t>(std::countr_zero(left))];
            for (Index at = level.turns.first; at != kNoIndex; at = queues_.turns.next(at)) {
                if (!each(queues_.queues[at].rounds.first())) return false;
            }
        }
        return true;
    }

private:
    struct Level {              // one priority
        List turns;             // of tenants with waiting jobs: the first one's turn it is
        std::uint32_t used = 0; // of that turn
        std::uint64_t count = 0;
        Ages ages;
        std::map<std::string, Index, std::less<>> by_tenant; // some of them hold no jobs
    };

    Level& level_of(int priority);
    Index queue_of(TermsTable::Pointer terms);
    void left(Level& level, Index queue, Instant since);

    Queues& queues_;
    Line* const line_;
    std::array<std::unique_ptr<Level>, kPriorityMax + 1> levels_;
    std::uint32_t occupied_ = 0;
    std::uint64_t count_ = 0;
};

} // namespace penstock::ventilator
