// penstock explain, cancel, retry, purge: doing something to jobs by id, or to all that fit.

#include "cli/commands.hpp"
#include "cli/table.hpp"
#include "cli/waiting.hpp"
#include "cli/which_jobs.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace penstock::cli {
namespace json = boost::json;

namespace {

struct ManyFlags {
    ClientFlags client;
    std::vector<std::string> ids;
    WhichJobs which;
    std::string group;
    bool all = false, dry_run = false;
};

void print_json(const json::object& object) {
    std::printf("%s\n", json::serialize(object).c_str());
}

bool has_filter(const ManyFlags& flags) {
    return !flags.which.state.empty() || !flags.which.kind.empty() || !flags.which.tag.empty() || flags.all;
}

// One id after the other; what is wrong with one is said, and the others are done all the same.
template <class Act>
Exit each_id(const std::vector<std::string>& ids, Act act) {
    Exit exit = Exit::ok;
    for (const std::string& id : ids) {
        try {
            act(id);
        } catch (const Quit& quit) {
            if (quit.code == Exit::unavailable || ids.size() == 1) throw;
            std::fprintf(stderr, "penstock: %s: %s\n", id.c_str(), quit.what());
            exit = std::max(exit, quit.code);
        }
    }
    return exit;
}

// All jobs that fit, or those that were named, in one question.
Exit do_many(const ManyFlags& flags, const char* deed, const char* done) {
    json::object body;
    if (has_filter(flags)) {
        json::object filter;
        if (!flags.which.state.empty()) filter["state"] = flags.which.state;
        if (!flags.which.kind.empty()) filter["kind"] = flags.which.kind;
        if (!flags.which.tag.empty()) filter["tag"] = flags.which.tag;
        body["filter"] = std::move(filter);
    } else {
        body["ids"] = json::value_from(flags.ids);
    }
    Api api(flags.client.gateway);
    const std::string target =
        "/v1/jobs/" + std::string(deed) + (flags.dry_run ? "?dry_run" : "");
    const json::object said = api.post(target, json::serialize(body));
    const auto matched = static_cast<std::uint64_t>(number_of(said, "matched", 0));
    if (flags.client.json) {
        print_json(said);
    } else {
        const std::string jobs = count_text(matched) + (matched == 1 ? " job" : " jobs");
        std::printf("%s %s%s\n", jobs.c_str(), flags.dry_run ? "would be " : "", done);
    }
    return Exit::ok;
}

void check_which(const ManyFlags& flags) {
    const bool by_id = !flags.ids.empty(), by_filter = has_filter(flags);
    const bool by_group = !flags.group.empty();
    if (by_id + by_filter + by_group == 1) return;
    throw Quit(Exit::usage, by_id || by_filter || by_group
                                ? "give ids or a filter, not both."
                                : "say which: ids, or --state, --kind, --tag, or --all.");
}

void cancel_one(Api& api, const std::string& id, bool as_json) {
    const json::object said = api.remove("/v1/jobs/" + url_encoded(id));
    const bool at_once = text_of(said, "state") == "cancelled";
    if (as_json)
        print_json({{"id", id}, {"cancel", at_once ? "cancelled" : "telling-worker"}});
    else
        std::printf("%s %s\n", id.c_str(), at_once ? "cancelled" : "is running; its worker is told");
}

Exit cancel(const ManyFlags& flags) {
    check_which(flags);
    if (!flags.group.empty() && flags.dry_run) {
        throw Quit(Exit::usage, "--dry-run counts jobs, and --group cancels a group whole: see "
                                "GET /v1/groups/" + flags.group + " for what is open of it.");
    }
    if (has_filter(flags) || flags.dry_run) return do_many(flags, "cancel", "cancelled");
    Api api(flags.client.gateway);
    if (!flags.group.empty()) {
        const json::object said = api.remove("/v1/groups/" + url_encoded(flags.group));
        if (flags.client.json)
            print_json(said);
        else
            std::printf("%s: what was open of it is cancelled\n", flags.group.c_str());
        return Exit::ok;
    }
    return each_id(flags.ids,
                   [&](const std::string& id) { cancel_one(api, id, flags.client.json); });
}

Exit retry(const ManyFlags& flags) {
    check_which(flags);
    if (has_filter(flags) || flags.dry_run) return do_many(flags, "retry", "submitted again");
    Api api(flags.client.gateway);
    return each_id(flags.ids, [&](const std::string& id) {
        const json::object said = api.post("/v1/jobs/" + url_encoded(id) + "/retry", "");
        if (flags.client.json)
            print_json(said);
        else
            std::printf("%s\n", text_of(said, "id").c_str());
    });
}

Exit purge(const ManyFlags& flags) {
    check_which(flags);
    return do_many(flags, "purge", "forgotten");
}

void print_explanation(const json::object& said) {
    std::printf("%s is %s: %s\n", text_of(said, "id").c_str(), text_of(said, "state").c_str(),
                text_of(said, "text").c_str());
    const auto position = static_cast<std::uint64_t>(number_of(said, "position", 0));
    const double start_in = number_of(said, "start_in", -1);
    if (position > 0) std::printf("  position %s\n", count_text(position).c_str());
    if (start_in >= 0) std::printf("  starts in about %s\n", duration_text(start_in).c_str());
}

Exit explain(const ManyFlags& flags) {
    Api api(flags.client.gateway);
    return each_id(flags.ids, [&](const std::string& id) {
        const json::value said = api.get("/v1/jobs/" + url_encoded(id) + "/explain");
        if (!said.is_object()) return;
        if (flags.client.json)
            print_json(said.get_object());
        else
            print_explanation(said.get_object());
    });
}

using Act = Exit (*)(const ManyFlags&);

Command many_command(CLI::App& root, const char* name, const char* text, Act act,
                     std::shared_ptr<ManyFlags> flags) {
    CLI::App* app = root.add_subcommand(name, text);
    add_client_flags(*app, flags->client);
    app->add_option("ID", flags->ids, "Ids of jobs");
    add_which_jobs(*app, flags->which);
    app->add_flag("--all", flags->all, "All jobs that there are");
    app->add_flag("--dry-run", flags->dry_run, "Only say how many");
    return {app, [flags, act] { return act(*flags); }};
}

} // namespace

Command explain_command(CLI::App& root) {
    auto flags = std::make_shared<ManyFlags>();
    CLI::App* app = root.add_subcommand("explain", "Say why jobs are not running yet");
    add_client_flags(*app, flags->client);
    app->add_option("ID", flags->ids, "One id or several")->required();
    return {app, [flags] { return explain(*flags); }};
}

Command cancel_command(CLI::App& root) {
    auto flags = std::make_shared<ManyFlags>();
    Command command = many_command(root, "cancel", "Cancel jobs", &cancel, flags);
    command.app->add_option("--group", flags->group, "What is open of this group (default: none)");
    return command;
}

Command retry_command(CLI::App& root) {
    return many_command(root, "retry", "Run finished jobs again, as new jobs", &retry,
                        std::make_shared<ManyFlags>());
}

Command purge_command(CLI::App& root) {
    return many_command(root, "purge", "Forget finished jobs", &purge,
                        std::make_shared<ManyFlags>());
}

} // namespace penstock::cli
