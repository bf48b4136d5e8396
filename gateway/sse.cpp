#include "gateway/sse.hpp"

#include "gateway/calendar.hpp"
#include "gateway/json_text.hpp"

namespace penstock::gateway {
namespace {

std::string json_of(const Told& told) {
    const Event& e = told.event;
    std::string out;
    JsonText json(out);
    json.open_object().key("id").text(e.id.text()).key("event").text(to_string(e.what));
    json.key("kind").text(e.kind).key("attempt").natural(e.attempt);
    json.key("at").text(to_rfc3339(told.at));
    if (e.progress >= 0) json.key("progress").number(e.progress);
    if (!e.note.empty()) json.key("note").text(e.note);
    if (!e.group.empty()) json.key("group").text(e.group.text());
    if (!e.tags.empty()) {
        json.key("tags").open_array();
        for (const auto& tag : e.tags) json.text(tag);
        json.close_array();
    }
    json.close_object();
    return out;
}

} // namespace

void append_sse(std::string& out, const SseName& name, std::string_view data) {
    if (!name.id.empty()) out.append("id: ").append(name.id).append("\n");
    if (!name.event.empty()) out.append("event: ").append(name.event).append("\n");
    out.append("data: ").append(data).append("\n\n");
}

void append_sse_comment(std::string& out, std::string_view text) {
    out.append(": ").append(text).append("\n\n");
}

void append_told(std::string& out, std::uint64_t life, Told& told) {
    if (told.data.empty()) told.data = json_of(told);
    append_sse(out, {Mark{life, told.number}.text(), {}}, told.data);
}

void append_missed(std::string& out, const Mark& newest, const Ring::Listener::Next& gap) {
    std::string data;
    JsonText json(data);
    json.open_object();
    if (!gap.restart) json.key("missed").natural(gap.missed);
    json.close_object();
    // Who comes back after a restart must not ask for what nobody has.
    append_sse(out, {gap.restart ? newest.text() : "", "missed"}, data);
}

void append_news(std::string& out, const Ring& ring, Ring::Listener& listener, std::size_t bytes) {
    while (out.size() < bytes) {
        const Ring::Listener::Next next = listener.next();
        if (next.is_gap())
            append_missed(out, ring.newest(), next);
        else if (next.told != nullptr)
            append_told(out, ring.newest().life, *next.told);
        else
            return;
    }
}

} // namespace penstock::gateway
