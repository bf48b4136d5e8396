#pragma once
// The jobs of one message, shared by the loop and the slots.
//
// A slot takes one job at a time with one atomic increment, so that jobs bind to slots as late as
// they can although they came together; payloads stay views of the frame they came in; the outcome
// is left in the job's row, where the loop finds it. No lock is taken for any of this.

#include "protocol/questions.hpp"
#include "workers/desk.hpp"
#include "workers/job.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <vector>

namespace penstock::worker {

// A kind's handler, and what is known of its run time. Lives as long as any job of it.
struct Kind {
    std::string name;
    Handler handler; // one of the three is set
    AsyncHandler async;
    BatchHandler batch;
    Batching together; // as a join says it, of the third
    std::atomic<std::int64_t> mean_run_ns{kUnmeasured};

    static constexpr std::int64_t kUnmeasured = 1'000'000; // what a job is taken for until then
};

struct Outcome {
    Reply reply;
    Duration run{0};
    Duration waited{0}; // here, before it was started
};

class Batch {
public:
    // `frame` is what the rows' payloads point into.
    Batch(std::shared_ptr<const void> frame, JobBatch jobs, std::shared_ptr<Kind> kind,
          std::shared_ptr<Desk> desk, Instant arrived = kNever);

    [[nodiscard]] const JobBatch& jobs() const { return jobs_; }

    [[nodiscard]] const JobRow& row(std::uint32_t i) const { return jobs_.rows[i]; }

    [[nodiscard]] Kind& kind() const { return *kind_; }

    [[nodiscard]] Desk& desk() const { return *desk_; }

    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(states_.size()); }

    // ---- slots ----
    [[nodiscard]] std::uint32_t unclaimed() const; // nearly: others may be claiming
    std::optional<std::uint32_t> claim();          // the next job to run
    std::vector<std::uint32_t> claim_all();        // all that nobody else runs
    // `started`: when its handler was called; kNever: nobody knows.
    void finish(std::uint32_t row, Reply reply, Duration run, Instant started = kNever);
    [[nodiscard]] bool cancelled(std::uint32_t row) const;
    std::stop_token stop_token(std::uint32_t row);

    // ---- the loop ----
    enum class Cancelled { before_start, running, too_late };
    Cancelled cancel(std::uint32_t row);
    // Nothing more of it starts. The rows that had not.
    std::vector<std::uint32_t> withdraw();
    // Calls each(row, outcome) for every outcome that is there and was not collected before. The
    // outcomes live until the batch does.
    template <class Each>
    void collect(Each each);

    // Every job of it was collected or withdrawn.
    [[nodiscard]] bool empty() const { return open_ == 0; }

    // Calls each(row) for every job that has been claimed and was not collected.
    template <class Each>
    void each_running(Each each) const;

    [[nodiscard]] bool all_claimed() const { return unclaimed() == 0; }

private:
    enum class RowState : std::uint8_t { waiting, running, cancelling, done, gone };

    std::shared_ptr<const void> frame_;
    JobBatch jobs_;
    std::shared_ptr<Kind> kind_;
    std::shared_ptr<Desk> desk_;
    const Instant arrived_;

    alignas(64) std::atomic<std::uint32_t> next_{0};
    std::vector<std::atomic<RowState>> states_;
    std::vector<Outcome> outcomes_;
    std::mutex stops_mutex_;
    std::map<std::uint32_t, std::stop_source> stops_; // of jobs that asked for a stop token

    std::uint32_t open_;       // the loop's: jobs that are neither collected nor withdrawn
    std::uint32_t closed_ = 0; // the loop's: every row below this is collected or withdrawn
};

template <class Each>
void Batch::collect(Each each) {
    const std::uint32_t claimed = size() - unclaimed();
    for (std::uint32_t i = closed_; i < claimed; ++i) {
        const RowState state = states_[i].load();
        if (state == RowState::done) {
            states_[i].store(RowState::gone, std::memory_order_relaxed);
            --open_;
            each(jobs_.rows[i], outcomes_[i]);
        }
        if (i == closed_ && (state == RowState::done || state == RowState::gone)) ++closed_;
    }
}

template <class Each>
void Batch::each_running(Each each) const {
    for (std::uint32_t i = 0; i < size(); ++i) {
        const RowState state = states_[i].load();
        if (state != RowState::waiting && state != RowState::gone) each(jobs_.rows[i]);
    }
}

} // namespace penstock::worker
