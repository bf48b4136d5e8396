#pragma once
// Collects outcomes into `result` messages: one a round, as long as they share an epoch and a
// content type, and within bounds. Pure.

#include "protocol/codec.hpp"
#include "workers/batch.hpp"

#include <span>
#include <string>
#include <vector>

namespace penstock::worker {

class Results {
public:
    explicit Results(std::string worker) { open_.worker = std::move(worker); }

    void rename(std::string worker) { open_.worker = std::move(worker); }

    // The outcome must live until take(). `queued_us` is what the job's message said.
    void add(Epoch epoch, std::uint64_t queued_us, const JobRow& job, const Outcome& outcome);
    // Calls each(std::string encoded, Epoch, std::span<const JobNumber> its jobs) for every message
    // that what was added makes.
    template <class Each>
    void take(Each each);

private:
    struct Closed {
        std::string encoded;
        Epoch epoch;
        std::size_t rows;
    };

    void close();

    Result open_;
    std::size_t open_bytes_ = 0;
    std::vector<Closed> closed_;
    std::vector<JobNumber> numbers_; // of the rows of all of them, and of the open one
};

template <class Each>
void Results::take(Each each) {
    close();
    std::span<const JobNumber> numbers = numbers_;
    for (Closed& message : closed_) {
        each(std::move(message.encoded), message.epoch, numbers.first(message.rows));
        numbers = numbers.subspan(message.rows);
    }
    closed_.clear();
    numbers_.clear();
}

} // namespace penstock::worker
