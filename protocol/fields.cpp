#include "protocol/fields.hpp"

#include "protocol/codec.hpp"

#include <algorithm>
#include <cmath>

namespace penstock {

bool is_name(std::string_view text) {
    if (text.empty() || text.size() > kNameLengthMax) return false;
    for (const char c : text) {
        const bool fine = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                          (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
        if (!fine) return false;
    }
    return true;
}

bool is_utf8(std::string_view text) {
    std::size_t i = 0;
    while (i < text.size()) {
        const auto lead = static_cast<unsigned char>(text[i]);
        std::size_t more = 0;
        std::uint32_t point = lead;
        if (lead >= 0xf0 && lead < 0xf5)
            more = 3, point = lead & 0x07u;
        else if (lead >= 0xe0 && lead < 0xf0)
            more = 2, point = lead & 0x0fu;
        else if (lead >= 0xc2 && lead < 0xe0)
            more = 1, point = lead & 0x1fu;
        else if (lead >= 0x80)
            return false;
        if (i + more >= text.size() && more > 0) return false;
        for (std::size_t k = 1; k <= more; ++k) {
            const auto next = static_cast<unsigned char>(text[i + k]);
            if ((next & 0xc0u) != 0x80u) return false;
            point = (point << 6) | (next & 0x3fu);
        }
        const bool too_long = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
        if (too_long || (point >= 0xd800 && point < 0xe000) || point > 0x10ffff) return false;
        i += more + 1;
    }
    return true;
}

std::string tidy_text(std::string_view text) {
    std::size_t size = std::min(text.size(), kErrorTextMax);
    while (size > 0 && size < text.size() &&
           (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) {
        --size; // do not cut a character in two
    }
    std::string out(text.substr(0, size));
    if (!is_utf8(out)) {
        for (char& c : out) {
            if (static_cast<unsigned char>(c) >= 0x80) c = '?';
        }
    }
    return out;
}

namespace {

void must(Mistake& mistake, const Where& where, std::string_view be) {
    if (mistake.none()) mistake.add(where.text() + " must be " + std::string(be));
}

} // namespace

JobId read_id(Node node, Mistake& mistake, const Where& where) {
    if (node.is(Shape::bytes)) {
        if (auto id = JobId::from_uuid(node.text())) return *id;
    } else if (node.is(Shape::text)) {
        if (auto id = JobId::parse(node.text())) return *id;
    }
    must(mistake, where, "1-64 characters of [A-Za-z0-9._-], or the 16 bytes of a UUID");
    return {};
}

std::uint64_t read_natural(Node node, std::uint64_t max, Mistake& mistake, const Where& where) {
    if (node.is(Shape::natural) && node.natural() <= max) return node.natural();
    if (mistake.none()) must(mistake, where, "a whole number from 0 to " + std::to_string(max));
    return 0;
}

bool read_flag(Node node, Mistake& mistake, const Where& where) {
    if (node.is(Shape::boolean)) return node.natural() != 0;
    must(mistake, where, "true or false");
    return false;
}

std::string read_text(Node node, std::size_t max, Mistake& mistake, const Where& where) {
    if (node.is(Shape::text) && node.size() <= max && is_utf8(node.text())) {
        return std::string(node.text());
    }
    if (mistake.none()) {
        must(mistake, where, "a UTF-8 string of at most " + std::to_string(max) + " bytes");
    }
    return {};
}

std::string read_name(Node node, Mistake& mistake, const Where& where) {
    if (node.is(Shape::text) && is_name(node.text())) return std::string(node.text());
    must(mistake, where, "1-128 characters of [A-Za-z0-9._-]");
    return {};
}

double read_number(Node node, double max, Mistake& mistake, const Where& where) {
    if (node.is(Shape::natural) || node.is(Shape::real)) {
        const double value = node.real();
        if (std::isfinite(value) && value >= 0 && value <= max) return value;
    }
    if (mistake.none()) {
        must(mistake, where,
             "a number from 0 to " + std::to_string(static_cast<std::int64_t>(max)));
    }
    return 0;
}

std::string Where::text() const {
    return std::string(type) + ": `" + std::string(key) + "`";
}

void Fields::wrong(std::string_view key, std::string_view be) const {
    must(mistake_, where(key), be);
}

void Fields::wrong_part(std::string_view what, std::string_view be) const {
    if (!mistake_.none()) return;
    mistake_.add(std::string(type_) + ": " + std::string(what) + " must be " + std::string(be));
}

JobId Fields::id(std::string_view key) const {
    const Node n = node(key);
    if (!n) wrong(key, "there");
    return n ? read_id(n, mistake_, where(key)) : JobId();
}

std::uint64_t Fields::natural(std::string_view key, std::uint64_t max,
                              std::uint64_t otherwise) const {
    const Node n = present(key);
    return n ? read_natural(n, max, mistake_, where(key)) : otherwise;
}

std::uint64_t Fields::natural(std::string_view key, std::uint64_t max) const {
    if (!has(key)) wrong(key, "there");
    return natural(key, max, 0);
}

bool Fields::flag(std::string_view key, bool otherwise) const {
    const Node n = present(key);
    return n ? read_flag(n, mistake_, where(key)) : otherwise;
}

std::string Fields::text(std::string_view key, std::size_t max) const {
    const Node n = present(key);
    return n ? read_text(n, max, mistake_, where(key)) : std::string();
}

std::string Fields::name(std::string_view key) const {
    const Node n = present(key);
    const bool is_empty = n.is(Shape::text) && n.size() == 0;
    return n && !is_empty ? read_name(n, mistake_, where(key)) : std::string();
}

std::string Fields::required_name(std::string_view key) const {
    if (!has(key)) wrong(key, "there");
    return name(key);
}

double Fields::number(std::string_view key, double max, double otherwise) const {
    const Node n = present(key);
    return n ? read_number(n, max, mistake_, where(key)) : otherwise;
}

Duration Fields::duration(std::string_view key, Duration otherwise) const {
    return has(key) ? from_seconds(number(key, kSecondsMax, 0)) : otherwise;
}

std::vector<std::string> Fields::texts(std::string_view key, std::size_t most) const {
    std::vector<std::string> out;
    if (!has(key)) return out;
    const Node list = node(key);
    if (!list.is(Shape::array) || list.size() > most) {
        if (mistake_.none()) wrong(key, "an array of at most " + std::to_string(most) + " strings");
        return out;
    }
    Node at = list.first();
    for (std::uint32_t i = 0; i < list.size(); ++i) {
        out.push_back(read_text(at, kNameLengthMax, mistake_, where(key)));
        if (i + 1 < list.size()) at = at.after();
    }
    return out;
}

std::vector<std::string> Fields::names(std::string_view key, std::size_t most) const {
    std::vector<std::string> out = texts(key, most);
    for (const auto& name : out) {
        if (!is_name(name)) wrong(key, "strings of 1-128 characters of [A-Za-z0-9._-]");
    }
    return out;
}

std::vector<std::uint64_t> Fields::naturals(std::string_view key) const {
    std::vector<std::uint64_t> out;
    if (!has(key)) return out;
    const Node list = node(key);
    if (!list.is(Shape::array)) {
        wrong(key, "an array of numbers");
        return out;
    }
    Node at = list.first();
    for (std::uint32_t i = 0; i < list.size(); ++i) {
        out.push_back(read_natural(at, UINT64_MAX, mistake_, where(key)));
        if (i + 1 < list.size()) at = at.after();
    }
    return out;
}

std::vector<JobId> Fields::ids(std::string_view key) const {
    std::vector<JobId> out;
    for_each_element(array(key), [&](Node n) { out.push_back(read_id(n, mistake_, where(key))); });
    return out;
}

Node Fields::array(std::string_view key) const {
    const Node n = present(key);
    if (!n || n.is(Shape::array)) return n;
    wrong(key, "an array");
    return {};
}

Bytes Fields::raw(std::string_view key) const {
    const Node at = map_.find_key(key);
    return at ? at.raw_after() : Bytes();
}

std::optional<Failure> Fields::failure(std::string_view key) const {
    const Node n = node(key);
    if (!n || n.is(Shape::nil)) return std::nullopt;
    Failure failure;
    failure.code = "handler-error";
    if (n.is(Shape::text)) { // the shortest way to fail: error = "what went wrong"
        failure.message = tidy_text(n.text());
        return failure;
    }
    if (!n.is(Shape::map)) {
        wrong(key, "a string, or a map of `code`, `message` and `retryable`");
        return std::nullopt;
    }
    const std::string path = where(key).text(); // Fields keeps a view of it
    const Fields inner(n, path, mistake_);
    if (inner.has("code")) failure.code = inner.required_name("code");
    if (const Node m = n.find("message"); m.is(Shape::text)) failure.message = tidy_text(m.text());
    failure.retryable = inner.flag("retryable", true);
    return failure;
}

Terms Fields::terms() const {
    const Terms standard;
    Terms t;
    t.kind = required_name("kind");
    t.priority = static_cast<int>(natural("priority", kPriorityMax, 4));
    t.delay = duration("delay", standard.delay);
    t.ttl = duration("ttl", standard.ttl);
    t.timeout = duration("timeout", standard.timeout);
    t.max_attempts = static_cast<std::uint32_t>(natural("max_attempts", kAttemptsMax, 1));
    t.backoff = duration("backoff", standard.backoff);
    t.redeliver = flag("redeliver", true);
    t.tenant = text("tenant", kNameLengthMax);
    t.content_type = text("content_type", kNameLengthMax);
    t.tags = texts("tags", kTagsMax);
    t.needs = texts("needs", kNeedsMax);
    std::sort(t.needs.begin(), t.needs.end());
    t.needs.erase(std::unique(t.needs.begin(), t.needs.end()), t.needs.end());
    if (t.max_attempts == 0) wrong("max_attempts", "at least 1");
    if (has("timeout") && t.timeout <= Duration(0)) wrong("timeout", "more than 0 seconds");
    return t;
}

std::size_t count_terms(const Terms& t) {
    const Terms d;
    return 1u + (t.priority != d.priority) + (t.delay != d.delay) + (t.ttl != d.ttl) +
           (t.timeout != d.timeout) + (t.max_attempts != d.max_attempts) +
           (t.backoff != d.backoff) + (t.redeliver != d.redeliver) + !t.tenant.empty() +
           !t.content_type.empty() + !t.tags.empty() + !t.needs.empty();
}

void write_terms(Writer& w, const Terms& t) {
    const Terms d;
    w.key("kind").text(t.kind);
    if (t.priority != d.priority) w.key("priority").natural(static_cast<unsigned>(t.priority));
    if (t.delay != d.delay) w.key("delay").number(seconds(t.delay));
    if (t.ttl != d.ttl) w.key("ttl").number(seconds(t.ttl));
    if (t.timeout != d.timeout) w.key("timeout").number(seconds(t.timeout));
    if (t.max_attempts != d.max_attempts) w.key("max_attempts").natural(t.max_attempts);
    if (t.backoff != d.backoff) w.key("backoff").number(seconds(t.backoff));
    if (t.redeliver != d.redeliver) w.key("redeliver").boolean(t.redeliver);
    if (!t.tenant.empty()) w.key("tenant").text(t.tenant);
    if (!t.content_type.empty()) w.key("content_type").text(t.content_type);
    if (!t.tags.empty()) {
        w.key("tags").array(t.tags.size());
        for (const auto& tag : t.tags) w.text(tag);
    }
    if (!t.needs.empty()) {
        w.key("needs").array(t.needs.size());
        for (const auto& need : t.needs) w.text(need);
    }
}

KindSettings Fields::kind_settings() const {
    KindSettings s;
    if (has("max_running")) {
        s.max_running = static_cast<std::uint32_t>(natural("max_running", UINT32_MAX));
        if (*s.max_running == 0) wrong("max_running", "at least 1");
    }
    if (has("rate")) {
        s.rate = number("rate", kRateMax, 0);
        if (*s.rate <= 0) wrong("rate", "more than 0 a second");
    }
    if (has("paused")) s.paused = flag("paused", false);
    if (has("weight")) {
        s.weight = number("weight", 1e6, 0);
        if (*s.weight < 1e-3) wrong("weight", "from 0.001 to 1000000");
    }
    if (has("timeout")) {
        s.timeout = duration("timeout", Duration(0));
        if (*s.timeout <= Duration(0)) wrong("timeout", "more than 0 seconds");
    }
    return s;
}

std::size_t count_settings(const KindSettings& s) {
    return std::size_t{s.max_running.has_value()} + s.rate.has_value() + s.paused.has_value() +
           s.weight.has_value() + s.timeout.has_value();
}

void write_settings(Writer& w, const KindSettings& s) {
    if (s.max_running) w.key("max_running").natural(*s.max_running);
    if (s.rate) w.key("rate").number(*s.rate);
    if (s.paused) w.key("paused").boolean(*s.paused);
    if (s.weight) w.key("weight").number(*s.weight);
    if (s.timeout) w.key("timeout").number(seconds(*s.timeout));
}

void write_ids(Writer& w, std::string_view key, const std::vector<JobId>& ids) {
    w.key(key).array(ids.size());
    for (const auto& id : ids) w.id(id);
}

void write_failure(Writer& w, const Failure& f) {
    w.map(f.retryable ? 2 : 3).key("code").text(f.code).key("message").text(f.message);
    if (!f.retryable) w.key("retryable").boolean(false);
}

} // namespace penstock
