// What the sink publishes.

#include "protocol/events.hpp"
#include "protocol/fields.hpp"

#include <algorithm>
#include <array>

namespace penstock {
namespace {

constexpr std::array<std::string_view, kEventKinds> kNames = {
    "stored",    "running", "retrying",  "lost",    "progress",    "partial",
    "succeeded", "failed",  "cancelled", "expired", "quarantined",
};

void write_event(Writer& w, const Event& e) {
    const std::size_t pairs = 3u + (e.attempt > 0) + (e.progress >= 0) + !e.note.empty() +
                              !e.group.empty() + !e.tags.empty();
    w.map(pairs).key("id").id(e.id).key("what").text(to_string(e.what)).key("kind").text(e.kind);
    if (e.attempt > 0) w.key("attempt").natural(e.attempt);
    if (e.progress >= 0) w.key("progress").number(e.progress);
    if (!e.note.empty()) w.key("note").text(e.note);
    if (!e.group.empty()) w.key("group").id(e.group);
    if (e.tags.empty()) return;
    w.key("tags").array(e.tags.size());
    for (const auto& tag : e.tags) w.text(tag);
}

// One of a later version, about something that this one doesn't know, still has its number.
Event read_event(const Fields& f) {
    Event e;
    e.id = f.id("id");
    e.what = parse_event(f.text("what", 32)).value_or(Event::What::progress);
    e.kind = f.name("kind");
    e.attempt = static_cast<std::uint32_t>(f.natural("attempt", UINT32_MAX, 0));
    e.progress = f.has("progress") ? f.number("progress", 1, 0) : -1;
    e.note = f.text("note", kErrorTextMax);
    if (f.has("group")) e.group = f.id("group");
    e.tags = f.texts("tags", kTagsMax);
    return e;
}

} // namespace

std::string_view to_string(Event::What what) {
    return kNames[static_cast<std::size_t>(what)];
}

std::optional<Event::What> parse_event(std::string_view text) {
    const auto found = std::find(kNames.begin(), kNames.end(), text);
    if (found == kNames.end()) return std::nullopt;
    return static_cast<Event::What>(found - kNames.begin());
}

std::string encode(const Events& m) {
    std::string out;
    out.reserve(64 + 96 * m.rows.size());
    Writer w(out);
    w.map(5).key("type").text("events").key("life").natural(m.life);
    w.key("first").natural(m.first).key("at").number(m.at);
    w.key("events").array(m.rows.size());
    for (const auto& row : m.rows) write_event(w, row);
    return out;
}

Decoded<Events> decode_events(Reader& reader, std::string_view frame) {
    Decoded<Events> out;
    Mistake mistake;
    const Node root = reader.read(frame, Reader::Values::step_over);
    if (!root) return {{}, "the frame " + reader.error()};
    for_each_message(root, mistake, [&](Node map, std::string_view type) {
        if (type != "events") return;
        const Fields f(map, type, mistake);
        Events m;
        m.life = f.natural("life", UINT64_MAX);
        m.first = f.natural("first", UINT64_MAX);
        m.at = f.number("at", 1e12, 0);
        for_each_element(f.array("events"), [&](Node node) {
            m.rows.push_back(read_event(Fields(node, type, mistake)));
        });
        out.messages.push_back(std::move(m));
    });
    out.error = mistake.take();
    return out;
}

} // namespace penstock
