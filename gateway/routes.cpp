#include "gateway/routes.hpp"

#include "gateway/calendar.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

namespace penstock::gateway {
namespace {

using Checked = std::variant<Command, ProblemDetails>;

constexpr double kSinceMax = 1e12; // of the wire

template <class Number>
std::optional<Number> number_of(std::string_view text) {
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

std::optional<Duration> wait_of(std::string_view text) {
    const auto value = number_of<double>(text);
    if (!value || !std::isfinite(*value) || *value < 0) return std::nullopt;
    return from_seconds(std::min(*value, kWaitSecondsMax));
}

struct Preferences {
    std::optional<Duration> wait;
    bool cancel_on_disconnect = false;
};

// "respond-async, wait=10". A preference that can't be read is no preference (RFC 7240).
Preferences read_preferences(std::string_view prefer) {
    Preferences out;
    while (!prefer.empty()) {
        const std::size_t comma = std::min(prefer.find_first_of(",;"), prefer.size());
        std::string item(prefer.substr(0, comma));
        prefer.remove_prefix(std::min(comma + 1, prefer.size()));
        std::erase_if(item, [](char c) { return c == ' ' || c == '\t' || c == '"'; });
        const bool is_wait = item.starts_with("wait=") && !out.wait; // the first one counts
        if (is_wait) out.wait = wait_of(std::string_view(item).substr(5));
        if (item == "cancel-on-disconnect") out.cancel_on_disconnect = true;
    }
    return out;
}

std::variant<Wait, ProblemDetails> read_wait(const Head& head) {
    const auto preferred =
        read_preferences(head.prefer ? std::string_view(*head.prefer) : std::string_view());
    Wait wait;
    wait.cancels = preferred.cancel_on_disconnect;
    if (const std::string* text = head.parameter("wait")) {
        const auto time = wait_of(*text);
        if (!time) return bad_parameter("?wait", "a number of seconds, at most 300");
        wait.asked = Wait::Asked::by_query;
        wait.time = *time;
    } else if (preferred.wait) {
        wait.asked = Wait::Asked::by_preference;
        wait.time = *preferred.wait;
    }
    return wait;
}

template <class Make>
Checked with_wait(const Head& head, Make make) {
    auto wait = read_wait(head);
    if (auto* bad = std::get_if<ProblemDetails>(&wait)) return std::move(*bad);
    return Command(make(std::get<Wait>(wait)));
}

template <class Make>
Checked with_id(const std::string& text, Make make, Slug slug = Slug::job_not_found) {
    const auto id = JobId::parse(text);
    if (!id) {
        return problem(slug, "`" + text + "` is not an id: ids have 1-64 characters of "
                                          "[A-Za-z0-9._-].");
    }
    return make(*id);
}

bool is_on(const Head& head, std::string_view parameter) {
    const std::string* text = head.parameter(parameter);
    return text != nullptr && (text->empty() || *text == "true" || *text == "1");
}

template <class Make>
Checked with_kind(const std::string& kind, Make make) {
    if (is_name(kind)) return make(kind);
    return bad_parameter("the kind in the path", "1-128 characters of [A-Za-z0-9._-]");
}

Checked read_list(const Head& head) {
    AskList ask;
    for (const auto& [name, value] : head.query) {
        if (name == "state") {
            ask.state = parse_state(value);
            if (!ask.state) {
                return bad_parameter("?state", "queued, delayed, running, retrying, succeeded, "
                                               "failed, cancelled, expired or quarantined");
            }
        } else if (name == "kind") {
            ask.kind = value;
        } else if (name == "tag") {
            ask.tag = value;
        } else if (name == "since") {
            const auto at = parse_rfc3339(value);
            const auto since = at ? unix_seconds(*at) : number_of<double>(value);
            if (!since || !(*since <= kSinceMax)) {
                return bad_parameter("?since", "an RFC 3339 time, or seconds since 1970");
            }
            ask.since = std::max(0.0, *since);
        } else if (name == "limit") {
            const auto limit = number_of<std::uint32_t>(value);
            if (!limit || *limit == 0 || *limit > kListMax) {
                return bad_parameter("?limit", "a whole number from 1 to 1000");
            }
            ask.limit = *limit;
        } else if (name == "cursor") {
            const auto cursor = number_of<std::uint64_t>(value);
            if (!cursor) return bad_parameter("?cursor", "the cursor of a page before");
            ask.cursor = *cursor;
        } else {
            return bad_parameter("?" + name, "one of state, kind, tag, since, limit and cursor");
        }
    }
    if (ask.kind.size() > kNameLengthMax || ask.tag.size() > kNameLengthMax) {
        return bad_parameter("?kind and ?tag", "at most 128 bytes");
    }
    return Command(ListJobs{std::move(ask)});
}

Checked submit_job(const Head& h) {
    return with_wait(h, [](Wait wait) { return SubmitJob{wait}; });
}

Checked submit_raw(const Head& h) {
    return with_kind(h.segments[2], [&](const std::string& kind) {
        return with_wait(h, [&](Wait wait) { return SubmitRaw{kind, wait}; });
    });
}

Checked submit_bulk(const Head& h) {
    return Command(
        SubmitBulk{is_on(h, "atomic") ? SubmitBulk::Mode::atomic : SubmitBulk::Mode::each});
}

Checked run_kind(const Head& h) {
    return with_kind(h.segments[2], [&](const std::string& kind) {
        return with_wait(h, [&](Wait wait) { return RunKind{kind, wait}; });
    });
}

Checked set_kind(const Head& h) {
    return with_kind(h.segments[2], [](const std::string& kind) {
        return Checked(Command(SetKind{kind}));
    });
}

Checked get_job(const Head& h) {
    return with_id(h.segments[2], [&](const JobId& id) {
        return with_wait(h, [&](Wait wait) { return GetJob{id, wait}; });
    });
}

Checked get_result(const Head& h) {
    const auto as = accepts(h, kNdjson) ? GetResult::As::pieces : GetResult::As::whole;
    return with_id(h.segments[2], [&](const JobId& id) {
        return with_wait(h, [&](Wait wait) { return GetResult{id, wait, as}; });
    });
}

Checked cancel(const Head& h) {
    return with_id(h.segments[2], [](const JobId& id) { return Checked(Command(CancelOne{id})); });
}

Checked get_events(const Head& h) {
    auto wanted = read_selection(h.query);
    if (auto* bad = std::get_if<ProblemDetails>(&wanted)) return std::move(*bad);
    return Command(GetEvents{std::get<Selection>(std::move(wanted))});
}

Checked get_job_events(const Head& h) {
    return with_id(h.segments[2], [](const JobId& id) { return Checked(Command(GetJobEvents{id})); });
}

template <class Make>
Checked of_job(const Head& h) {
    return with_id(h.segments[2], [](const JobId& id) { return Checked(Command(Make{id})); });
}

template <AskMany::Deed kDeed>
Checked do_many(const Head& h) {
    return Command(DoMany{kDeed, is_on(h, "dry_run")});
}

template <GroupForm kForm>
Checked submit_group(const Head& h) {
    return with_wait(h, [](Wait wait) { return SubmitGroup{kForm, wait}; });
}

Checked get_group(const Head& h) {
    return with_id(
        h.segments[2],
        [&](const JobId& id) {
            return with_wait(h, [&](Wait wait) { return GetGroup{id, wait}; });
        },
        Slug::group_not_found);
}

template <class Make>
Checked of_group(const Head& h) {
    return with_id(
        h.segments[2], [](const JobId& id) { return Checked(Command(Make{id})); },
        Slug::group_not_found);
}

Checked health(const Head& h) {
    const bool verbose = h.parameter("verbose") != nullptr;
    return Command(Health{verbose ? Health::Detail::verbose : Health::Detail::brief});
}

template <class Plain>
Checked plain(const Head&) {
    return Command(Plain{});
}

struct Entry {
    Route route;
    Method method;
    std::string_view path; // `*` stands for one segment
    HostRule host;
    Checked (*read)(const Head&);
};

constexpr HostRule kAny = HostRule::any;
constexpr HostRule kNamed = HostRule::named;

// The first entry that fits counts.
constexpr std::array kEntries = {
    Entry{Route::jobs, Method::post, "v1/jobs", kNamed, submit_job},
    Entry{Route::jobs, Method::get, "v1/jobs", kNamed, read_list},
    Entry{Route::bulk, Method::post, "v1/jobs/bulk", kNamed, submit_bulk},
    Entry{Route::job, Method::get, "v1/jobs/*", kNamed, get_job},
    Entry{Route::job, Method::remove, "v1/jobs/*", kNamed, cancel},
    Entry{Route::result, Method::get, "v1/jobs/*/result", kNamed, get_result},
    Entry{Route::job_events, Method::get, "v1/jobs/*/events", kNamed, get_job_events},
    Entry{Route::group_events, Method::get, "v1/groups/*/events", kNamed,
          of_group<GetGroupEvents>},
    Entry{Route::events, Method::get, "v1/events", kNamed, get_events},
    Entry{Route::kind_jobs, Method::post, "v1/kinds/*/jobs", kNamed, submit_raw},
    Entry{Route::many_cancel, Method::post, "v1/jobs/cancel", kNamed,
          do_many<AskMany::Deed::cancel>},
    Entry{Route::many_retry, Method::post, "v1/jobs/retry", kNamed,
          do_many<AskMany::Deed::retry>},
    Entry{Route::many_purge, Method::post, "v1/jobs/purge", kNamed,
          do_many<AskMany::Deed::purge>},
    Entry{Route::many_wait, Method::post, "v1/jobs/wait", kNamed, plain<WaitMany>},
    Entry{Route::explain, Method::get, "v1/jobs/*/explain", kNamed, of_job<ExplainJob>},
    Entry{Route::retry, Method::post, "v1/jobs/*/retry", kNamed, of_job<RetryJob>},
    Entry{Route::groups, Method::post, "v1/groups", kNamed, submit_group<GroupForm::group>},
    Entry{Route::group, Method::get, "v1/groups/*", kNamed, get_group},
    Entry{Route::group, Method::remove, "v1/groups/*", kNamed, of_group<CancelWholeGroup>},
    Entry{Route::group_results, Method::get, "v1/groups/*/results", kNamed,
          of_group<GetGroupResults>},
    Entry{Route::chains, Method::post, "v1/chains", kNamed, submit_group<GroupForm::chain>},
    Entry{Route::run, Method::get, "v1/run/*", HostRule::own, run_kind},
    Entry{Route::workers, Method::get, "v1/workers", kNamed, plain<GetWorkers>},
    Entry{Route::kinds, Method::get, "v1/kinds", kNamed, plain<GetKinds>},
    Entry{Route::kind, Method::patch, "v1/kinds/*", kNamed, set_kind},
    Entry{Route::stats, Method::get, "v1/stats", kNamed, plain<GetStats>},
    Entry{Route::livez, Method::get, "livez", kAny, plain<Live>},
    Entry{Route::readyz, Method::get, "readyz", kAny, plain<Ready>},
    Entry{Route::healthz, Method::get, "healthz", kAny, health},
    Entry{Route::metrics, Method::get, "metrics", kAny, plain<GetMetrics>},
    Entry{Route::contract, Method::get, "openapi.json", kNamed, plain<GetContract>},
};

// "v1/kinds/*/jobs" -> "/v1/kinds/{kind}/jobs"
std::string path_of(const Entry& entry) {
    std::string path = "/" + std::string(entry.path);
    if (const auto star = path.find('*'); star != std::string::npos) {
        const bool names_kind = path.starts_with("/v1/kinds/") || path.starts_with("/v1/run/");
        path.replace(star, 1, names_kind ? "{kind}" : "{id}");
    }
    return path;
}

bool fits(std::string_view pattern, const std::vector<std::string>& segments) {
    for (const auto& segment : segments) {
        const std::size_t slash = std::min(pattern.find('/'), pattern.size());
        const std::string_view part = pattern.substr(0, slash);
        if (part.empty() || (part != "*" && part != segment)) return false;
        pattern.remove_prefix(std::min(slash + 1, pattern.size()));
    }
    return pattern.empty();
}

bool takes(const Entry& entry, Method method) {
    return entry.method == method || (entry.method == Method::get && method == Method::head);
}

std::string allowed_methods(const std::vector<std::string>& segments) {
    std::string out;
    for (const Entry& entry : kEntries) {
        if (!fits(entry.path, segments)) continue;
        out += std::string(to_string(entry.method)) + ", ";
        if (entry.method == Method::get) out += "HEAD, ";
    }
    return out + "OPTIONS";
}

Reply no_such_method(const Head& head, const std::string& allowed) {
    if (head.method == Method::options) return {204, "", "", {{"Allow", allowed}}};
    Reply reply = to_reply(problem(Slug::method_not_allowed, "Here there are " + allowed + "."));
    reply.headers.emplace_back("Allow", allowed);
    return reply;
}

Routed enter(const Entry& entry, const Head& head, const RoutePolicy& policy) {
    if (auto foreign = check_site(head, entry.host, policy.public_hosts)) {
        return {entry.route, to_reply(*foreign)};
    }
    if (entry.route == Route::run && !policy.allow_get_submit) {
        return {entry.route, to_reply(problem(Slug::get_submit_off,
                                              "Start the gateway with --allow-get-submit, or use "
                                              "POST /v1/kinds/{kind}/jobs."))};
    }
    auto checked = entry.read(head);
    if (auto* bad = std::get_if<ProblemDetails>(&checked)) return {entry.route, to_reply(*bad)};
    return {entry.route, std::get<Command>(std::move(checked))};
}

} // namespace

Routed route(const Head& head, const RoutePolicy& policy) {
    if (head.segments.empty() && head.method == Method::options) {
        return {Route::other, no_such_method(head, "GET, HEAD, POST, PATCH, DELETE, OPTIONS")};
    }
    bool known = false;
    Route at = Route::other;
    for (const Entry& entry : kEntries) {
        if (!fits(entry.path, head.segments)) continue;
        if (takes(entry, head.method)) return enter(entry, head, policy);
        known = true;
        at = entry.route;
    }
    if (known) return {at, no_such_method(head, allowed_methods(head.segments))};
    const std::string path = head.target.substr(0, head.target.find('?'));
    return {Route::other, to_reply(problem(Slug::not_found, "There is nothing at `" + path +
                                                                "`. "
                                                                "Jobs are at /v1/jobs."))};
}

std::string_view to_string(Route route) {
    static const auto kPaths = [] {
        std::array<std::string, kRoutes> paths;
        paths[static_cast<std::size_t>(Route::other)] = "other";
        for (const Entry& entry : kEntries) {
            paths[static_cast<std::size_t>(entry.route)] = path_of(entry);
        }
        return paths;
    }();
    return kPaths[static_cast<std::size_t>(route)];
}

std::vector<RoutePath> list_routes() {
    std::vector<RoutePath> out;
    for (const Entry& entry : kEntries) out.push_back({to_string(entry.method), path_of(entry)});
    return out;
}

bool is_submission(const Command& command) {
    return std::holds_alternative<SubmitGroup>(command) ||
           std::holds_alternative<SubmitJob>(command) ||
           std::holds_alternative<SubmitRaw>(command) ||
           std::holds_alternative<SubmitBulk>(command) || std::holds_alternative<RunKind>(command);
}

bool is_probe(const Command& command) {
    return std::holds_alternative<Live>(command) || std::holds_alternative<Ready>(command) ||
           std::holds_alternative<Health>(command) || std::holds_alternative<GetMetrics>(command);
}

} // namespace penstock::gateway
