#pragma once
// What `penstock demo` submits, what must come of it, and the figures of it. Pure.

#include <boost/json.hpp>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace penstock::cli {

struct DemoJob {
    std::string label;         // the row of the summary that it counts in
    std::string body;          // as the gateway takes it
    std::string state;         // that it must end in
    std::uint64_t attempt = 1; // the one that must decide it
    boost::json::value result; // that it must have, if it succeeds; null: any
};

// `quick_jobs` each of echo and add, and some of the others, mixed.
std::vector<DemoJob> demo_plan(std::size_t quick_jobs);

struct DemoRow {
    std::uint64_t jobs = 0, succeeded = 0, failed = 0, attempts = 0, wrong = 0;
    std::vector<double> seconds; // from submitted to finished
};

class DemoTally {
public:
    // Empty if the job came out as planned, else what is wrong with it.
    std::string take(const DemoJob& job, const std::string& state, std::uint64_t attempt,
                     const boost::json::value& result, double submitted_at, double finished_at);

    [[nodiscard]] const std::map<std::string, DemoRow>& rows() const { return rows_; }

    [[nodiscard]] DemoRow total() const;
    [[nodiscard]] double jobs_per_second() const; // from the first submitted to the last finished

private:
    std::map<std::string, DemoRow> rows_;
    double first_ = 0, last_ = 0;
};

// Of unsorted values, 0 <= part <= 1; -1 if there are none.
double quantile(std::vector<double> values, double part);

} // namespace penstock::cli
