// penstock group, chain, results: many jobs that are one thing.

#include "cli/checks.hpp"
#include "cli/commands.hpp"
#include "cli/group_text.hpp"
#include "cli/job_text.hpp"
#include "cli/terminal.hpp"
#include "cli/waiting.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace penstock::cli {
namespace json = boost::json;

namespace {

struct GroupFlags {
    ClientFlags client;
    std::string file = "-";
    GroupLines group;
    double wait = 0;
};

bool is_final(const json::object& group) {
    const std::string state = text_of(group, "state");
    return !state.empty() && state != "queued" && state != "delayed" && state != "running" &&
           state != "retrying";
}

std::string target_of(const std::string& id) {
    return "/v1/groups/" + url_encoded(id);
}

json::object group_now(Api& api, const std::string& id, double wait_seconds) {
    std::string target = target_of(id);
    if (wait_seconds > 0) target += "?wait=" + std::to_string(wait_seconds);
    const json::value body = api.get(target, wait_seconds);
    return body.is_object() ? body.get_object() : json::object();
}

// One result a line, in the order of the jobs; what else became of a job goes to stderr.
void print_results(const std::string& lines, bool as_json) {
    if (as_json) {
        std::fwrite(lines.data(), 1, lines.size(), stdout);
        return;
    }
    for (std::size_t from = 0; from < lines.size();) {
        const std::size_t end = std::min(lines.find('\n', from), lines.size());
        boost::system::error_code error;
        const json::value line = json::parse(lines.substr(from, end - from), error);
        from = end + 1;
        if (error || !line.is_object()) continue;
        print_outcome(read_job(line.get_object()));
    }
}

Exit wait_for_group(Api& api, const std::string& id, const Deadline& deadline, bool as_json) {
    json::object group = group_now(api, id, 0);
    ProgressBar bar("waiting", static_cast<std::size_t>(number_of(group, "members", 0)));
    while (!is_final(group) && deadline.seconds_left() > 0) {
        bar.show(static_cast<std::size_t>(number_of(group, "finished", 0)));
        group = group_now(api, id, std::clamp(deadline.seconds_left(), 0.001, kBarHoldSeconds));
    }
    bar.show(static_cast<std::size_t>(number_of(group, "finished", 0)));
    if (!is_final(group)) {
        std::fprintf(stderr, "penstock: the group %s is not finished; `penstock results %s` goes on.\n",
                     id.c_str(), id.c_str());
        return Exit::timed_out;
    }
    print_results(api.get_text(target_of(id) + "/results"), as_json);
    const std::string state = text_of(group, "state");
    if (state == "succeeded") return Exit::ok;
    std::fprintf(stderr, "penstock: the group %s %s: %g of %g jobs succeeded\n", id.c_str(),
                 painted(state, Paint::red, Stream::err).c_str(), number_of(group, "succeeded", 0),
                 number_of(group, "members", 0));
    return Exit::failed;
}

Exit submit(const GroupFlags& flags, const char* target) {
    Api api(flags.client.gateway);
    const std::string lines = read_source(flags.file == "-" ? "-" : "@" + flags.file);
    const json::object made = api.post(target, group_text(flags.group, lines), 0);
    if (flags.wait > 0) {
        return wait_for_group(api, text_of(made, "id"), Deadline(flags.wait), flags.client.json);
    }
    if (flags.client.json)
        std::printf("%s\n", json::serialize(made).c_str());
    else
        std::printf("%s\n", text_of(made, "id").c_str());
    return Exit::ok;
}

struct ResultsFlags {
    ClientFlags client;
    std::string id;
    double timeout = 300;
};

Exit results(const ResultsFlags& flags) {
    Api api(flags.client.gateway);
    return wait_for_group(api, flags.id, Deadline(flags.timeout), flags.client.json);
}

CLI::App* add_jobs(CLI::App& root, const char* name, const char* text, GroupFlags& flags) {
    CLI::App* app = root.add_subcommand(name, text);
    add_client_flags(*app, flags.client);
    app->add_option("FILE", flags.file, "A job a line, as JSON; - for stdin");
    app->add_option("--kind", flags.group.kind, "Lines are payloads of this kind (default: jobs)");
    app->add_option("--id", flags.group.id, "Your own id of the whole (default: one is made)");
    app->add_option("--then", flags.group.then,
                    "A kind: a job of it gets the results, if all went well (default: none)");
    app->add_option("--on-failure", flags.group.on_failure,
                    "A kind: a job of it gets the outcomes, if not (default: none)");
    app->add_option("--wait", flags.wait,
                    "Seconds to wait for the outcome; the results go to stdout then, in order")
        ->check(seconds_from_zero());
    return app;
}

} // namespace

Command group_command(CLI::App& root) {
    auto flags = std::make_shared<GroupFlags>();
    CLI::App* app = add_jobs(root, "group", "Submit jobs that belong together, all or none", *flags);
    app->add_option("--mode", flags->group.mode,
                    "What its success takes: all its jobs, or the first that succeeds (default all)")
        ->check(CLI::IsMember({"all", "first"}));
    return {app, [flags] { return submit(*flags, "/v1/groups"); }};
}

Command chain_command(CLI::App& root) {
    auto flags = std::make_shared<GroupFlags>();
    CLI::App* app = add_jobs(
        root, "chain", "Submit jobs that run one after the other, each with the last one's result",
        *flags);
    return {app, [flags] { return submit(*flags, "/v1/chains"); }};
}

Command results_command(CLI::App& root) {
    auto flags = std::make_shared<ResultsFlags>();
    CLI::App* app = root.add_subcommand("results", "Wait for the results of a group, in order");
    add_client_flags(*app, flags->client);
    app->add_option("ID", flags->id, "Of the group or the chain")->required();
    app->add_option("--timeout", flags->timeout, "Seconds to wait for all of them")
        ->check(seconds_from_zero());
    return {app, [flags] { return results(*flags); }};
}

} // namespace penstock::cli
