// Jobs of one kind and size over ZeroMQ, at most so many without a known outcome, until the sink
// has stored all of them or knows all outcomes. The bytes of a payload are made once and sent many
// times, so that what is measured is the pipeline and not their making.

#include "bench/client.hpp"
#include "bench/figures.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <random>

namespace penstock::bench {
namespace {

constexpr std::int64_t kAskEvery = 5'000'000; // ns
constexpr std::int64_t kStuckAfter = 30'000'000'000;

struct Plan {
    Addresses at;
    std::string kind = "echo";
    std::uint64_t jobs = 1'000;
    std::uint64_t bytes = 1u << 20;
    std::uint64_t batch = 1; // jobs a message
    std::uint64_t in_flight = 64;
    std::uint64_t workers = 2;
    std::string until = "finished"; // or "stored"
};

struct Counts {
    std::uint64_t reached = 0, otherwise = 0;
};

Counts counts_of(const SinkStats& stats, const Plan& plan) {
    Counts out;
    for (const SinkKind& kind : stats.kinds) {
        if (kind.kind != plan.kind) continue;
        out.reached = plan.until == "stored" ? kind.stored : kind.succeeded;
        out.otherwise = kind.failed + kind.cancelled + kind.expired + kind.quarantined;
    }
    return out;
}

std::string payload_of_size(std::uint64_t bytes, std::mt19937_64& random) {
    std::string content(bytes, '\0'), payload;
    for (auto& each : content) each = static_cast<char>(random());
    Writer(payload).bytes(content);
    return payload;
}

void run(const Plan& plan) {
    Client client(plan.at);
    client.wait_until_serving(plan.workers);
    std::mt19937_64 random{std::random_device{}()};
    const std::string payload = payload_of_size(plan.bytes, random);
    const auto ask = [&] {
        return counts_of(std::get<SinkStats>(client.ask_sink(AskStats{})), plan);
    };
    const Counts before = ask();
    const std::int64_t start = clock_ns();
    std::int64_t progress_at = start, ask_at = start;
    std::uint64_t sent = 0, done = 0;
    while (done < plan.jobs) {
        const std::int64_t now = clock_ns();
        if (now >= ask_at) {
            const Counts counts = ask();
            if (counts.otherwise != before.otherwise)
                throw std::runtime_error("a job did not succeed");
            if (counts.reached - before.reached != done) progress_at = now;
            done = counts.reached - before.reached;
            ask_at = clock_ns() + kAskEvery;
        }
        if (now - progress_at > kStuckAfter)
            throw std::runtime_error("stuck after " + std::to_string(done) + " outcomes");
        if (sent == plan.jobs || sent - done >= plan.in_flight) {
            client.sleep_until_sink_answers(1);
            continue;
        }
        Submit jobs;
        jobs.terms.kind = plan.kind;
        for (std::uint64_t i = 0; i < plan.batch && sent < plan.jobs; ++i, ++sent)
            jobs.rows.push_back({make_uuid7(1, random(), random()), payload});
        const auto frame = transport::make_frame(encode(jobs));
        while (!client.submit_encoded(frame)) client.sleep_until_sink_answers(1);
    }
    const double seconds = static_cast<double>(clock_ns() - start) * 1e-9;
    char line[160];
    std::snprintf(line, sizeof(line),
                  R"({"jobs": %llu, "seconds": %.4f, "jobs_s": %.0f, "gigabytes_s": %.3f})",
                  static_cast<unsigned long long>(done), seconds,
                  static_cast<double>(done) / seconds,
                  static_cast<double>(done * plan.bytes) / seconds * 1e-9);
    say(line);
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("Jobs of one kind and size");
    plan.at.add_options(app);
    app.add_option("--kind", plan.kind);
    app.add_option("--jobs", plan.jobs);
    app.add_option("--bytes", plan.bytes)->check(CLI::Range(8u, 16u << 20));
    app.add_option("--batch", plan.batch, "Jobs a message")->check(CLI::Range(1u, 65'536u));
    app.add_option("--until", plan.until)->check(CLI::IsMember({"finished", "stored"}));
    app.add_option("--in-flight", plan.in_flight, "Jobs without a known outcome, at most");
    app.add_option("--workers", plan.workers, "Workers to wait for before the first job");
    return main_of(app, argc, argv, [&] { run(plan); });
}
