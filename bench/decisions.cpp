// How many jobs a second the dispatcher gives to lanes, alone: no socket, no sink, no handler. So
// many jobs wait in 50 kinds with 10 priorities, and stay so many: for each that is given out a new
// one comes. What is counted is CPU time of `pump`, which picks jobs and writes them into messages.
//
// Every job takes 10 ms, as the dispatcher has measured, so that none shares a turn with another:
// each is a decision of its own. Then it asks for the position of waiting jobs.

#include "bench/figures.hpp"
#include "ventilator/dispatcher.hpp"

#include <algorithm>
#include <random>
#include <utility>

namespace penstock::bench {
namespace {

using namespace std::chrono_literals;

struct Plan {
    std::uint64_t queued = 1'000'000;
    std::uint64_t decisions = 2'000'000;
    std::uint64_t positions = 20'000;
    std::uint64_t request = 64; // jobs that come together, at first
    std::uint64_t kinds = 50, priorities = 10, tenants = 0; // 0: all jobs have none
    std::uint32_t lanes = 32, slots = 16;
};

class Bench {
public:
    explicit Bench(const Plan& plan) : plan_(plan), dispatcher_(limits(plan), 42, now_) {
        dispatcher_.sink_up(7, 1, false, out_);
        Join join;
        join.batch = true;
        join.slots = plan.slots;
        for (std::uint64_t k = 0; k < plan.kinds; ++k) join.kinds.push_back("kind" + std::to_string(k));
        kinds_ = join.kinds;
        while (queued() < plan.queued) add(std::min(plan.request, plan.queued - queued()));
        dispatcher_.pump(now_, out_);
        settle();
        for (std::uint32_t lane = 0; lane < plan.lanes; ++lane) {
            const ventilator::Joined joined = dispatcher_.join(join, now_, out_);
            dispatcher_.lane_up(joined.lane, now_);
            workers_.push_back(joined.worker);
        }
        decide();
    }

    void run(std::uint64_t decisions) {
        const std::uint64_t until = decided_ + decisions;
        while (decided_ < until) {
            now_ += 10ms;
            // Who is silent gets no more.
            for (const auto& worker : workers_) dispatcher_.on(Heartbeat{worker, {}, 0, 0, 0}, now_);
            settle();
            while (queued() < plan_.queued)
                add(std::min<std::uint64_t>(16, plan_.queued - queued()));
            decide();
        }
    }

    void forget_times() {
        decide_seconds_ = 0;
        decided_ = 0;
        began_ = cpu_seconds();
    }

    [[nodiscard]] double decisions_s() const {
        return static_cast<double>(decided_) / decide_seconds_;
    }

    [[nodiscard]] double whole_us() const { // of a job: coming in, being given out, leaving
        return (cpu_seconds() - began_) / static_cast<double>(decided_) * 1e6;
    }

    std::vector<double> positions_us() { // sorted
        settle(); // what came last waits too
        std::vector<double> out;
        while (out.size() < plan_.positions) {
            // Of the latest: nearly all before them were given out.
            const JobNumber number = next_ - 1 - random_() % std::min(next_ - 1, 4 * plan_.queued);
            const std::int64_t start = clock_ns();
            const Positions said = dispatcher_.positions({{number}}, now_);
            const std::int64_t end = clock_ns();
            if (said.rows.at(0).position == 0) continue; // it was given out before
            out.push_back(static_cast<double>(end - start) / 1e3);
        }
        std::sort(out.begin(), out.end());
        return out;
    }

private:
    static ventilator::Limits limits(const Plan& plan) {
        ventilator::Limits l;
        l.jobs_max = plan.queued + 100'000;
        return l;
    }

    [[nodiscard]] std::uint64_t queued() const { return dispatcher_.open_jobs() - sent_.size(); }

