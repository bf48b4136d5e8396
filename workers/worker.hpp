#pragma once
// A worker: joins a ventilator, runs handlers on its slots, pushes results to the sink.
//
// One loop thread owns all sockets. Slot threads are started as they are needed, `slots` at most;
// an asynchronous job takes a slot and no thread. The worker joins again by itself whenever its
// lane breaks; jobs that were running then go on, and their results are sent as usual. Results are
// kept until the sink has recorded them, and sent again when the connection to it is a new one.

#include "workers/job.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace zmq {
class context_t;
}

namespace penstock::transport {
class Stop;
}

namespace penstock::worker {

std::uint32_t default_slots(); // one per core

struct Options {
    std::string control = "tcp://127.0.0.1:5556"; // the ventilator's control port
    std::uint32_t slots = default_slots();        // jobs running at a time
    std::vector<std::string> labels; // what jobs may ask for by `needs`
    int min_priority = 0;            // takes no jobs of a lower priority, 0-9
    std::string name; // 1-128 characters of [A-Za-z0-9._-]; empty: made from host, pid and chance
    Duration heartbeat = std::chrono::milliseconds(500);
    // Sentences for whoever runs the worker, from the loop thread. Empty: lines on stderr.
    std::function<void(std::string_view)> log;
};

struct BatchOptions {
    std::uint32_t max = 16; // jobs in one call
    // The oldest may wait so long for others to come; 0: a free slot takes what is there.
    Duration wait{0};
};

class Worker {
public:
    explicit Worker(Options options);
    ~Worker();
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;

    // REQUIRES: `kind` is a name that has no handler yet; the worker does not run yet.
    void on(std::string kind, Handler handler);
    void on_async(std::string kind, AsyncHandler handler);
    // One call takes one slot, however many jobs it is given. REQUIRES: 1 <= max <= 10,000.
    void on_batch(std::string kind, BatchOptions options, BatchHandler handler);

    // Something that handlers refer to, and that ends with this worker.
    void keep(std::shared_ptr<void> resource);

    // Runs until `stop` (or the ventilator) asks for a drain and the drain is done: what waits is
    // handed back, what runs is finished, results are sent, and recorded if that takes no more than
    // 5 s. A second request returns at once,
    // and leaves handlers that still run behind. REQUIRES: at least one handler. Call it once.
    // Throws transport::StartError if an address is not one.
    void run(zmq::context_t& context, transport::Stop& stop);
    // The same with a context of its own, drained by SIGTERM and SIGINT; a second one ends the
    // process. REQUIRES: once per process.
    void run();

private:
    struct State;
    std::unique_ptr<State> state_;
};

} // namespace penstock::worker
