// A job as the sink shows it.

#include "protocol/codec.hpp"
#include "protocol/fields.hpp"

namespace penstock {

void write_view(Writer& w, const JobView& v) {
    const std::size_t pairs = 7u + !v.worker.empty() + (v.progress >= 0) + !v.note.empty() +
                              (v.started_at > 0) + (v.finished_at > 0) + !v.tags.empty() +
                              !v.tenant.empty() + !v.content_type.empty() + !v.value.empty() +
                              v.failure.has_value() + (v.number > 0) + !v.retry_of.empty() +
                              !v.group.empty() + (v.partials > 0) + (v.queue >= 0) +
                              (v.dispatch >= 0) + (v.run >= 0) + (v.back >= 0);
    w.map(pairs).key("id").text(v.id.text()).key("kind").text(v.kind);
    w.key("state").text(to_string(v.state)).key("attempt").natural(v.attempt);
    w.key("deaths").natural(v.deaths).key("submitted").number(v.submitted_at);
    w.key("bytes").natural(v.result_bytes);
    if (!v.worker.empty()) w.key("worker").text(v.worker);
    if (v.progress >= 0) w.key("progress").number(v.progress);
    if (!v.note.empty()) w.key("note").text(v.note);
    if (v.started_at > 0) w.key("started").number(v.started_at);
    if (v.finished_at > 0) w.key("finished").number(v.finished_at);
    if (!v.tags.empty()) {
        w.key("tags").array(v.tags.size());
        for (const auto& tag : v.tags) w.text(tag);
    }
    if (!v.tenant.empty()) w.key("tenant").text(v.tenant);
    if (!v.content_type.empty()) w.key("content_type").text(v.content_type);
    if (!v.value.empty()) w.key("value").value(v.value);
    if (v.failure) write_failure(w.key("error"), *v.failure);
    if (v.number > 0) w.key("number").natural(v.number);
    if (!v.retry_of.empty()) w.key("retry_of").id(v.retry_of);
    if (!v.group.empty()) w.key("group").id(v.group);
    if (v.partials > 0) w.key("partials").natural(v.partials);
    if (v.queue >= 0) w.key("queue").number(v.queue);
    if (v.dispatch >= 0) w.key("dispatch").number(v.dispatch);
    if (v.run >= 0) w.key("run").number(v.run);
    if (v.back >= 0) w.key("return").number(v.back);
}

JobView read_view(Node node, const Fields& parent) {
    JobView v;
    const Fields f(node, "job", parent.mistake());
    v.id = f.id("id");
    v.kind = f.name("kind");
    v.state = parse_state(f.text("state", 32)).value_or(State::queued);
    v.attempt = static_cast<std::uint32_t>(f.natural("attempt", UINT32_MAX, 0));
    v.deaths = static_cast<std::uint32_t>(f.natural("deaths", UINT32_MAX, 0));
    v.worker = f.text("worker", kNameLengthMax);
    v.progress = f.has("progress") ? f.number("progress", 1, 0) : -1;
    v.note = f.text("note", kErrorTextMax);
    v.submitted_at = f.number("submitted", 1e12, 0);
    v.started_at = f.number("started", 1e12, 0);
    v.finished_at = f.number("finished", 1e12, 0);
    v.result_bytes = f.natural("bytes", UINT64_MAX, 0);
    v.tags = f.texts("tags", kTagsMax);
    v.tenant = f.text("tenant", kNameLengthMax);
    v.content_type = f.text("content_type", kNameLengthMax);
    if (node.find("value")) v.value = std::string(f.raw("value"));
    v.failure = f.failure("error");
    v.number = f.natural("number", UINT64_MAX, 0);
    if (f.has("retry_of")) v.retry_of = f.id("retry_of");
    if (f.has("group")) v.group = f.id("group");
    v.partials = static_cast<std::uint32_t>(f.natural("partials", UINT32_MAX, 0));
    const auto spent = [&f](std::string_view key) { return f.has(key) ? f.number(key, 1e12, 0) : -1; };
    v.queue = spent("queue");
    v.dispatch = spent("dispatch");
    v.run = spent("run");
    v.back = spent("return");
    return v;
}

} // namespace penstock
