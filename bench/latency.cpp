// One job at a time over ZeroMQ: submit it, ask the sink right after to say when it is finished,
// and take the time until that answer. Prints {"p50_us", "p99_us", "count"}.

#include "bench/client.hpp"
#include "bench/figures.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <random>
#include <thread>

namespace penstock::bench {
namespace {

struct Plan {
    Addresses at;
    std::uint64_t jobs = 2'000, warm_up = 200;
    std::uint64_t bytes = 100;
    std::uint64_t rest_ms = 0; // before each job, so that everything has gone to sleep
    std::uint64_t workers = 2;
};

void run(const Plan& plan) {
    Client client(plan.at);
    client.wait_until_serving(plan.workers);
    std::mt19937_64 random{std::random_device{}()};
    std::vector<std::int64_t> took;
    for (std::uint64_t i = 0; i < plan.warm_up + plan.jobs; ++i) {
        const std::string payload = payload_of(random(), plan.bytes);
        Submit submit;
        submit.terms.kind = "echo";
        submit.rows.push_back({make_uuid7(random() >> 16, random(), random()), payload});
        AskWait wait;
        wait.id = submit.rows[0].id;
        wait.timeout = std::chrono::seconds(10);
        wait.value = true;
        if (plan.rest_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(plan.rest_ms));
        const std::int64_t start = clock_ns();
        if (!client.submit(submit)) throw std::runtime_error("the door takes no jobs");
        const auto answer = std::get<JobAnswer>(client.ask_sink(wait));
        const std::int64_t end = clock_ns();
        if (answer.found != Found::found || answer.job.value != payload)
            throw std::runtime_error("a job did not come back as it was");
        if (i >= plan.warm_up) took.push_back(end - start);
    }
    say(percentiles(std::move(took)));
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("The time from submit to outcome, one job at a time, over ZeroMQ");
    app.add_option("--door", plan.at.door, "The ventilator's door")->required();
    app.add_option("--control", plan.at.control, "The ventilator's control")->required();
    app.add_option("--status", plan.at.status, "The sink's status")->required();
    app.add_option("--jobs", plan.jobs)->check(CLI::Range(1u, 10'000'000u));
    app.add_option("--rest-ms", plan.rest_ms, "Milliseconds of rest before each job");
    app.add_option("--workers", plan.workers, "Workers to wait for before the first job");
    CLI11_PARSE(app, argc, argv);
    try {
        run(plan);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench-latency: %s\n", error.what());
        return 1;
    }
}
