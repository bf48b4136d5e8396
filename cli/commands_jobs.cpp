// penstock status, wait, list: asking about jobs by id or by filter.

#include "cli/checks.hpp"
#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "cli/terminal.hpp"
#include "cli/waiting.hpp"
#include "cli/which_jobs.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>

namespace penstock::cli {
namespace {

constexpr std::size_t kPageMax = 1'000;

struct IdFlags {
    ClientFlags client;
    std::vector<std::string> ids;
    double timeout = 300;
};

void add_ids(CLI::App& app, IdFlags& flags) {
    add_client_flags(app, flags.client);
    app.add_option("ID", flags.ids, "One id or several")->required();
}

double wall_seconds() {
    return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

void print_json(const boost::json::object& object) {
    std::printf("%s\n", boost::json::serialize(object).c_str());
}

Paint paint_of(const std::string& state) {
    if (state == "succeeded") return Paint::green;
    if (state == "running" || state == "retrying") return Paint::yellow;
    if (state == "queued" || state == "delayed") return Paint::plain;
    return Paint::red;
}

Table job_table() {
    return Table({{"ID"},
                  {"KIND"},
                  {"STATE"},
                  {"ATTEMPT", Align::right},
                  {"AGE", Align::right},
                  {"TOOK", Align::right},
                  {"WORKER"}});
}

void add_row(Table& table, const JobReport& job) {
    const double took = job.finished_at > 0 ? job.finished_at - job.submitted_at : -1;
    const std::string place = job.position > 0 ? " #" + std::to_string(job.position) : "";
    table.add({job.id, job.kind, job.state + place, std::to_string(job.attempt),
               duration_text(wall_seconds() - job.submitted_at), duration_text(took), job.worker});
}

void print_details(const JobReport& job) {
    for (const auto& [key, value] : job.raw) {
        const std::string name =
            std::string(key) + std::string(key.size() < 14 ? 14 - key.size() : 0, ' ');
        std::string text =
            value.is_string() ? std::string(value.get_string()) : boost::json::serialize(value);
        if (key == "state") text = painted(text, paint_of(job.state), Stream::out);
        std::printf("%s %s\n", painted(name, Paint::dim, Stream::out).c_str(), text.c_str());
    }
}

// An id that isn't there is said on stderr, and the others are still asked for.
Exit status(const IdFlags& flags) {
    Api api(flags.client.gateway);
    Table table = job_table();
    Exit exit = Exit::ok;
    for (const std::string& id : flags.ids) {
        try {
            const JobReport job = api.job(id, 0);
            if (flags.client.json)
                print_json(job.raw);
            else if (flags.ids.size() == 1)
                print_details(job);
            else
                add_row(table, job);
        } catch (const Quit& quit) {
            if (quit.code != Exit::not_found || flags.ids.size() == 1) throw;
            std::fprintf(stderr, "penstock: %s: %s\n", id.c_str(), quit.what());
            exit = Exit::not_found;
        }
    }
    if (!table.empty()) print_table(table);
    return exit;
}

Exit wait(const IdFlags& flags) {
    Api api(flags.client.gateway);
    const Deadline deadline(flags.timeout);
    Table table = job_table();
    Exit exit = Exit::ok;
    const std::size_t done =
        wait_for_all(api, flags.ids, deadline, "waiting", [&](const JobReport& job) {
            if (!job.succeeded()) exit = Exit::failed;
            if (flags.client.json)
                print_json(job.raw);
            else if (flags.ids.size() == 1)
                print_outcome(job);
            else
                add_row(table, job);
        });
    if (!table.empty()) print_table(table);
    if (done == flags.ids.size()) return exit;
    throw Quit(Exit::timed_out,
               std::to_string(flags.ids.size() - done) + " of " + std::to_string(flags.ids.size()) +
                   " jobs were not finished in time, " + flags.ids[done] + " first.");
}

struct ListFlags {
    ClientFlags client;
    WhichJobs which;
    std::size_t limit = 50;
    bool all = false;
};

std::string first_page(const ListFlags& flags) {
    const std::size_t page = flags.all ? kPageMax : std::min(flags.limit, kPageMax);
    std::string out = "/v1/jobs?limit=" + std::to_string(page);
    if (!flags.which.state.empty()) out += "&state=" + url_encoded(flags.which.state);
    if (!flags.which.kind.empty()) out += "&kind=" + url_encoded(flags.which.kind);
    if (!flags.which.tag.empty()) out += "&tag=" + url_encoded(flags.which.tag);
    return out;
}

Exit list(const ListFlags& flags) {
    Api api(flags.client.gateway);
    Table table = job_table();
    std::size_t left = flags.all ? SIZE_MAX : flags.limit;
    JobPage page{{}, first_page(flags)};
    while (left > 0 && !page.next.empty()) {
        page = api.list(page.next);
        for (const JobReport& job : page.jobs) {
            if (left == 0) break;
            --left;
            if (flags.client.json)
                print_json(job.raw);
            else
                add_row(table, job);
        }
    }
    if (flags.client.json) return Exit::ok;
    if (table.empty()) {
        std::fprintf(stderr, "no jobs\n");
        return Exit::ok;
    }
    print_table(table);
    if (!page.next.empty()) std::fprintf(stderr, "there are more: --limit N or --all\n");
    return Exit::ok;
}

} // namespace

Command status_command(CLI::App& root) {
    auto flags = std::make_shared<IdFlags>();
    CLI::App* app = root.add_subcommand("status", "Say what is known of jobs");
    add_ids(*app, *flags);
    return {app, [flags] { return status(*flags); }};
}

Command wait_command(CLI::App& root) {
    auto flags = std::make_shared<IdFlags>();
    CLI::App* app = root.add_subcommand("wait", "Wait for the outcomes of jobs");
    add_ids(*app, *flags);
    app->add_option("--timeout", flags->timeout, "Seconds to wait for all of them")
        ->check(seconds_from_zero());
    return {app, [flags] { return wait(*flags); }};
}

Command list_command(CLI::App& root) {
    auto flags = std::make_shared<ListFlags>();
    CLI::App* app = root.add_subcommand("list", "List jobs, the newest first");
    add_client_flags(*app, flags->client);
    add_which_jobs(*app, flags->which);
    app->add_option("--limit", flags->limit, "At most so many");
    app->add_flag("--all", flags->all, "All of them");
    return {app, [flags] { return list(*flags); }};
}

} // namespace penstock::cli
