// penstock events: what happens, as it happens; of everything, or of one job until it is finished.

#include "cli/api.hpp"
#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/sse_reader.hpp"
#include "cli/terminal.hpp"
#include "protocol/message.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>

namespace penstock::cli {
namespace {

namespace json = boost::json;

struct EventFlags {
    ClientFlags client;
    std::string id, kind, state, tag;
};

std::string target_of(const EventFlags& flags) {
    if (!flags.id.empty()) return "/v1/jobs/" + url_encoded(flags.id) + "/events";
    std::string query;
    const auto add = [&](const char* name, const std::string& value) {
        if (!value.empty()) query += (query.empty() ? "?" : "&") + std::string(name) + "=" +
                                     url_encoded(value);
    };
    add("kind", flags.kind);
    add("state", flags.state);
    add("tag", flags.tag);
    return "/v1/events" + query;
}

Paint paint_of(const std::string& what) {
    if (what == "succeeded") return Paint::green;
    if (what == "running" || what == "retrying" || what == "lost") return Paint::yellow;
    const bool is_bad = what == "failed" || what == "cancelled" || what == "expired" ||
                        what == "quarantined";
    return is_bad ? Paint::red : Paint::plain;
}

// "12:00:01.250  ID  kind  running  attempt 1"
void print_event(const json::object& event) {
    const std::string what = text_of(event, "event"), at = text_of(event, "at");
    const std::string time = at.size() > 23 ? at.substr(11, 12) : at;
    std::string more;
    if (const double attempt = number_of(event, "attempt", 0); attempt > 0) {
        more += "  attempt " + std::to_string(static_cast<int>(attempt));
    }
    if (const double progress = number_of(event, "progress", -1); progress >= 0) {
        more += "  " + std::to_string(static_cast<int>(progress * 100)) + " %";
    }
    if (const std::string note = text_of(event, "note"); !note.empty()) more += "  " + note;
    std::printf("%s  %s  %s  %s%s\n", painted(time, Paint::dim, Stream::out).c_str(),
                text_of(event, "id").c_str(), text_of(event, "kind").c_str(),
                painted(what, paint_of(what), Stream::out).c_str(), more.c_str());
}

void print_missed(const json::object& data) {
    const double count = number_of(data, "missed", -1);
    if (count < 0)
        std::fprintf(stderr, "some events were missed: the sink was restarted\n");
    else
        std::fprintf(stderr, "%.0f events were missed\n", count);
}

struct Watched { // of one job: how it was when it was last shown
    std::string state;
};

void print(const SseEvent& event, const EventFlags& flags, Watched& watched) {
    boost::system::error_code error;
    const json::value value = json::parse(event.data, error);
    const json::object* data = error ? nullptr : value.if_object();
    if (data == nullptr) return;
    if (event.name == "job") watched.state = text_of(*data, "state");
    if (flags.client.json) {
        std::printf("%s\n", event.data.c_str());
    } else if (event.name == "missed") {
        print_missed(*data);
    } else if (event.name == "job") {
        std::printf("%s is %s\n", text_of(*data, "id").c_str(),
                    painted(watched.state, paint_of(watched.state), Stream::out).c_str());
    } else {
        print_event(*data);
    }
    std::fflush(stdout); // it may be a pipe, and somebody waits at its end
}

Exit events(const EventFlags& flags) {
    Api api(flags.client.gateway);
    Watched watched;
    SseReader reader([&](const SseEvent& event) { print(event, flags, watched); });
    api.follow(target_of(flags), {"Accept: text/event-stream"},
               [&](std::string_view bytes) { reader.read(bytes); });
    const auto state = parse_state(watched.state);
    if (flags.id.empty() || !state || !is_final(*state)) { // it leaves, maybe
        throw Quit(Exit::unavailable, "the gateway has ended the stream.");
    }
    return watched.state == "succeeded" ? Exit::ok : Exit::failed;
}

} // namespace

Command events_command(CLI::App& root) {
    auto flags = std::make_shared<EventFlags>();
    CLI::App* app = root.add_subcommand("events", "Show what happens, as it happens");
    add_client_flags(*app, flags->client);
    app->add_option("ID", flags->id, "Only of this job, until it is finished (default: all)");
    app->add_option("--state", flags->state,
                    "Only these events: a state, stored, lost, progress or partial (default: any)");
    app->add_option("--kind", flags->kind, "Only of this kind (default: any)");
    app->add_option("--tag", flags->tag, "Only with this tag (default: any)");
    return {app, [flags] { return events(*flags); }};
}

} // namespace penstock::cli
