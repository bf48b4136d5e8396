#include "gateway/job_fields.hpp"

#include "gateway/calendar.hpp"
#include "gateway/json_msgpack.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

#include <algorithm>
#include <cmath>

namespace penstock::gateway {
namespace json = boost::json;

namespace {

constexpr std::size_t kErrorsMax = 20; // of one job
constexpr std::string_view kKnownFields =
    "kind, payload, id, priority, delay, run_at, ttl, deadline, timeout, max_attempts, backoff, "
    "redeliver, tags, tenant, needs, then, on_failure";

} // namespace

void JobFields::wrong(std::string_view key, std::string detail) {
    only_impossible_ = false;
    impossible(key, std::move(detail));
}

void JobFields::impossible(std::string_view key, std::string detail) {
    if (errors_.size() < kErrorsMax) {
        errors_.push_back({prefix_ + std::string(key), std::move(detail)});
    }
}

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

Duration JobFields::duration(std::string_view key, const json::value& value) {
    return from_seconds(number(key, value, kSecondsMax));
}

Duration JobFields::lasting(std::string_view key, const json::value& value) {
    const std::size_t before = errors_.size();
    const Duration out = duration(key, value);
    if (out <= Duration(0) && errors_.size() == before) wrong(key, "must be more than 0 seconds");
    return out;
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

std::vector<std::string> JobFields::texts(std::string_view key, const json::value& value,
                                          std::size_t most) {
    std::vector<std::string> out;
    if (!value.is_array() || value.get_array().size() > most) {
        wrong(key, "must be an array of at most " + std::to_string(most) + " strings");
        return out;
    }
    const auto& list = value.get_array();
    for (std::size_t i = 0; i < list.size(); ++i) {
        out.push_back(text(std::string(key) + "/" + std::to_string(i), list[i]));
    }
    return out;
}

void JobFields::needs(const json::value& value) {
    auto& needs = job_.terms.needs;
    const std::size_t before = errors_.size();
    needs = texts("needs", value, kNeedsMax);
    for (std::size_t i = 0; i < needs.size() && errors_.size() == before; ++i) {
        if (needs[i].empty()) wrong("needs/" + std::to_string(i), "must not be empty");
    }
    std::sort(needs.begin(), needs.end());
    needs.erase(std::unique(needs.begin(), needs.end()), needs.end());
}

void JobFields::id(const json::value& value) {
    if (value.is_string()) job_.id = JobId::parse(std::string_view(value.get_string()));
    if (!job_.id) wrong("id", "must be 1-64 characters of [A-Za-z0-9._-]");
}

void JobFields::kind(const json::value& value) {
    if (value.is_string() && is_name(std::string_view(value.get_string()))) {
        job_.terms.kind = std::string_view(value.get_string());
    } else {
        wrong("kind", "must be 1-128 characters of [A-Za-z0-9._-]");
        job_.terms.kind = "?";
    }
}

bool JobFields::may_have(std::string_view key) {
    if (rank_ == Rank::job) return true;
    impossible(key, "can't be here: a callback has no callbacks of its own. A chain does one job "
                    "after the other");
    return false;
}

JobFields JobFields::callback_fields(std::string_view key) const {
    return {prefix_ + std::string(key) + "/", now_, Rank::callback};
}

void JobFields::callback(std::string_view key, CheckedJob&& checked) {
    if (auto* bad = std::get_if<ProblemDetails>(&checked)) {
        if (bad->slug != Slug::invalid_group) only_impossible_ = false;
        if (bad->errors.empty()) wrong(key, bad->detail);
        for (auto& error : bad->errors) {
            if (errors_.size() < kErrorsMax) errors_.push_back(std::move(error));
        }
        return;
    }
    auto& to = key == "then" ? job_.then : job_.on_failure;
    to = std::make_unique<JobRequest>(std::get<JobRequest>(std::move(checked)));
}

void JobFields::read_callback(std::string_view key, const json::value& value) {
    if (!may_have(key)) return;
    if (!value.is_object()) {
        wrong(key, "must be a job: an object with `kind` and, if it needs one, `payload`");
        return;
    }
    JobFields fields = callback_fields(key);
    for (const auto& [name, field] : value.get_object()) {
        fields.read({name.data(), name.size()}, field);
    }
    callback(key, fields.finish());
}

bool JobFields::read_when(std::string_view key, const json::value& value) {
    Terms& terms = job_.terms;
    if (key == "delay") {
        terms.delay = duration(key, value);
        has_delay_ = true;
    } else if (key == "ttl") {
        terms.ttl = lasting(key, value);
        has_ttl_ = true;
    } else if (key == "run_at") {
        run_at_ = time(key, value);
    } else if (key == "deadline") {
        deadline_ = time(key, value);
    } else if (key == "timeout") {
        terms.timeout = lasting(key, value);
    } else if (key == "backoff") {
        terms.backoff = duration(key, value);
    } else {
        return false;
    }
    return true;
}

bool JobFields::read_what(std::string_view key, const json::value& value) {
    Terms& terms = job_.terms;
    if (key == "priority") {
        terms.priority = static_cast<int>(natural(key, value, 0, kPriorityMax));
    } else if (key == "max_attempts") {
        terms.max_attempts = static_cast<std::uint32_t>(natural(key, value, 1, kAttemptsMax));
    } else if (key == "redeliver") {
        if (value.is_bool())
            terms.redeliver = value.get_bool();
        else
            wrong(key, "must be true or false");
    } else if (key == "tags") {
        terms.tags = texts(key, value, kTagsMax);
    } else if (key == "tenant") {
        terms.tenant = text(key, value);
    } else if (key == "needs") {
        needs(value);
    } else {
        return false;
    }
    return true;
}

void JobFields::read(std::string_view key, const json::value& value) {
    if (key == "kind") {
        kind(value);
    } else if (key == "payload") {
        append_msgpack(job_.payload, value);
    } else if (key == "id") {
        id(value);
    } else if (key == "then" || key == "on_failure") {
        read_callback(key, value);
    } else if (!read_what(key, value) && !read_when(key, value)) {
        wrong(key, "is not a field of a job; known are " + std::string(kKnownFields));
    }
}

void JobFields::settle_times() {
    Terms& terms = job_.terms;
    if (run_at_ && has_delay_) wrong("run_at", "can't stand beside `delay`: give one of them");
    if (deadline_ && has_ttl_) wrong("deadline", "can't stand beside `ttl`: give one of them");
    // Calendars reach further than a duration does.
    const auto from_now = [this](WallTime when) {
        const auto far = std::chrono::duration_cast<WallTime::duration>(2 * from_seconds(kSecondsMax));
        return Duration(std::min(when - now_, far));
    };
    if (run_at_ && *run_at_ > now_) terms.delay = from_now(*run_at_);
    if (deadline_ && *deadline_ <= now_)
        wrong("deadline", "has passed already");
    else if (deadline_)
        terms.ttl = from_now(*deadline_);
    const Duration most = from_seconds(kSecondsMax);
    if (terms.delay > most) wrong("run_at", "must be within 10 years");
    if (terms.ttl > most) wrong("deadline", "must be within 10 years");
    if (terms.ttl > Duration(0) && terms.ttl <= terms.delay) {
        wrong(deadline_ ? "deadline" : "ttl", run_at_ ? "passes before `run_at`: it would never start"
                                                      : "passes before `delay`: it would never start");
    }
}

void JobFields::check_callbacks() {
    if (rank_ == Rank::callback && !takes_results(job_.payload)) {
        wrong("payload", "must be an object, which gets the member `results`, or be absent");
    }
    const auto same = [&](const std::unique_ptr<JobRequest>& a, const std::optional<JobId>& b) {
        return a && a->id && b && *a->id == *b;
    };
    constexpr const char* kCycle = "is the id of the job itself: it would wait for itself";
    if (same(job_.then, job_.id)) impossible("then/id", kCycle);
    if (same(job_.on_failure, job_.id)) impossible("on_failure/id", kCycle);
    if (job_.on_failure && same(job_.then, job_.on_failure->id)) {
        impossible("on_failure/id", "is the id of `then` too: two jobs have two ids");
    }
}

CheckedJob JobFields::finish() {
    settle_times();
    if (job_.terms.kind.empty()) wrong("kind", "must be there: it selects the handler");
    check_callbacks();
    if (!errors_.empty()) {
        auto out = problem(only_impossible_ ? Slug::invalid_group : Slug::invalid_request,
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

bool takes_results(std::string_view payload) {
    if (payload.empty()) return true;
    const auto first = static_cast<unsigned char>(payload.front());
    return first == 0xc0 || (first & 0xf0u) == 0x80 || first == 0xde || first == 0xdf;
}

} // namespace penstock::gateway