    // A request of so many jobs; the next `pump` tells the sink.
    void add(std::uint64_t jobs) {
        Submit submit;
        submit.terms.kind = kinds_[random_() % kinds_.size()];
        submit.terms.priority = static_cast<int>(random_() % plan_.priorities);
        if (plan_.tenants > 0) {
            submit.terms.tenant = "t" + std::to_string(random_() % plan_.tenants);
        }
        for (std::uint64_t i = 0; i < jobs; ++i) {
            submit.rows.push_back({make_uuid7(1, random_(), random_()), Bytes("\xa1p", 2)});
        }
        const auto count = static_cast<std::uint32_t>(jobs);
        dispatcher_.on(std::move(submit), now_, out_);
        told_.push_back({next_, count});
        next_ += count;
    }

    // The sink has what it was told, and the outcome of all that was given out.
    void settle() {
        dispatcher_.on(FromSink(Stored{std::exchange(told_, {}), {}, {}}), now_, out_);
        Settled settled;
        for (const auto& [number, attempt] : sent_) {
            settled.rows.push_back({number, 1, attempt, 10'000});
        }
        sent_.clear();
        dispatcher_.on(FromSink(settled), now_, out_);
        dispatcher_.tick(now_, out_);
        out_ = {};
    }

    void decide() {
        const double start = cpu_seconds();
        dispatcher_.pump(now_, out_);
        decide_seconds_ += cpu_seconds() - start;
        for (const auto& to : out_.to_lanes) {
            const auto* batch = std::get_if<JobBatch>(&to.message);
            if (batch == nullptr) continue;
            for (const JobRow& row : batch->rows) sent_.emplace_back(row.number, row.attempt);
        }
        decided_ += sent_.size();
        out_ = {};
    }

    const Plan plan_;
    Instant now_{std::chrono::hours(1)};
    ventilator::Dispatcher dispatcher_;
    ventilator::Outbox out_;
    std::vector<std::string> kinds_, workers_;
    std::vector<std::pair<JobNumber, std::uint32_t>> sent_;
    std::mt19937_64 random_{1};
    std::vector<Range> told_;
    JobNumber next_ = 1;
    std::uint64_t decided_ = 0;
    double decide_seconds_ = 0, began_ = 0;
};

void run(const Plan& plan) {
    Bench bench(plan);
    bench.run(plan.decisions / 10); // times are measured, tables have their size
    bench.forget_times();
    bench.run(plan.decisions);
    const double decisions_s = bench.decisions_s(), whole_us = bench.whole_us();
    const std::vector<double> positions = bench.positions_us();
    say("{\"queued\": " + std::to_string(plan.queued) + ", \"decisions_s\": " +
        std::to_string(decisions_s) + ", \"whole_us\": " + std::to_string(whole_us) +
        ", \"position_p50_us\": " + std::to_string(positions[positions.size() / 2]) +
        ", \"position_p99_us\": " + std::to_string(positions[positions.size() * 99 / 100]) + "}");
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("How many jobs a second the dispatcher gives to lanes");
    app.add_option("--queued", plan.queued)->check(CLI::Range(1'000u, 10'000'000u));
    app.add_option("--decisions", plan.decisions)->check(CLI::Range(1'000u, 100'000'000u));
    app.add_option("--positions", plan.positions)->check(CLI::Range(100u, 1'000'000u));
    app.add_option("--request", plan.request)->check(CLI::Range(1u, 1'000'000u));
    app.add_option("--kinds", plan.kinds)->check(CLI::Range(1u, 1'000u));
    app.add_option("--priorities", plan.priorities)->check(CLI::Range(1u, 10u));
    app.add_option("--tenants", plan.tenants)->check(CLI::Range(0u, 100'000u));
    app.add_option("--lanes", plan.lanes)->check(CLI::Range(1u, 10'000u));
    app.add_option("--slots", plan.slots)->check(CLI::Range(1u, 1'000u));
    return main_of(app, argc, argv, [&] { run(plan); });
}
