#pragma once
// What the programs of all peers share: 100 distinct bytes a job, one line of result, and the
// certainty that each job came back once and as it was.

#include "bench/figures.hpp"

#include <cstring>
#include <stdexcept>
#include <string_view>

namespace penstock::bench {

constexpr std::size_t kPayloadBytes = 100;
constexpr std::size_t kMsgpackHead = 2;
constexpr std::uint64_t kMostInFlight = 100'000; // as bench-submit
constexpr std::uint64_t kBatch = 64;             // as bench-submit

inline std::string job_payload(std::uint64_t number) {
    return payload_of(number, kPayloadBytes).substr(kMsgpackHead);
}

// Throws if an outcome is not one of `jobs` payloads, or if it comes twice.
class Outcomes {
public:
    explicit Outcomes(std::uint64_t jobs) : seen_(jobs) {}

    void take(std::string_view value) {
        std::uint64_t number = 0;
        if (value.size() != kPayloadBytes) throw std::runtime_error("an outcome has another size");
        std::memcpy(&number, value.data(), sizeof(number));
        if (number >= seen_.size() || seen_[number]) throw std::runtime_error("an outcome twice");
        if (number % 1000 == 0 && value != job_payload(number))
            throw std::runtime_error("an outcome is not its payload");
        seen_[number] = true;
        ++count_;
    }
    [[nodiscard]] std::uint64_t count() const { return count_; }
    [[nodiscard]] bool all() const { return count_ == seen_.size(); }

private:
    std::vector<bool> seen_;
    std::uint64_t count_ = 0;
};

struct PeerPlan {
    int port = 0;
    std::uint64_t jobs = 10'000;
};

// `worker --port P` works until it is ended; `client --port P --jobs N` prints one line.
inline int peer_main(int argc, char** argv, void (*worker)(const PeerPlan&),
                     void (*client)(const PeerPlan&)) {
    PeerPlan plan;
    CLI::App app("The benchmark's job for a peer");
    app.require_subcommand(1);
    void (*role)(const PeerPlan&) = nullptr;
    for (const auto& [name, run] : {std::pair{"worker", worker}, std::pair{"client", client}}) {
        CLI::App* sub = app.add_subcommand(name);
        sub->add_option("--port", plan.port)->required();
        sub->add_option("--jobs", plan.jobs);
        sub->callback([&role, run = run] { role = run; });
    }
    return main_of(app, argc, argv, [&] { role(plan); });
}

} // namespace penstock::bench
