#pragma once
// Collects outcomes into `result` messages: one a round, as long as they share an epoch and a
// content type, and within bounds. Pure.

#include "protocol/codec.hpp"
#include "workers/batch.hpp"

#include <string>
#include <vector>

namespace penstock::worker {

class Results {
public:
    explicit Results(std::string worker) { open_.worker = std::move(worker); }

    void rename(std::string worker) { open_.worker = std::move(worker); }

    // The outcome must live until take(). `queued_us` is what the job's message said.
    void add(Epoch epoch, std::uint64_t queued_us, const JobRow& job, const Outcome& outcome);
    std::vector<std::string> take(); // what was added, encoded

private:
    void close();

    Result open_;
    std::size_t open_bytes_ = 0;
    std::vector<std::string> closed_;
};

} // namespace penstock::worker
