// penstock stats, workers, kinds, healthcheck, version: asking about the house, not about a job.

#include "cli/addresses.hpp"
#include "cli/api.hpp"
#include "cli/commands.hpp"
#include "cli/health.hpp"
#include "cli/kind_text.hpp"
#include "cli/table.hpp"
#include "cli/version.hpp"
#include "protocol/limits.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace penstock::cli {
namespace json = boost::json;

namespace {

void print_line(const json::value& value) {
    std::printf("%s\n", json::serialize(value).c_str());
}

// The objects of the array `key`; empty if it isn't there.
std::vector<json::object> rows_of(const json::value& body, std::string_view key) {
    std::vector<json::object> out;
    const json::object* object = body.if_object();
    const json::value* found = object == nullptr ? nullptr : object->if_contains(key);
    const json::array* rows = found == nullptr ? nullptr : found->if_array();
    if (rows == nullptr) return out;
    for (const json::value& row : *rows) {
        if (const json::object* one = row.if_object()) out.push_back(*one);
    }
    return out;
}

std::string count_of(const json::object& object, std::string_view key) {
    return count_text(static_cast<std::uint64_t>(number_of(object, key, 0)));
}

std::string age_of(const json::object& object, std::string_view key) {
    const double seconds = number_of(object, key, 0);
    return seconds > 0 ? duration_text(seconds) : "-";
}

std::string joined(const json::object& object, std::string_view key) {
    std::string out;
    const json::value* found = object.if_contains(key);
    const json::array* texts = found == nullptr ? nullptr : found->if_array();
    if (texts == nullptr) return out;
    for (const json::value& text : *texts) {
        if (text.is_string()) out += (out.empty() ? "" : ",") + std::string(text.get_string());
    }
    return out;
}

std::string limits_of(const json::object& kind) {
    const json::value* found = kind.if_contains("settings");
    return found != nullptr && found->is_object() ? settings_text(found->get_object()) : "-";
}

void print_kinds(const std::vector<json::object>& kinds) {
    std::vector<Column> columns = {{"KIND"}};
    for (const char* title :
         {"WORKERS", "QUEUED", "DELAYED", "RUNNING", "OLDEST", "SUCCEEDED", "FAILED", "RETRIED"}) {
        columns.push_back({title, Align::right});
    }
    const bool timed = std::any_of(kinds.begin(), kinds.end(), [](const json::object& kind) {
        return kind.contains("total_p50");
    });
    if (timed) columns.insert(columns.end(), {{"P50", Align::right}, {"P99", Align::right}});
    const bool limited = std::any_of(kinds.begin(), kinds.end(), [](const json::object& kind) {
        return limits_of(kind) != "-";
    });
    if (limited) columns.push_back({"LIMITS"});
    Table table(std::move(columns));
    for (const json::object& kind : kinds) {
        std::vector<std::string> cells = {
            text_of(kind, "kind"),       count_of(kind, "workers"), count_of(kind, "queued"),
            count_of(kind, "delayed"),   count_of(kind, "running"), age_of(kind, "oldest_age"),
            count_of(kind, "succeeded"), count_of(kind, "failed"),  count_of(kind, "retried")};
        if (timed) {
            cells.push_back(age_of(kind, "total_p50"));
            cells.push_back(age_of(kind, "total_p99"));
        }
        if (limited) cells.push_back(limits_of(kind));
        table.add(std::move(cells));
    }
    print_table(table);
}

Exit stats(const ClientFlags& flags) {
    Api api(flags.gateway);
    const json::value body = api.get("/v1/stats");
    if (flags.json) {
        print_line(body);
        return Exit::ok;
    }
    const json::object empty;
    const json::object& all = body.is_object() ? body.get_object() : empty;
    std::printf("%s queued, %s delayed, %s running, %s finished; %s workers; kept in %s\n\n",
                count_of(all, "depth").c_str(), count_of(all, "delayed").c_str(),
                count_of(all, "running").c_str(), count_of(all, "finished_jobs").c_str(),
                count_of(all, "workers").c_str(), text_of(all, "durability").c_str());
    print_kinds(rows_of(body, "kinds"));
    return Exit::ok;
}

Exit workers(const ClientFlags& flags) {
    Api api(flags.gateway);
    const std::vector<json::object> rows = rows_of(api.get("/v1/workers"), "workers");
    Table table({{"WORKER"},
                 {"KINDS"},
                 {"SLOTS", Align::right},
                 {"OUTSTANDING", Align::right},
                 {"SETTLED", Align::right},
                 {"JOINED", Align::right},
                 {"CPU", Align::right},
                 {"MIB", Align::right},
                 {"STATE"}});
    for (const json::object& row : rows) {
        if (flags.json) print_line(row);
        const auto is = [&](std::string_view key) {
            const json::value* found = row.if_contains(key);
            return found != nullptr && found->is_bool() && found->get_bool();
        };
        const double mib = number_of(row, "rss_bytes", 0) / 1'048'576;
        table.add({text_of(row, "worker"), joined(row, "kinds"), count_of(row, "slots"),
                   count_of(row, "outstanding"), count_of(row, "settled"),
                   age_of(row, "joined_seconds_ago"), age_of(row, "cpu_seconds"),
                   mib > 0 ? count_text(static_cast<std::uint64_t>(mib)) : "-",
                   is("draining") ? "draining" : (is("silent") ? "silent" : "serving")});
    }
    if (flags.json) return Exit::ok;
    if (table.empty())
        std::fprintf(stderr, "no workers\n");
    else
        print_table(table);
    return Exit::ok;
}

Exit kinds(const ClientFlags& flags) {
    Api api(flags.gateway);
    const std::vector<json::object> rows = rows_of(api.get("/v1/kinds"), "kinds");
    if (flags.json) {
        for (const json::object& row : rows) print_line(row);
    } else if (rows.empty()) {
        std::fprintf(stderr, "no kinds are known yet, so all are accepted\n");
    } else {
        print_kinds(rows);
    }
    return Exit::ok;
}

struct HealthFlags {
    std::string gateway = "http://127.0.0.1:8080", ventilator, sink, config;
};

Exit healthcheck(const HealthFlags& flags) {
    std::string trouble;
    if (!flags.ventilator.empty()) {
        trouble = ventilator_trouble(ventilator_at(flags.ventilator, "", "").other);
    } else if (!flags.sink.empty()) {
        trouble = sink_trouble(sink_at(flags.sink, "", "").other);
    } else if (!Api(flags.gateway).is_ready()) {
        trouble = "the gateway at " + flags.gateway + " is not ready.";
    }
    if (trouble.empty()) return Exit::ok;
    throw Quit(Exit::unavailable, trouble);
}

using Ask = Exit (*)(const ClientFlags&);

Command client_command(CLI::App& root, const char* name, const char* text, Ask ask) {
    auto flags = std::make_shared<ClientFlags>();
    CLI::App* app = root.add_subcommand(name, text);
    add_client_flags(*app, *flags);
    return {app, [flags, ask] { return ask(*flags); }};
}

} // namespace

Command stats_command(CLI::App& root) {
    return client_command(root, "stats", "Say what waits, runs and came of it, by kind", &stats);
}

Command workers_command(CLI::App& root) {
    return client_command(root, "workers", "List the workers that have joined", &workers);
}

Command kinds_command(CLI::App& root) {
    return client_command(root, "kinds", "List the kinds that are known", &kinds);
}

Command healthcheck_command(CLI::App& root) {
    auto flags = std::make_shared<HealthFlags>();
    CLI::App* app = root.add_subcommand("healthcheck", "Exit 0 if a role is ready, else 5");
    app->add_option("--gateway", flags->gateway, "The gateway that is asked");
    app->add_option("--ventilator", flags->ventilator, "Or any port of a ventilator");
    app->add_option("--sink", flags->sink, "Or any port of a sink");
    app->add_option("--config", flags->config, "A TOML file of flags");
    return {app, [flags] { return healthcheck(*flags); }};
}

Command version_command(CLI::App& root) {
    CLI::App* app = root.add_subcommand("version", "Print the versions of program and protocol");
    return {app, [] {
                std::printf("penstock %s, protocol %d\n", kVersion, kProtocolVersion);
                return Exit::ok;
            }};
}

} // namespace penstock::cli
