// What the sink is asked about groups, about many jobs, and about a job beyond its status.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"
#include "protocol/rows.hpp"

#include <algorithm>
#include <array>

namespace penstock {
namespace {

constexpr std::array<std::string_view, 5> kSettingNames = {"max_running", "rate", "paused",
                                                           "weight", "timeout"};
constexpr std::array<std::string_view, 3> kDeeds = {"cancel", "retry", "purge"};
constexpr std::array<std::string_view, 3> kUntils = {"now", "next", "finished"};
constexpr std::array<std::string_view, 3> kModes = {"all", "first", "chain"};

template <class Value, std::size_t N>
Value read_choice(const Fields& f, std::string_view key,
                  const std::array<std::string_view, N>& names) {
    const std::string text = f.text(key, 32);
    for (std::size_t i = 0; i < N; ++i) {
        if (text == names[i] || (text.empty() && i == 0)) return static_cast<Value>(i);
    }
    std::string must = "one of";
    for (const auto name : names) must += " " + std::string(name);
    f.wrong(key, must);
    return Value{};
}

void write_callback(Writer& w, std::string_view key, const OpenGroup::Callback& c) {
    w.key(key).map(1u + !c.payload.empty() + count_terms(c.terms)).key("id").id(c.id);
    write_terms(w, c.terms);
    if (!c.payload.empty()) w.key("payload").value(c.payload);
}

std::optional<OpenGroup::Callback> read_callback(const Fields& f, std::string_view key) {
    if (!f.has(key)) return std::nullopt;
    if (!f.node(key).is(Shape::map)) f.wrong(key, "a map: a job with its id");
    const Fields job(f.node(key), key, f.mistake());
    OpenGroup::Callback out{job.id("id"), job.terms(), job.raw("payload")};
    if (out.payload.size() > kPayloadBytesMax) f.wrong(key, "with a payload of at most 16 MiB");
    return out;
}

AskKind read_kind(const Fields& f) {
    AskKind m{f.required_name("kind"), f.kind_settings(), f.texts("clear", kSettingNames.size())};
    for (const auto& name : m.clear) {
        const bool known =
            std::find(kSettingNames.begin(), kSettingNames.end(), name) != kSettingNames.end();
        if (!known) f.wrong("clear", "names of settings");
    }
    return m;
}

AskMany read_many(const Fields& f) {
    AskMany m;
    m.deed = read_choice<AskMany::Deed>(f, "deed", kDeeds);
    m.dry_run = f.flag("dry_run", false);
    m.ids = f.ids("ids");
    if (f.has("state")) {
        m.state = parse_state(f.text("state", 32));
        if (!m.state) f.wrong("state", "the name of a state");
    }
    m.kind = f.text("kind", kNameLengthMax);
    m.tag = f.text("tag", kNameLengthMax);
    m.cursor = f.natural("cursor", UINT64_MAX, 0);
    return m;
}

OpenGroup read_group(const Fields& f) {
    OpenGroup m;
    m.id = f.id("id");
    m.mode = read_choice<GroupMode>(f, "mode", kModes);
    std::size_t members = 0;
    for_each_element(f.array("parts"), [&](Node node) {
        const Fields p(node, "group", f.mistake());
        OpenGroup::Part& part = m.parts.emplace_back();
        part.terms = p.terms();
        RowReader rows(p, "rows", 2, kGroupMembersMax);
        part.rows.reserve(rows.size());
        while (rows.next()) {
            JobId id = rows.id("the id of a member");
            const Bytes payload = rows.bytes("the payload of a member");
            if (payload.size() > kPayloadBytesMax) f.wrong("parts", "of payloads of 16 MiB at most");
            part.rows.push_back({std::move(id), payload});
        }
        members += part.rows.size();
    });
    if (members == 0 || members > kGroupMembersMax) f.wrong("parts", "of 1 to 1000000 jobs");
    m.then = read_callback(f, "then");
    m.on_failure = read_callback(f, "on_failure");
    if (f.has("body")) m.body = f.natural("body", UINT64_MAX);
    return m;
}

AskGroup read_members(const Fields& f) {
    AskGroup m;
    m.id = f.id("id");
    m.until = read_choice<AskGroup::Until>(f, "until", kUntils);
    m.timeout = from_seconds(f.number("timeout", kWaitSecondsMax, 0));
    m.from = static_cast<std::uint32_t>(f.natural("from", UINT32_MAX, 0));
    m.limit = static_cast<std::uint32_t>(f.natural("limit", kListMax, kListMax));
    m.value = f.flag("values", false);
    return m;
}

PartialsAnswer read_partials(const Fields& f) {
    PartialsAnswer m;
    m.found = parse_found(f.text("found", 32)).value_or(Found::unknown);
    m.next = static_cast<std::uint32_t>(f.natural("next", UINT32_MAX, 0));
    m.finished = f.flag("finished", false);
    for_each_element(f.array("pieces"), [&](Node node) {
        const Fields p(node, "partials", f.mistake());
        m.rows.push_back({static_cast<std::uint32_t>(p.natural("attempt", UINT32_MAX)),
                          p.flag("lost", false), std::string(p.raw("value"))});
    });
    return m;
}

GroupAnswer read_group_view(const Fields& f) {
    GroupAnswer m;
    m.found = parse_found(f.text("found", 32)).value_or(Found::unknown);
    m.why = f.text("why", kErrorTextMax);
    if (!f.has("id")) return m;
    m.id = f.id("id");
    m.mode = read_choice<GroupMode>(f, "mode", kModes);
    m.state = parse_state(f.text("state", 32)).value_or(State::queued);
    m.members = static_cast<std::uint32_t>(f.natural("members", UINT32_MAX, 0));
    m.succeeded = static_cast<std::uint32_t>(f.natural("succeeded", UINT32_MAX, 0));
    m.finished = static_cast<std::uint32_t>(f.natural("ended", UINT32_MAX, 0));
    m.submitted_at = f.number("submitted", 1e12, 0);
    m.finished_at = f.number("finished", 1e12, 0);
    if (f.has("then")) m.then = f.id("then");
    if (f.has("on_failure")) m.on_failure = f.id("on_failure");
    m.from = static_cast<std::uint32_t>(f.natural("from", UINT32_MAX, 0));
    for_each_element(f.array("jobs"), [&](Node n) { m.jobs.push_back(read_view(n, f)); });
    return m;
}

} // namespace

void write_question(Writer& w, Request request, const AskKind& m) {
    const std::size_t pairs = 1 + count_settings(m.set) + (m.clear.empty() ? 0 : 1);
    write_question_head(w, "kind", request, pairs);
    w.key("kind").text(m.kind);
    write_settings(w, m.set);
    if (m.clear.empty()) return;
    w.key("clear").array(m.clear.size());
    for (const auto& name : m.clear) w.text(name);
}

void write_question(Writer& w, Request request, const AskRetry& m) {
    write_question_head(w, "retry", request, 2);
    w.key("id").id(m.id).key("as").id(m.as);
}

void write_question(Writer& w, Request request, const AskPartials& m) {
    write_question_head(w, "partials", request, 3);
    w.key("id").id(m.id).key("from").natural(m.from).key("timeout").number(seconds(m.timeout));
}

void write_question(Writer& w, Request request, const AskMany& m) {
    write_question_head(w, "many", request, 5u + !m.ids.empty() + m.state.has_value());
    w.key("deed").text(kDeeds[static_cast<std::size_t>(m.deed)]);
    w.key("dry_run").boolean(m.dry_run);
    if (!m.ids.empty()) write_ids(w, "ids", m.ids);
    if (m.state) w.key("state").text(to_string(*m.state));
    w.key("kind").text(m.kind).key("tag").text(m.tag).key("cursor").natural(m.cursor);
}

void write_question(Writer& w, Request request, const OpenGroup& m) {
    const std::size_t pairs =
        3u + m.then.has_value() + m.on_failure.has_value() + m.body.has_value();
    write_question_head(w, "group", request, pairs);
    w.key("id").id(m.id).key("mode").text(to_string(m.mode));
    w.key("parts").array(m.parts.size());
    for (const auto& part : m.parts) {
        w.map(1 + count_terms(part.terms));
        write_terms(w, part.terms);
        w.key("rows").array(part.rows.size());
        for (const auto& row : part.rows) w.array(2).id(row.id).bytes(row.payload);
    }
    if (m.then) write_callback(w, "then", *m.then);
    if (m.on_failure) write_callback(w, "on_failure", *m.on_failure);
    if (m.body) w.key("body").natural(*m.body);
}

void write_question(Writer& w, Request request, const AskGroup& m) {
    write_question_head(w, "members", request, 6);
    w.key("id").id(m.id).key("until").text(kUntils[static_cast<std::size_t>(m.until)]);
    w.key("timeout").number(seconds(m.timeout)).key("from").natural(m.from);
    w.key("limit").natural(m.limit).key("values").boolean(m.value);
}

void write_question(Writer& w, Request request, const CancelGroup& m) {
    write_question_head(w, "cancel_group", request, 1);
    w.key("id").id(m.id);
}

void write_answer(Writer& w, Request request, const KindAnswer& m) {
    write_question_head(w, "kind", request, count_settings(m.settings));
    write_settings(w, m.settings);
}

void write_answer(Writer& w, Request request, const PartialsAnswer& m) {
    write_question_head(w, "partials", request, 4);
    w.key("found").text(to_string(m.found)).key("next").natural(m.next);
    w.key("finished").boolean(m.finished).key("pieces").array(m.rows.size());
    for (const auto& row : m.rows) {
        w.map(row.lost ? 3 : 2).key("attempt").natural(row.attempt);
        if (row.lost) w.key("lost").boolean(true);
        w.key("value").value(row.value);
    }
}

void write_answer(Writer& w, Request request, const ManyAnswer& m) {
    write_question_head(w, "many", request, 3);
    w.key("matched").natural(m.matched).key("cursor").natural(m.cursor);
    write_ids(w, "made", m.made);
}

void write_answer(Writer& w, Request request, const GroupAnswer& m) {
    if (m.id.empty()) {
        write_question_head(w, "group", request, 2);
        w.key("found").text(to_string(m.found)).key("why").text(m.why);
        return;
    }
    write_question_head(w, "group", request, 12u + !m.then.empty() + !m.on_failure.empty());
    w.key("found").text(to_string(m.found)).key("why").text(m.why).key("id").id(m.id);
    w.key("mode").text(to_string(m.mode)).key("state").text(to_string(m.state));
    w.key("members").natural(m.members).key("succeeded").natural(m.succeeded);
    w.key("ended").natural(m.finished).key("submitted").number(m.submitted_at);
    w.key("finished").number(m.finished_at).key("from").natural(m.from);
    if (!m.then.empty()) w.key("then").id(m.then);
    if (!m.on_failure.empty()) w.key("on_failure").id(m.on_failure);
    w.key("jobs").array(m.jobs.size());
    for (const auto& job : m.jobs) write_view(w, job);
}

std::optional<StatusQuestion> read_group_question(const Fields& f, std::string_view type) {
    if (type == "kind") return read_kind(f);
    if (type == "retry") return AskRetry{f.id("id"), f.id("as")};
    if (type == "partials") {
        return AskPartials{f.id("id"), static_cast<std::uint32_t>(f.natural("from", UINT32_MAX, 0)),
                           from_seconds(f.number("timeout", kWaitSecondsMax, 0))};
    }
    if (type == "many") return read_many(f);
    if (type == "group") return read_group(f);
    if (type == "members") return read_members(f);
    if (type == "cancel_group") return CancelGroup{f.id("id")};
    return std::nullopt;
}

std::optional<StatusAnswer> read_group_answer(const Fields& f, std::string_view type) {
    if (type == "kind") return KindAnswer{f.kind_settings()};
    if (type == "partials") return read_partials(f);
    if (type == "many") {
        return ManyAnswer{f.natural("matched", UINT64_MAX, 0), f.natural("cursor", UINT64_MAX, 0),
                          f.ids("made")};
    }
    if (type == "group") return read_group_view(f);
    return std::nullopt;
}

} // namespace penstock
