#pragma once
// What somebody knows who reads all that the ventilator is told and says, and all that workers and the
// sink say: with it the rules of scheduling are checked (queue.cpp, and what stands beside it).

#include "protocol/message.hpp"
#include "protocol/time.hpp"

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <utility>

namespace penstock::sim {

struct Waiter { // a job that no worker has
    std::string id, kind;
    Instant ready{}; // from then on one may have it
};

struct Flight { // an attempt that a worker has
    std::string id, kind;
    std::uint32_t attempt = 0;
    std::uint64_t lane = 0;
    Instant began{}, ended = kNever; // ended: its worker says so
    Duration timeout{0};
    bool is_sure = true;    // that this is its timeout
    bool cancelled = false; // somebody wants it
};

struct Seen { // of a kind
    KindSettings settings;
    Instant waits_since = kNever; // one or the other
    std::uint64_t came = 0;       // to wait
    std::uint64_t gone = 0;       // that waited, and no worker ever had
    Instant due{};                // the next start, if all come evenly
};

struct Question { // when will it start?
    std::string id, kind;
    Instant asked{};
    std::uint64_t position = 0;
    double start_in = -1;
    std::set<JobNumber> others; // that waited then
    std::uint64_t came = 0;     // as in Seen, then
    std::uint64_t before = 0;   // of the others: they were started
};

struct Saying { // what an attempt said, ahead of its result
    std::uint32_t attempt = 0;
    int pieces = 0;
};

struct PieceReader { // of one job's result
    JobId id;
    std::uint32_t from = 0;
    std::map<std::uint32_t, int> good; // by attempt: pieces that hold
    std::set<std::uint32_t> lost;      // attempts that were said to be lost
    bool asked = false, waits = false; // waits: for more
};

struct Told { // of one job, by this life of the sink
    bool finished = false;
    std::uint32_t attempt = 0, over = 0; // the newest; the newest that was lost or failed
};

struct SlowListener { // to events
    std::deque<std::pair<std::uint64_t, std::uint64_t>> unread; // frames: first number, events
    Instant read_at{};
    std::uint64_t next = 1, missed = 0; // as it knows
    std::uint64_t lost = 0;             // as it was
};

} // namespace penstock::sim
