#pragma once
// Waiting for the outcomes of many jobs, with a bar.

#include "cli/api.hpp"
#include "cli/exit_code.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace penstock::cli {

inline constexpr double kBarHoldSeconds = 20; // of one question; the bar is redrawn when it is over

class Deadline {
public:
    explicit Deadline(double seconds)
        : at_(std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds)) {}

    [[nodiscard]] double seconds_left() const {
        return std::chrono::duration<double>(at_ - std::chrono::steady_clock::now()).count();
    }

private:
    std::chrono::time_point<std::chrono::steady_clock, std::chrono::duration<double>> at_;
};

// Asks for each id in turn, holding the question at the gateway while it is open. Calls `take` with
// each final report in the order of `ids`. Returns how many are final when the time is up.
std::size_t wait_for_all(Api& api, const std::vector<std::string>& ids, const Deadline& deadline,
                         const std::string& label,
                         const std::function<void(const JobReport&)>& take);

// Of one job: its result on stdout if it succeeded, else why not on stderr.
Exit print_outcome(const JobReport& job);

} // namespace penstock::cli
