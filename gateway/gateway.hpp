#pragma once
// The gateway as a process or as threads of one: HTTP in front, ZeroMQ behind.

#include "transport/wakeup.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace penstock::gateway {

struct Options {
    std::string http = "127.0.0.1:8080"; // HOST:PORT; port 0 takes a free one
    std::string ventilator_door = "tcp://127.0.0.1:5555";
    std::string ventilator_control = "tcp://127.0.0.1:5556";
    std::string sink_status = "tcp://127.0.0.1:5558";
    std::string sink_events = "tcp://127.0.0.1:5559";
    unsigned threads = 1;                  // each with its own io_context
    bool allow_get_submit = false;         // GET /v1/run/{kind}
    std::vector<std::string> public_hosts; // values of Host that are served besides loopback
    double store_timeout_seconds = 10;     // then 504 outcome-unknown
    double drain_seconds = 25;             // how long SIGTERM waits for open requests
    std::uint64_t body_bytes_max = 0;      // 0 = the limits of the wire (16 MiB; bulk 64 MiB)
};

// Runs until `stop` asks for a drain and the drain is done. Calls `ready` with the address that it
// listens on. Throws transport::StartError if it can't listen.
void run(const Options& options, zmq::context_t& context, transport::Stop& stop,
         const std::function<void(const std::string& address)>& ready);

} // namespace penstock::gateway
