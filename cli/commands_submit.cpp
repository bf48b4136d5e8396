// penstock submit: one job, or many alike.

#include "cli/checks.hpp"
#include "cli/commands.hpp"
#include "cli/job_text.hpp"
#include "cli/terminal.hpp"
#include "cli/waiting.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <optional>

namespace penstock::cli {
namespace {

constexpr std::size_t kJobsPerRequest = 5'000;
constexpr std::size_t kBytesPerRequest = 16u << 20;
constexpr double kHoldSeconds = 60; // of one question; longer waits ask again

struct SubmitFlags {
    ClientFlags client;
    std::string kind;
    std::string payload = "null";
    std::string id, tenant;
    std::optional<int> priority;
    std::optional<double> delay, ttl, timeout, backoff;
    std::optional<unsigned> max_attempts;
    std::vector<std::string> tags, needs;
    std::string run_at, deadline, then, on_failure;
    bool no_redeliver = false;
    double wait = 0;
    std::size_t count = 1;
};

boost::json::object terms_of(const SubmitFlags& flags) {
    boost::json::object out;
    out["kind"] = flags.kind;
    if (!flags.id.empty()) out["id"] = flags.id;
    if (flags.priority) out["priority"] = *flags.priority;
    if (flags.delay) out["delay"] = *flags.delay;
    if (flags.ttl) out["ttl"] = *flags.ttl;
    if (flags.timeout) out["timeout"] = *flags.timeout;
    if (flags.max_attempts) out["max_attempts"] = *flags.max_attempts;
    if (flags.backoff) out["backoff"] = *flags.backoff;
    if (!flags.tenant.empty()) out["tenant"] = flags.tenant;
    if (!flags.run_at.empty()) out["run_at"] = flags.run_at;
    if (!flags.deadline.empty()) out["deadline"] = flags.deadline;
    if (flags.no_redeliver) out["redeliver"] = false;
    if (!flags.needs.empty()) out["needs"] = boost::json::value_from(flags.needs);
    if (!flags.then.empty()) out["then"] = {{"kind", flags.then}};
    if (!flags.on_failure.empty()) out["on_failure"] = {{"kind", flags.on_failure}};
    if (!flags.tags.empty()) out["tags"] = boost::json::value_from(flags.tags);
    return out;
}

Exit not_finished(const std::string& id, double seconds) {
    std::printf("%s\n", id.c_str());
    std::fprintf(stderr,
                 "penstock: job %s is not finished after %g s; `penstock wait %s` goes on.\n",
                 id.c_str(), seconds, id.c_str());
    return Exit::timed_out;
}

Exit submit_one(const SubmitFlags& flags, const std::string& body) {
    Api api(flags.client.gateway);
    const Deadline deadline(flags.wait);
    JobReport job = api.submit(body, std::min(flags.wait, kHoldSeconds));
    while (flags.wait > 0 && !job.is_final() && deadline.seconds_left() > 0) {
        job = api.job(job.id, std::min(deadline.seconds_left(), kHoldSeconds));
    }
    if (flags.client.json) {
        std::printf("%s\n", boost::json::serialize(job.raw).c_str());
    } else if (flags.wait <= 0) {
        std::printf("%s\n", job.id.c_str());
    } else if (job.is_final()) {
        return print_outcome(job);
    } else {
        return not_finished(job.id, flags.wait);
    }
    if (flags.wait <= 0) return Exit::ok;
    if (!job.is_final()) return Exit::timed_out;
    return job.succeeded() ? Exit::ok : Exit::failed;
}

std::vector<std::string> send_copies(Api& api, const std::string& body, std::size_t count) {
    const std::size_t at_once =
        std::clamp<std::size_t>(kBytesPerRequest / (body.size() + 1), 1, kJobsPerRequest);
    std::vector<std::string> ids;
    ProgressBar bar("submitting", count);
    for (std::size_t sent = 0; sent < count;) {
        const std::size_t rows = std::min(at_once, count - sent);
        std::string lines;
        for (std::size_t i = 0; i < rows; ++i) lines += body + "\n";
        const BulkAnswer answer = api.submit_bulk(lines);
        if (!answer.errors.empty()) {
            throw Quit(Exit::failed, answer.errors.front() + " (" + std::to_string(ids.size()) +
                                         " jobs were accepted before.)");
        }
        ids.insert(ids.end(), answer.ids.begin(), answer.ids.end());
        sent += rows;
        bar.show(sent);
    }
    return ids;
}

void print_id(const SubmitFlags& flags, const std::string& id) {
    if (flags.client.json)
        std::printf("%s\n", boost::json::serialize(boost::json::object{{"id", id}}).c_str());
    else
        std::printf("%s\n", id.c_str());
}

Exit submit_many(const SubmitFlags& flags, const std::string& body) {
    Api api(flags.client.gateway);
    const Deadline deadline(flags.wait);
    const std::vector<std::string> ids = send_copies(api, body, flags.count);
    if (flags.wait <= 0) {
        for (const std::string& id : ids) print_id(flags, id);
        return Exit::ok;
    }
    std::size_t failed = 0;
    const std::size_t done =
        wait_for_all(api, ids, deadline, flags.kind, [&](const JobReport& job) {
            failed += job.succeeded() ? 0 : 1;
            if (flags.client.json)
                std::printf("%s\n", boost::json::serialize(job.raw).c_str());
            else
                print_id(flags, job.id);
        });
    std::fprintf(stderr, "%zu succeeded, %zu failed, %zu not finished\n", done - failed, failed,
                 ids.size() - done);
    if (done < ids.size()) return Exit::timed_out;
    return failed == 0 ? Exit::ok : Exit::failed;
}

Exit submit(const SubmitFlags& flags) {
    if (flags.count > 1 && !flags.id.empty()) {
        throw Quit(Exit::usage, "--id names one job, so it can't go with --count.");
    }
    const std::string body = job_text(terms_of(flags), read_payload(flags.payload));
    return flags.count == 1 ? submit_one(flags, body) : submit_many(flags, body);
}

void add_terms(CLI::App& app, SubmitFlags& flags) {
    app.add_option("--id", flags.id, "Your own id, 1-64 of [A-Za-z0-9._-] (default: one is made)");
    app.add_option("--priority", flags.priority, "0-9, 9 first (default 4)")
        ->check(CLI::Range(0, 9));
    app.add_option("--delay", flags.delay, "Seconds before it may start (default 0)");
    app.add_option("--ttl", flags.ttl, "Seconds after which it expires unstarted (default: never)");
    app.add_option("--timeout", flags.timeout, "Seconds that one attempt may take (default 3600)");
    app.add_option("--max-attempts", flags.max_attempts,
                   "Attempts when the handler fails, the first one included (default 1)");
    app.add_option("--backoff", flags.backoff,
                   "Base of the random delay between attempts, in seconds (default 0.1)");
    app.add_option("--tag", flags.tags, "A tag; may be given several times (default: none)")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    app.add_option("--tenant", flags.tenant, "Whose it is (default: nobody's)");
    app.add_option("--needs", flags.needs,
                   "Labels that its worker must have, as gpu,big (default: none)")
        ->delimiter(',');
    app.add_option("--run-at", flags.run_at,
                   "Not before this time, as 2030-01-31T08:00:00Z (default: at once)");
    app.add_option("--deadline", flags.deadline,
                   "It expires if it has not started by this time (default: never)");
    app.add_flag("--no-redeliver", flags.no_redeliver,
                 "Fail it if its worker dies, instead of running it elsewhere");
    app.add_option("--then", flags.then,
                   "A kind: a job of it gets the result, if it succeeded (default: none)");
    app.add_option("--on-failure", flags.on_failure,
                   "A kind: a job of it gets what went wrong, if it did (default: none)");
}

} // namespace

Command submit_command(CLI::App& root) {
    auto flags = std::make_shared<SubmitFlags>();
    CLI::App* app = root.add_subcommand("submit", "Submit a job; its id goes to stdout");
    add_client_flags(*app, flags->client);
    app->add_option("KIND", flags->kind, "Selects the handler")->required();
    app->add_option("PAYLOAD", flags->payload, "JSON, or - for stdin, or @FILE (default null)");
    add_terms(*app, *flags);
    app->add_option("--wait", flags->wait,
                    "Seconds to wait for the outcome; the result goes to stdout then")
        ->check(seconds_from_zero());
    app->add_option("--count", flags->count, "Submit so many copies")
        ->check(CLI::Range(1, 10'000'000));
    return {app, [flags] { return submit(*flags); }};
}

} // namespace penstock::cli
