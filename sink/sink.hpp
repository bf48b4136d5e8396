#pragma once
// The sink as a process or as a thread of one: sockets around the ledger.

#include "transport/wakeup.hpp"

#include <cstdint>
#include <functional>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace penstock::sink {

struct Options {
    std::vector<std::string> doors = {"tcp://127.0.0.1:5557"};
    std::vector<std::string> statuses = {"tcp://127.0.0.1:5558"};
    std::vector<std::string> events = {"tcp://127.0.0.1:5559"}; // none: nobody can listen
    std::string advertised_door; // what workers dial; empty: what the ventilator dials
    double result_ttl_seconds = 3600;
    std::uint64_t finished_max = 1'000'000;
    std::uint64_t finished_bytes_max = 1ull << 30;
    std::uint64_t waits_max = 100'000;
    // Open jobs above which it makes none of its own: members of groups, callbacks, retries. What
    // comes by the ventilator is limited there.
    std::uint64_t jobs_max = 1'000'000;
    std::uint64_t bytes_max = 1ull << 30;
};

// Runs until `stop` asks for it. Calls `ready` when its ports are open.
// Throws transport::StartError if one can't be opened.
void run(const Options& options, zmq::context_t& context, transport::Stop& stop,
         const std::function<void()>& ready);

} // namespace penstock::sink
