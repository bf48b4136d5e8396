#pragma once
// The ventilator as a process or as a thread of one: sockets around the dispatcher.

#include "protocol/terms.hpp"
#include "record/file.hpp"
#include "transport/wakeup.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace penstock::ventilator {

struct Options {
    std::vector<std::string> doors = {"tcp://127.0.0.1:5555"};
    std::vector<std::string> controls = {"tcp://127.0.0.1:5556"};
    // Dialled by the ventilator itself, and by workers unless the sink advertises another host.
    std::string sink_door = "tcp://127.0.0.1:5557";
    std::string sink_status = "tcp://127.0.0.1:5558";
    std::string advertised_door = "tcp://127.0.0.1:5555"; // what the sink and workers dial
    std::string bind_host = "127.0.0.1";                  // of lanes
    std::uint16_t lanes_from = 20'000, lanes_to = 29'999;
    std::vector<std::string> declared_kinds; // known before any worker joins
    std::map<std::string, KindSettings> kind_settings; // likewise, unless the sink has others
    std::uint64_t jobs_max = 1'000'000;
    std::uint64_t bytes_max = 1ull << 30;
    double ping_seconds = 5;
    double silent_limit_seconds = 60;
    double ageing_seconds = 60; // of waiting lift a priority by one; 0: priorities are strict
    double drain_seconds = 30; // how long SIGTERM waits for what runs
    record::FileOptions record;
};

// Runs until `stop` asks for a drain and the drain is done. Calls `ready` when its ports are open.
// Throws transport::StartError if one can't be opened.
void run(const Options& options, zmq::context_t& context, transport::Stop& stop,
         const std::function<void()>& ready);

} // namespace penstock::ventilator
