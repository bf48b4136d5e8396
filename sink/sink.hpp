#pragma once
// The sink as a process or as a thread of one: sockets around the ledger.

#include "record/file.hpp"
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
    // The file of the durable store; empty: everything is kept in memory, and gone with it.
    std::string store;
    bool sync_full = true; // a commit waits for the disk, not only for the operating system
    std::uint64_t store_reserve = 256ull << 20; // bytes of the disk that new work may not take
    record::FileOptions record;
};

// Runs until `stop` asks for it. Calls `ready` when its ports are open. Throws StoreError
// (store.hpp) if the store can't be used, or fails: then nobody was told what it did not keep.
// Throws transport::StartError if one can't be opened.
void run(const Options& options, zmq::context_t& context, transport::Stop& stop,
         const std::function<void()>& ready);

} // namespace penstock::sink
