#pragma once
// What the world is made of: jobs, what clients wish for, workers and what they hold, the pipes between
// all of them.

#include "protocol/link.hpp"
#include "protocol/message.hpp"
#include "protocol/time.hpp"
#include "ventilator/dispatcher.hpp"

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::sim {

using LinkOfFrames = Link<std::shared_ptr<const std::string>>;

using Token = std::pair<Epoch, JobNumber>;

struct Held { // by a worker
    JobId id;
    std::uint32_t attempt = 0;
    bool poison = false;
    std::uint64_t lane = 0; // that it came on
    std::uint64_t call = 0; // that it is part of, each with a number
};

struct Kept { // a result, until it is settled
    Token token;
    Held held;
    std::string frame;
    Instant since{};
};

struct Job {
    JobId id;
    bool poison = false;
    bool may_expire = false;
    bool stored = false; // it was safe once
    int dispatched = 0;
    int killed = 0; // workers that ran it
    int lost = 0;   // attempts, with their lanes; in fair weather
    int begun = 0, failed = 0, succeeded = 0; // runs, and answers of runs
    std::uint32_t out_of_time_last = 0; // the newest attempt that took longer than it may
    Instant cancelled = kNever; // a client was told so
    Instant came_first = kNever, came_last{}; // at a ventilator, as a submit
    bool outcome_lost = false; // the sink that had it is gone
    std::optional<State> outcome;
};

struct Wish { // of a client: jobs that it submits until it was told that they are stored
    Submit batch;
    std::vector<std::string> ids;
    std::size_t bytes = 0; // of its payloads
    int under_way = 0;
    bool accepted = false;
};

struct Refusal {
    std::string id;
    std::string why; // a slug
};

struct OldVentilator { // that the next one has replaced
    std::unique_ptr<ventilator::Dispatcher> machine;
    ventilator::Outbox out;
    LinkOfFrames link;
};

struct Paced { // a kind, while its rate is the same
    double rate = -1;
    std::uint64_t life = 0; // of the ventilator
    std::deque<Instant> starts;
};

struct Family { // a group as its client knows it
    std::string id, frame;
    GroupMode mode = GroupMode::all;
    std::vector<std::string> members;
    std::string then, on_failure; // empty: none
    bool accepted = false;
    bool lost = false; // the sink that had it is gone, and the jobs' relations with it
};

struct Pipe { // one direction of one connection
    Instant last{};
    Instant loses_until{};
    bool has_gap = false; // behind what was lost nothing has been sent yet
    std::uint64_t life = 0;
};

struct Worker {
    std::string name; // empty: plain, named by the ventilator
    bool sdk = false;
    std::uint32_t slots = 1;
    std::uint32_t together = 0; // jobs of k0 in one call; 0: one by one
    Duration gathers{0};        // how long the first may wait for others
    std::uint64_t calls = 0;    // that came so far
    int place = 0;
    bool has_label = false;
    int min_priority = 0;
    bool alive = true;
    std::uint64_t lane = 0; // 0: none
    int asked = 0;          // to join, so often: only the newest question counts
    Epoch epoch = 0;
    Instant joined{};
    Instant asleep_since{}, asleep_until{};
    Pipe lane_pipe, sink_pipe;

    std::vector<std::pair<Token, Held>> waiting;
    std::multimap<Token, Held> running; // a job may be here twice, as two attempts
    // Answers sent and not read by the sink: still held, as far as credit goes.
    std::map<std::pair<Epoch, std::uint64_t>, std::set<std::pair<JobNumber, std::uint32_t>>>
        on_the_way;         // by lane
    std::vector<Kept> kept; // of an SDK worker: not settled, in the order they were sent
};

} // namespace penstock::sim
