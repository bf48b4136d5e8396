// penstock pause, resume, limit: what holds for all jobs of a kind, whoever submits them.

#include "cli/api.hpp"
#include "cli/commands.hpp"
#include "cli/kind_text.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace penstock::cli {
namespace json = boost::json;

namespace {

struct KindsFlags {
    ClientFlags client;
    std::vector<std::string> kinds;
};

struct LimitFlags {
    ClientFlags client;
    std::string kind;
    std::uint64_t max_running = 0;
    double rate = 0, weight = 0, timeout = 0;
    std::vector<std::string> clear;
};

void say(const ClientFlags& flags, const json::object& kind) {
    if (flags.json) {
        std::printf("%s\n", json::serialize(kind).c_str());
        return;
    }
    const json::value* found = kind.if_contains("settings");
    const json::object* settings = found == nullptr ? nullptr : found->if_object();
    std::printf("%s: %s\n", text_of(kind, "kind").c_str(),
                settings_text(settings == nullptr ? json::object() : *settings).c_str());
}

Exit set_paused(const KindsFlags& flags, const json::value& paused) {
    Api api(flags.client.gateway);
    for (const std::string& kind : flags.kinds) {
        say(flags.client, api.set_kind(kind, {{"paused", paused}}));
    }
    return Exit::ok;
}

Exit limit(const CLI::App& app, const LimitFlags& flags) {
    json::object wish;
    const auto given = [&](const char* flag) { return app.get_option(flag)->count() > 0; };
    if (given("--max-running")) wish["max_running"] = flags.max_running;
    if (given("--rate")) wish["rate"] = flags.rate;
    if (given("--weight")) wish["weight"] = flags.weight;
    if (given("--timeout")) wish["timeout"] = flags.timeout;
    for (std::string name : flags.clear) {
        std::replace(name.begin(), name.end(), '-', '_');
        if (wish.contains(name)) {
            throw Quit(Exit::usage, "--clear " + name + " and a value for it: give one of them.");
        }
        wish[name] = nullptr;
    }
    if (wish.empty()) {
        throw Quit(Exit::usage, "say what is to hold for " + flags.kind +
                                    ": --max-running, --rate, --weight, --timeout or --clear.");
    }
    say(flags.client, Api(flags.client.gateway).set_kind(flags.kind, wish));
    return Exit::ok;
}

Command pausing(CLI::App& root, const char* name, const char* text, const json::value& paused) {
    auto flags = std::make_shared<KindsFlags>();
    CLI::App* app = root.add_subcommand(name, text);
    app->add_option("kind", flags->kinds, "Kinds")->required();
    add_client_flags(*app, flags->client);
    return {app, [flags, paused] { return set_paused(*flags, paused); }};
}

} // namespace

Command pause_command(CLI::App& root) {
    return pausing(root, "pause", "Start no more jobs of kinds; those that run finish", true);
}

// Also against a pause that the ventilator was configured with: so it sets, and doesn't clear.
Command resume_command(CLI::App& root) {
    return pausing(root, "resume", "Start jobs of kinds again", false);
}

Command limit_command(CLI::App& root) {
    auto flags = std::make_shared<LimitFlags>();
    CLI::App* app = root.add_subcommand("limit", "Say what holds for all jobs of a kind");
    app->add_option("kind", flags->kind, "The kind")->required();
    app->add_option("--max-running", flags->max_running,
                    "Jobs that run at a time, on all workers together (default: as it was)");
    app->add_option("--rate", flags->rate, "Jobs that start in a second (default: as it was)");
    app->add_option("--weight", flags->weight,
                    "Share of workers beside other kinds (default: as it was)");
    app->add_option("--timeout", flags->timeout,
                    "Seconds for an attempt of jobs that say none (default: as it was)");
    app->add_option("--clear", flags->clear,
                    "Settings that are to be as the ventilator was configured: max-running, rate, "
                    "paused, weight, timeout (default: none)")
        ->delimiter(',');
    add_client_flags(*app, flags->client);
    return {app, [app, flags] { return limit(*app, *flags); }};
}

} // namespace penstock::cli
