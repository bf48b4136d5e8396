#include "gateway/job_request.hpp"

#include "gateway/calendar.hpp"
#include "gateway/json_msgpack.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>
#include <cmath>

namespace penstock::gateway {
namespace {

namespace json = boost::json;

constexpr std::size_t kArenaBytes = 16 * 1024;
constexpr std::size_t kErrorsMax = 20; // of one job
constexpr std::string_view kKnownFields =
    "kind, payload, id, priority, delay, run_at, ttl, deadline, timeout, max_attempts, backoff, "
    "redeliver, tags, tenant";

// Reads the fields of one job, one after the other, and collects what is wrong with them.
class JobFields {
public:
    JobFields(std::string_view prefix, WallTime now) : prefix_(prefix), now_(now) {}

    void read(std::string_view key, const json::value& value);

    void payload(std::string encoded) { job_.payload = std::move(encoded); }

    CheckedJob finish();

private:
    void wrong(std::string_view key, std::string detail) {
        if (errors_.size() < kErrorsMax) errors_.push_back({prefix_ + std::string(key), detail});
    }

    double number(std::string_view key, const json::value& value, double max);
    std::uint64_t natural(std::string_view key, const json::value& value, std::uint64_t least,
                          std::uint64_t most);

    Duration duration(std::string_view key, const json::value& value) {
        return from_seconds(number(key, value, kSecondsMax));
    }

    std::string text(std::string_view key, const json::value& value);
    std::optional<WallTime> time(std::string_view key, const json::value& value);
    void tags(const json::value& value);
    void id(const json::value& value);
    bool read_when(std::string_view key, const json::value& value);
    void settle_times();

