// penstock demo: real jobs of several kinds over HTTP, every outcome compared with what it must be,
// and a summary.

#include "cli/checks.hpp"
#include "cli/commands.hpp"
#include "cli/demo_plan.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"
#include "cli/waiting.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace penstock::cli {
namespace {

constexpr std::size_t kDemoJobsPerRequest = 500;
constexpr std::size_t kComplaintsMax = 5;
constexpr double kDemoHoldSeconds = 30;

struct DemoFlags {
    ClientFlags client;
    std::size_t jobs = 2'000;
    std::size_t single = 200;
    double timeout = 120;
};

double steady_seconds() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}

// One job at a time, each waited for before the next: what a caller sees of an idle house.
std::vector<double> time_single_jobs(Api& api, std::size_t count) {
    std::vector<double> out;
    ProgressBar bar("one at a time ", count);
    for (std::size_t i = 0; i < count; ++i) {
        const double before = steady_seconds();
        const JobReport job =
            api.submit(R"({"kind":"echo","payload":"one","tags":["demo"]})", kDemoHoldSeconds);
        if (!job.succeeded()) throw Quit(Exit::failed, "job " + job.id + " is " + job.state + ".");
        out.push_back(steady_seconds() - before);
        bar.show(i + 1);
    }
    return out;
}

std::vector<std::string> submit_plan(Api& api, const std::vector<DemoJob>& plan) {
    std::vector<std::string> ids;
    ProgressBar bar("submitting    ", plan.size());
    for (std::size_t at = 0; at < plan.size(); at += kDemoJobsPerRequest) {
        std::string lines;
        const std::size_t end = std::min(plan.size(), at + kDemoJobsPerRequest);
        for (std::size_t i = at; i < end; ++i) lines += plan[i].body + "\n";
        const BulkAnswer answer = api.submit_bulk(lines);
        if (!answer.errors.empty()) throw Quit(Exit::failed, answer.errors.front());
        ids.insert(ids.end(), answer.ids.begin(), answer.ids.end());
        bar.show(end);
    }
    return ids;
}

DemoTally collect(Api& api, const std::vector<DemoJob>& plan, const std::vector<std::string>& ids,
                  double timeout) {
    DemoTally tally;
    std::size_t at = 0, complaints = 0;
    const Deadline deadline(timeout);
    wait_for_all(api, ids, deadline, "outcomes      ", [&](const JobReport& job) {
        const boost::json::value* result = job.raw.if_contains("result");
        const std::string wrong =
            tally.take(plan[at++], job.state, job.attempt, result == nullptr ? nullptr : *result,
                       job.submitted_at, job.finished_at);
        if (wrong.empty() || ++complaints > kComplaintsMax) return;
        std::fprintf(stderr, "penstock: job %s (%s) %s.\n", job.id.c_str(), job.kind.c_str(),
                     wrong.c_str());
    });
    return tally;
}

std::vector<std::string> cells(const std::string& label, const DemoRow& row) {
    return {label,
            count_text(row.jobs),
            count_text(row.succeeded),
            count_text(row.failed),
            count_text(row.attempts),
            duration_text(quantile(row.seconds, 0.5)),
            duration_text(quantile(row.seconds, 0.99))};
}

void print_summary(const DemoTally& tally, const std::vector<double>& single) {
    Table table({{"KIND"},
                 {"JOBS", Align::right},
                 {"SUCCEEDED", Align::right},
                 {"FAILED", Align::right},
                 {"ATTEMPTS", Align::right},
                 {"P50", Align::right},
                 {"P99", Align::right}});
    for (const auto& [label, row] : tally.rows()) table.add(cells(label, row));
    table.add(cells("all", tally.total()));
    print_table(table);
    std::printf("\n%s jobs/s from the first job stored to the last outcome; P50 and P99 are from "
                "submit to outcome,\nwith everything submitted at once. One at a time over HTTP: "
                "p50 %s, p99 %s.\n",
                count_text(static_cast<std::uint64_t>(tally.jobs_per_second())).c_str(),
                duration_text(quantile(single, 0.5)).c_str(),
                duration_text(quantile(single, 0.99)).c_str());
}

boost::json::object row_json(const std::string& label, const DemoRow& row) {
    return {{"kind", label},
            {"jobs", row.jobs},
            {"succeeded", row.succeeded},
            {"failed", row.failed},
            {"attempts", row.attempts},
            {"p50_s", quantile(row.seconds, 0.5)},
            {"p99_s", quantile(row.seconds, 0.99)}};
}

void print_json(const DemoTally& tally, const std::vector<double>& single) {
    for (const auto& [label, row] : tally.rows()) {
        std::printf("%s\n", boost::json::serialize(row_json(label, row)).c_str());
    }
    boost::json::object all = row_json("all", tally.total());
    all["jobs_s"] = tally.jobs_per_second();
    all["single_p50_s"] = quantile(single, 0.5);
    all["single_p99_s"] = quantile(single, 0.99);
    std::printf("%s\n", boost::json::serialize(all).c_str());
}

Exit demo(const DemoFlags& flags) {
    Api api(flags.client.gateway);
    const std::vector<DemoJob> plan = demo_plan(flags.jobs);
    std::fprintf(stderr, "%zu jobs one at a time, then %zu of six sorts at once ...\n",
                 flags.single, plan.size());
    const std::vector<double> single = time_single_jobs(api, flags.single);
    const std::vector<std::string> ids = submit_plan(api, plan);
    if (ids.size() != plan.size()) {
        throw Quit(Exit::failed, "of " + std::to_string(plan.size()) + " jobs " +
                                     std::to_string(ids.size()) + " were accepted.");
    }
    const DemoTally tally = collect(api, plan, ids, flags.timeout);
    if (flags.client.json)
        print_json(tally, single);
    else
        print_summary(tally, single);
    const DemoRow total = tally.total();
    if (total.jobs < plan.size()) {
        throw Quit(Exit::timed_out, std::to_string(plan.size() - total.jobs) + " of " +
                                        std::to_string(plan.size()) +
                                        " jobs were not finished in time.");
    }
    if (total.wrong > 0) {
        throw Quit(Exit::failed, std::to_string(total.wrong) + " outcomes are not as planned.");
    }
    return Exit::ok;
}

} // namespace

Command demo_command(CLI::App& root) {
    auto flags = std::make_shared<DemoFlags>();
    CLI::App* app = root.add_subcommand("demo", "Submit jobs of several kinds, check every outcome "
                                                "and print a summary");
    add_client_flags(*app, flags->client);
    app->add_option("--jobs", flags->jobs, "So many of each quick kind")
        ->check(CLI::Range(1, 1'000'000));
    app->add_option("--single", flags->single, "So many one at a time before")
        ->check(CLI::Range(1, 1'000'000));
    app->add_option("--timeout", flags->timeout, "Seconds to wait for all outcomes")
        ->check(seconds_above_zero());
    return {app, [flags] { return demo(*flags); }};
}

} // namespace penstock::cli
