#include "gateway/job_request.hpp"

#include "gateway/job_fields.hpp"
#include "gateway/json_msgpack.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace penstock::gateway {
namespace {

namespace json = boost::json;

// What a query says: 3, true and null as JSON, the rest as strings.
json::value value_of(const std::string& text) {
    JsonReader reader;
    const auto read = reader.read(text);
    const auto* parsed = std::get_if<json::value*>(&read);
    if (!parsed || (*parsed)->is_structured() || (*parsed)->is_string())
        return json::value(json::string(text));
    return **parsed;
}

// "a,b" -> ["a", "b"]
void split(std::string_view list, json::array& into) {
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (comma > 0) into.emplace_back(json::string(list.substr(0, comma)));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
}

} // namespace

ProblemDetails malformed_json(std::string_view text, const BadJson& bad) {
    const std::string_view before = text.substr(0, bad.offset);
    const auto line = static_cast<std::size_t>(std::count(before.begin(), before.end(), '\n')) + 1;
    const std::size_t column = bad.offset - (before.rfind('\n') + 1) + 1; // npos + 1 is 0
    auto out =
        problem(Slug::malformed_json, "The JSON is wrong at line " + std::to_string(line) +
                                          ", column " + std::to_string(column) + " (byte " +
                                          std::to_string(bad.offset) + "): " + bad.what + ".");
    out.extra = "\"position\":" + std::to_string(bad.offset);
    return out;
}

CheckedJob JobParser::parse(std::string_view text, WallTime now) {
    auto parsed = json_.read(text);
    if (const auto* bad = std::get_if<BadJson>(&parsed)) return malformed_json(text, *bad);
    const json::value& value = *std::get<json::value*>(parsed);
    if (!value.is_object()) {
        return problem(Slug::invalid_request, "A job is a JSON object: {\"kind\": ..., "
                                              "\"payload\": ...}.");
    }
    return read_job(value.get_object(), now);
}

CheckedJob read_job(const json::object& fields, WallTime now, std::string prefix) {
    JobFields job(std::move(prefix), now);
    for (const auto& [key, value] : fields) job.read({key.data(), key.size()}, value);
    return job.finish();
}

namespace {

CheckedJob read_node(Node map, JobFields&& job) {
    Node key = map.first();
    for (std::uint32_t i = 0; i < map.size(); ++i) {
        if (!key.is(Shape::text)) {
            return problem(Slug::invalid_request, "The keys of a job are strings.");
        }
        const std::string_view name = key.text();
        const bool is_callback = name == "then" || name == "on_failure";
        if (name == "payload") {
            const Bytes raw = key.raw_after();
            if (!is_payload(raw)) {
                return problem(Slug::malformed_msgpack, "The payload is nested too deep.");
            }
            job.payload(std::string(raw));
        } else if (is_callback && key.after().is(Shape::map)) {
            if (job.may_have(name)) {
                job.callback(name, read_node(key.after(), job.callback_fields(name)));
            }
        } else {
            std::string text;
            append_json(text, key.after());
            json::error_code error;
            const json::value value = json::parse(text, error);
            job.read(name, value);
        }
        if (i + 1 < map.size()) key = key.after().after();
    }
    return job.finish();
}

} // namespace

CheckedJob read_job_msgpack(std::string_view body, WallTime now) {
    Reader reader;
    const Node root = reader.read(body, Reader::Values::step_over);
    if (!root) return problem(Slug::malformed_msgpack, "The body " + reader.error() + ".");
    if (!root.is(Shape::map)) {
        return problem(Slug::invalid_request, "A job is a map with `kind` and `payload`.");
    }
    return read_node(root, JobFields("/", now));
}

CheckedJob read_job_options(const std::string& kind, const std::vector<Parameter>& query,
                            WallTime now) {
    JobFields job("?", now);
    job.read("kind", json::value(json::string(kind)));
    json::array tags, needs;
    for (const auto& [name, value] : query) {
        if (name == "wait") continue;
        if (name == "tag" || name == "tags") {
            split(value, tags);
        } else if (name == "needs") {
            split(value, needs);
        } else if (name == "then" || name == "on_failure") {
            job.read(name, json::object{{"kind", json::value(json::string(value))}});
        } else if (name == "id" || name == "tenant" || name == "run_at" || name == "deadline") {
            job.read(name, json::value(json::string(value)));
        } else if (name == "payload" || name == "kind") {
            job.read("?" + name, json::value()); // both are given already
        } else {
            job.read(name, value_of(value));
        }
    }
    if (!tags.empty()) job.read("tags", tags);
    if (!needs.empty()) job.read("needs", needs);
    return job.finish();
}

std::optional<ProblemDetails> read_raw_payload(const Head& head, std::string&& body,
                                               JobParser& parser, JobRequest& job) {
    const std::string type = head.content_type ? media_type(*head.content_type) : "";
    const bool is_json = type.empty() || type == kJson || type.ends_with("+json");
    job.payload.clear();
    if (is_msgpack_type(type)) {
        if (!is_payload(body)) {
            return problem(Slug::malformed_msgpack,
                           "The body must be exactly one msgpack value, nested at most 60 deep.");
        }
        job.payload = std::move(body);
    } else if (is_json && !body.empty()) {
        auto parsed = parser.parse_json(body);
        if (const auto* bad = std::get_if<BadJson>(&parsed)) return malformed_json(body, *bad);
        append_msgpack(job.payload, *std::get<json::value*>(parsed));
    } else if (is_json) {
        Writer(job.payload).nil();
    } else {
        Writer(job.payload).bytes(body);
        job.terms.content_type = head.content_type->substr(0, kNameLengthMax);
        // On the wire it is text, and one wrong message spoils its whole frame.
        if (!is_utf8(job.terms.content_type)) {
            return problem(Slug::unsupported_media_type, "The Content-Type is not UTF-8.");
        }
    }
    return std::nullopt;
}

std::string payload_of_query(const std::vector<Parameter>& query) {
    json::object fields; // the last one of a name stands
    for (const auto& [name, value] : query) {
        if (name != "wait") fields[name] = value_of(value);
    }
    std::string out;
    append_msgpack(out, fields);
    return out;
}

} // namespace penstock::gateway