    std::string prefix_;
    WallTime now_;
    JobRequest job_;
    std::vector<FieldError> errors_;
    std::string unsupported_;
    std::optional<WallTime> run_at_, deadline_;
    bool has_delay_ = false, has_ttl_ = false;
};

double JobFields::number(std::string_view key, const json::value& value, double max) {
    json::error_code error;
    const double got = value.is_number() ? value.to_number<double>(error) : -1;
    if (std::isfinite(got) && got >= 0 && got <= max) return got;
    wrong(key, "must be a number of seconds from 0 to " +
                   std::to_string(static_cast<std::int64_t>(max)));
    return 0;
}

std::uint64_t JobFields::natural(std::string_view key, const json::value& value,
                                 std::uint64_t least, std::uint64_t most) {
    json::error_code error;
    const auto got = value.to_number<std::uint64_t>(error);
    if (!error && got >= least && got <= most) return got;
    wrong(key,
          "must be a whole number from " + std::to_string(least) + " to " + std::to_string(most));
    return least;
}

std::string JobFields::text(std::string_view key, const json::value& value) {
    if (value.is_string() && value.get_string().size() <= kNameLengthMax) {
        return std::string(value.get_string());
    }
    wrong(key, "must be a string of at most " + std::to_string(kNameLengthMax) + " bytes");
    return {};
}

std::optional<WallTime> JobFields::time(std::string_view key, const json::value& value) {
    std::optional<WallTime> at;
    if (value.is_string()) at = parse_rfc3339(std::string_view(value.get_string()));
    if (!at) wrong(key, "must be an RFC 3339 time such as 2030-01-31T08:00:00Z");
    return at;
}

void JobFields::tags(const json::value& value) {
    if (!value.is_array() || value.get_array().size() > kTagsMax) {
        wrong("tags", "must be an array of at most " + std::to_string(kTagsMax) + " strings");
        return;
    }
    const auto& list = value.get_array();
    for (std::size_t i = 0; i < list.size(); ++i) {
        job_.terms.tags.push_back(text("tags/" + std::to_string(i), list[i]));
    }
}

void JobFields::id(const json::value& value) {
    if (value.is_string()) job_.id = JobId::parse(std::string_view(value.get_string()));
    if (!job_.id) wrong("id", "must be 1-64 characters of [A-Za-z0-9._-]");
}

bool JobFields::read_when(std::string_view key, const json::value& value) {
    Terms& terms = job_.terms;
    if (key == "delay") {
        terms.delay = duration(key, value);
        has_delay_ = true;
    } else if (key == "ttl") {
        terms.ttl = duration(key, value);
        has_ttl_ = true;
    } else if (key == "run_at") {
        run_at_ = time(key, value);
    } else if (key == "deadline") {
        deadline_ = time(key, value);
    } else if (key == "timeout") {
        terms.timeout = duration(key, value);
        if (terms.timeout <= Duration(0)) wrong(key, "must be more than 0 seconds");
    } else if (key == "backoff") {
        terms.backoff = duration(key, value);
    } else {
        return false;
    }
    return true;
}

void JobFields::read(std::string_view key, const json::value& value) {
    Terms& terms = job_.terms;
    if (key == "kind") {
        if (value.is_string() && is_name(std::string_view(value.get_string()))) {
            terms.kind = std::string_view(value.get_string());
        } else {
            wrong(key, "must be 1-128 characters of [A-Za-z0-9._-]");
            terms.kind = "?";
        }
    } else if (key == "payload") {
        append_msgpack(job_.payload, value);
    } else if (key == "id") {
        id(value);
    } else if (key == "priority") {
        terms.priority = static_cast<int>(natural(key, value, 0, kPriorityMax));
    } else if (key == "max_attempts") {
        terms.max_attempts = static_cast<std::uint32_t>(natural(key, value, 1, kAttemptsMax));
    } else if (key == "redeliver") {
        if (value.is_bool())
            terms.redeliver = value.get_bool();
        else
            wrong(key, "must be true or false");
    } else if (key == "tags") {
        tags(value);
    } else if (key == "tenant") {
        terms.tenant = text(key, value);
    } else if (key == "needs" || key == "then" || key == "on_failure") {
        if (unsupported_.empty()) unsupported_ = key;
    } else if (!read_when(key, value)) {
        wrong(key, "is not a field of a job; known are " + std::string(kKnownFields));
    }
}

void JobFields::settle_times() {
    Terms& terms = job_.terms;
    if (run_at_ && has_delay_) wrong("run_at", "can't stand beside `delay`: give one of them");
    if (deadline_ && has_ttl_) wrong("deadline", "can't stand beside `ttl`: give one of them");
    if (run_at_ && *run_at_ > now_) terms.delay = *run_at_ - now_;
    if (deadline_ && *deadline_ <= now_)
        wrong("deadline", "has passed already");
    else if (deadline_)
        terms.ttl = *deadline_ - now_;
    const Duration most = from_seconds(kSecondsMax);
    if (terms.delay > most) wrong("run_at", "must be within 10 years");
    if (terms.ttl > most) wrong("deadline", "must be within 10 years");
}

CheckedJob JobFields::finish() {
    settle_times();
    if (job_.terms.kind.empty()) wrong("kind", "must be there: it selects the handler");
    if (!unsupported_.empty()) {
        auto out =
            problem(Slug::unsupported_field,
                    "`" + unsupported_ + "` is not supported yet. Submit the job without it.");
        out.errors = {{prefix_ + unsupported_, "is not supported yet"}};
        return out;
    }
    if (!errors_.empty()) {
        auto out = problem(Slug::invalid_request,
                           errors_.front().pointer + " " + errors_.front().detail + ".");
        out.errors = std::move(errors_);
        return out;
    }
    if (job_.payload.empty()) Writer(job_.payload).nil();
    if (job_.payload.size() > kPayloadBytesMax) {
        return problem(Slug::body_too_large, "The payload is larger than 16 MiB.");
    }
    return std::move(job_);
}

json::parse_options parse_options() {
    json::parse_options options;
    options.max_depth = kPayloadDepthMax;
    return options;
}

// What a query says: 3, true and null as JSON, the rest as strings.
json::value value_of(const std::string& text) {
    json::error_code error;
    json::value parsed = json::parse(text, error);
    if (error || parsed.is_structured() || parsed.is_string())
        return json::value(json::string(text));
    return parsed;
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

JobParser::JobParser() : block_(kArenaBytes), parser_(json::storage_ptr(), parse_options()) {}

void JobParser::forget() {
    value_.reset();
    parser_.reset();
    // A new arena, since an old one goes on with blocks as large as it ever needed.
    arena_.emplace(block_.data(), block_.size(), json::storage_ptr());
    parser_.reset(&*arena_);
}

std::variant<json::value*, BadJson> JobParser::parse_json(std::string_view text) {
    forget();
    json::error_code error;
    const std::size_t used = parser_.write_some(text.data(), text.size(), error);
    if (error) return BadJson{used, error.message()};
    const std::string_view rest = text.substr(used);
    const std::size_t more = rest.find_first_not_of(" \t\r\n");
    if (more != std::string_view::npos) {
        return BadJson{used + more, "there is more behind the value"};
    }
    return &value_.emplace(parser_.release());
}

CheckedJob JobParser::parse(std::string_view text, WallTime now) {
    auto parsed = parse_json(text);
    if (const auto* bad = std::get_if<BadJson>(&parsed)) return malformed_json(text, *bad);
    const json::value& value = *std::get<json::value*>(parsed);
    if (!value.is_object()) {
        return problem(Slug::invalid_request, "A job is a JSON object: {\"kind\": ..., "
                                              "\"payload\": ...}.");
    }
    return read_job(value.get_object(), now);
}

CheckedJob read_job(const json::object& fields, WallTime now) {
    JobFields job("/", now);
    for (const auto& [key, value] : fields) job.read({key.data(), key.size()}, value);
    return job.finish();
}

CheckedJob read_job_msgpack(std::string_view body, WallTime now) {
    Reader reader;
    const Node root = reader.read(body, Reader::Values::step_over);
    if (!root) return problem(Slug::malformed_msgpack, "The body " + reader.error() + ".");
    if (!root.is(Shape::map)) {
        return problem(Slug::invalid_request, "A job is a map with `kind` and `payload`.");
    }
    JobFields job("/", now);
    Node key = root.first();
    for (std::uint32_t i = 0; i < root.size(); ++i) {
        if (!key.is(Shape::text)) {
            return problem(Slug::invalid_request, "The keys of a job are strings.");
        }
        if (key.text() == "payload") {
            const Bytes raw = key.raw_after();
            if (!is_payload(raw)) {
                return problem(Slug::malformed_msgpack, "The payload is nested too deep.");
            }
            job.payload(std::string(raw));
        } else {
            std::string text;
            append_json(text, key.after());
            json::error_code error;
            const json::value value = json::parse(text, error);
            job.read(key.text(), value);
        }
        if (i + 1 < root.size()) key = key.after().after();
    }
    return job.finish();
}

CheckedJob read_job_options(const std::string& kind, const std::vector<Parameter>& query,
                            WallTime now) {
    JobFields job("?", now);
    job.read("kind", json::value(json::string(kind)));
    json::array tags;
    for (const auto& [name, value] : query) {
        if (name == "wait") continue;
        if (name == "tag" || name == "tags") {
            std::string_view rest = value;
            while (!rest.empty()) {
                const std::size_t comma = std::min(rest.find(','), rest.size());
                if (comma > 0) tags.emplace_back(json::string(rest.substr(0, comma)));
                rest.remove_prefix(std::min(comma + 1, rest.size()));
            }
        } else if (name == "id" || name == "tenant" || name == "run_at" || name == "deadline") {
            job.read(name, json::value(json::string(value)));
        } else if (name == "payload" || name == "kind") {
            job.read("?" + name, json::value()); // both are given already
        } else {
            job.read(name, value_of(value));
        }
    }
    if (!tags.empty()) job.read("tags", tags);
    return job.finish();
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
