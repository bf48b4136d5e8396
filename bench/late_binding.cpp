// Jobs of very different length on a few workers: what the last outcome took, by what it would take
// if no slot ever waited. 90 % of them sleep 5 ms, 10 % 200 ms, in an order drawn from a seed;
// whoever binds jobs to workers early leaves short ones behind long ones.
//
// Prints {"makespan_seconds", "bound_seconds", "ratio"}.

#include "bench/client.hpp"
#include "bench/figures.hpp"

#include <algorithm>
#include <cstring>
#include <random>

namespace penstock::bench {
namespace {

constexpr double kShort = 0.005, kLong = 0.2;
constexpr std::int64_t kStuckAfter = 60'000'000'000;

struct Plan {
    Addresses at;
    std::uint64_t jobs = 400;
    std::uint64_t workers = 4; // of one slot each
    std::uint64_t seed = 1;
};

std::string sleep_for(double seconds) { // {"seconds": seconds}
    std::string out = "\x81\xa7seconds\xcb";
    std::uint64_t bits = 0;
    std::memcpy(&bits, &seconds, sizeof bits);
    for (int shift = 56; shift >= 0; shift -= 8) out.push_back(static_cast<char>(bits >> shift));
    return out;
}

void run(const Plan& plan) {
    std::mt19937_64 random(plan.seed);
    std::vector<double> lengths(plan.jobs, kShort);
    std::fill_n(lengths.begin(), plan.jobs / 10, kLong);
    std::shuffle(lengths.begin(), lengths.end(), random);
    std::vector<std::string> payloads;
    for (const double each : lengths) payloads.push_back(sleep_for(each));

    Client client(plan.at);
    client.wait_until_serving(plan.workers);
    Submit submit;
    submit.terms.kind = "sleep";
    std::vector<JobId> ids;
    for (const std::string& payload : payloads) {
        ids.push_back(make_uuid7(1, random(), random() ^ static_cast<std::uint64_t>(clock_ns())));
        submit.rows.push_back({ids.back(), payload});
    }
    const std::int64_t start = clock_ns();
    while (!client.submit(submit)) {
        if (clock_ns() - start > kStuckAfter) throw std::runtime_error("nobody takes the jobs");
    }
    for (const JobId& id : ids) {
        AskWait wait;
        wait.id = id;
        wait.timeout = std::chrono::seconds(60);
        const auto answer = std::get<JobAnswer>(client.ask_sink(wait));
        if (answer.found != Found::found || answer.job.state != State::succeeded) {
            throw std::runtime_error("job " + id.text() + " did not succeed");
        }
    }
    const double took = static_cast<double>(clock_ns() - start) / 1e9;
    double all = 0;
    for (const double each : lengths) all += each;
    const double bound = std::max(all / static_cast<double>(plan.workers), kLong);
    say("{\"makespan_seconds\": " + std::to_string(took) + ", \"bound_seconds\": " +
        std::to_string(bound) + ", \"ratio\": " + std::to_string(took / bound) + "}");
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("Jobs of very different length on a few workers");
    plan.at.add_options(app);
    app.add_option("--jobs", plan.jobs)->check(CLI::Range(10u, 100'000u));
    app.add_option("--workers", plan.workers)->check(CLI::Range(1u, 1'000u));
    app.add_option("--seed", plan.seed);
    return main_of(app, argc, argv, [&] { run(plan); });
}
