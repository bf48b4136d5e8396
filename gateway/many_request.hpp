#pragma once
// Bodies that name many jobs: {"ids": [...]} or {"filter": {...}}.

#include "gateway/job_request.hpp"
#include "protocol/questions.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock::gateway {

constexpr std::size_t kManyIdsMax = 100'000;
constexpr std::size_t kWaitIdsMax = 10'000;

struct JobFilter {
    std::optional<State> state;
    std::string kind, tag;
};

using WhichJobs = std::variant<std::vector<JobId>, JobFilter>;

struct WaitRequest {
    enum class Mode : std::uint8_t { all, any };
    std::vector<JobId> ids; // each once
    Mode mode = Mode::all;
    Duration timeout{0};
};

std::variant<WhichJobs, ProblemDetails> read_which_jobs(JobParser& parser, std::string_view body);
std::variant<WaitRequest, ProblemDetails> read_wait_many(JobParser& parser, std::string_view body);

// The questions that do `deed` to them, each to be asked until its cursor comes back as 0.
std::vector<AskMany> questions_of(const WhichJobs& which, AskMany::Deed deed, bool dry_run);

} // namespace penstock::gateway
