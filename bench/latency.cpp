// One job at a time over ZeroMQ: submit it, ask the sink right after to say when it is finished,
// and take the time until that answer. Prints {"p50_us", "p99_us", "longest_us", "count"}.

#include "bench/client.hpp"
#include "bench/figures.hpp"

#include <random>
#include <thread>

namespace penstock::bench {
namespace {

struct Plan {
    Addresses at;
    Timing timing;
    std::uint64_t bytes = 100;
    std::uint64_t rest_ms = 0; // before each job, so that everything has gone to sleep
    std::uint64_t workers = 2;
};

struct Job {
    std::string payload;
    JobId id;
};

void run(const Plan& plan) {
    Client client(plan.at);
    client.wait_until_serving(plan.workers);
    std::mt19937_64 random{std::random_device{}()};
    const auto make = [&](std::uint64_t) {
        if (plan.rest_ms > 0) std::this_thread::sleep_for(std::chrono::milliseconds(plan.rest_ms));
        return Job{payload_of(random(), plan.bytes),
                   make_uuid7(random() >> 16, random(), random())};
    };
    const auto submit_and_wait = [&](const Job& job) {
        Submit submit;
        submit.terms.kind = "echo";
        submit.rows.push_back({job.id, job.payload});
        AskWait wait;
        wait.id = job.id;
        wait.timeout = std::chrono::seconds(10);
        wait.value = true;
        if (!client.submit(submit)) throw std::runtime_error("the door takes no jobs");
        return std::get<JobAnswer>(client.ask_sink(wait));
    };
    const auto check = [](const Job& job, const JobAnswer& answer) {
        if (answer.found != Found::found || answer.job.value != job.payload)
            throw std::runtime_error("a job did not come back as it was");
    };
    say_latencies(plan.timing, time_each(plan.timing, make, submit_and_wait, check));
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("The time from submit to outcome, one job at a time, over ZeroMQ");
    plan.at.add_options(app);
    plan.timing.add_options(app, "--jobs");
    app.add_option("--rest-ms", plan.rest_ms, "Milliseconds of rest before each job");
    app.add_option("--workers", plan.workers, "Workers to wait for before the first job");
    return main_of(app, argc, argv, [&] { run(plan); });
}
