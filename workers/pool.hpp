#pragma once
// The slots, and the threads that run handlers on them.
//
// A slot is one job running at a time; there are `slots` of them, whoever uses them. Threads for
// handlers are started as jobs wait for them, at most one a slot. Asynchronous jobs are started by
// one thread of their own: they keep the slot until they are answered, and no thread.

#include "workers/batch.hpp"

#include <memory>
#include <vector>

namespace penstock::worker {

// A loop that is this late has been stopped together with the whole process, and what waits here
// may have been given to others: no job starts until the loop has seen to it.
constexpr Duration kLateLoop = std::chrono::milliseconds(1500);

class Pool {
public:
    Pool(std::uint32_t slots, std::shared_ptr<Desk> desk, Instant now);
    // Waits for handlers that run, unless leave_behind() was called. What waits must have been
    // withdrawn.
    ~Pool();
    Pool(const Pool&) = delete;
    Pool& operator=(const Pool&) = delete;

    // All of these on the loop's thread.
    void publish(std::vector<std::shared_ptr<Batch>>& batches); // takes them all; never blocks
    void beat(Instant now); // the loop lives; a few times a second or more
    // Saves waking a thread for small jobs that another one was about to take; this makes up for
    // it if it didn't. Call it when a nap is over.
    void look_again();
    void leave_behind();

    class Slots; // shared with the threads, which may outlive the pool

private:
    std::shared_ptr<Slots> slots_;
    bool left_behind_ = false;
};

} // namespace penstock::worker
