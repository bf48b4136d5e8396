#include "gateway/many_request.hpp"

#include "protocol/limits.hpp"

#include <algorithm>
#include <boost/json/value.hpp>
#include <cmath>
#include <unordered_set>

namespace penstock::gateway {
namespace {

namespace json = boost::json;

constexpr std::size_t kErrorsMax = 20;
constexpr std::size_t kIdsPerQuestion = 1'000;

class Body {
public:
    void wrong(std::string pointer, std::string detail) {
        if (errors_.size() < kErrorsMax) errors_.push_back({std::move(pointer), std::move(detail)});
    }

    // The object that `text` is; null: that is noted.
    const json::object* read(JobParser& parser, std::string_view text) {
        auto parsed = parser.parse_json(text);
        if (const auto* bad = std::get_if<BadJson>(&parsed)) {
            broken_ = malformed_json(text, *bad);
            return nullptr;
        }
        const auto* object = std::get<json::value*>(parsed)->if_object();
        if (object == nullptr) wrong("", "the body must be a JSON object");
        return object;
    }

    std::vector<JobId> ids(const json::value& value, std::size_t most);

    std::optional<ProblemDetails> problems() {
        if (broken_) return std::move(broken_);
        if (errors_.empty()) return std::nullopt;
        const std::string& at = errors_.front().pointer;
        auto out = problem(Slug::invalid_request,
                           at + (at.empty() ? "" : " ") + errors_.front().detail + ".");
        out.errors = std::move(errors_);
        return out;
    }

private:
    std::optional<ProblemDetails> broken_;
    std::vector<FieldError> errors_;
};

std::vector<JobId> Body::ids(const json::value& value, std::size_t most) {
    std::vector<JobId> out;
    const auto* list = value.if_array();
    if (list == nullptr || list->size() > most) {
        wrong("/ids", "must be an array of at most " + std::to_string(most) + " ids");
        return out;
    }
    std::unordered_set<std::string_view> seen;
    out.reserve(list->size());
    for (std::size_t i = 0; i < list->size(); ++i) {
        const auto* text = (*list)[i].if_string();
        const auto id = text != nullptr ? JobId::parse(std::string_view(*text)) : std::nullopt;
        if (!id)
            wrong("/ids/" + std::to_string(i), "must be 1-64 characters of [A-Za-z0-9._-]");
        else if (seen.insert(std::string_view(*text)).second)
            out.push_back(*id);
    }
    return out;
}

JobFilter read_filter(const json::value& value, Body& body) {
    JobFilter out;
    const auto* fields = value.if_object();
    if (fields == nullptr) {
        body.wrong("/filter", "must be an object with any of state, kind and tag");
        return out;
    }
    for (const auto& [key, field] : *fields) {
        const std::string pointer = "/filter/" + std::string(key);
        const std::string text = field.is_string() ? std::string(field.get_string()) : "";
        if (key != "state" && key != "kind" && key != "tag") {
            body.wrong(pointer, "is not a filter; known are state, kind and tag");
        } else if (text.empty() || text.size() > kNameLengthMax) {
            body.wrong(pointer, "must be a string of 1 to 128 bytes");
        } else if (key == "kind") {
            out.kind = text;
        } else if (key == "tag") {
            out.tag = text;
        } else {
            out.state = parse_state(text);
            if (!out.state) {
                body.wrong(pointer, "must be queued, delayed, running, retrying, succeeded, "
                                    "failed, cancelled, expired or quarantined");
            }
        }
    }
    return out;
}

} // namespace

std::variant<WhichJobs, ProblemDetails> read_which_jobs(JobParser& parser, std::string_view text) {
    Body body;
    std::vector<WhichJobs> found;
    if (const auto* fields = body.read(parser, text)) {
        for (const auto& [key, value] : *fields) {
            if (key == "ids")
                found.emplace_back(body.ids(value, kManyIdsMax));
            else if (key == "filter")
                found.emplace_back(read_filter(value, body));
            else
                body.wrong("/" + std::string(key), "is not known here: give `ids` or `filter`");
        }
        if (found.size() != 1) {
            body.wrong("", "give either `ids` or `filter`; the empty filter {} is for all jobs");
        }
    }
    if (auto bad = body.problems()) return std::move(*bad);
    return std::move(found.front());
}

std::variant<WaitRequest, ProblemDetails> read_wait_many(JobParser& parser, std::string_view text) {
    Body body;
    WaitRequest out;
    out.timeout = from_seconds(kWaitSecondsMax);
    bool has_ids = false;
    if (const auto* fields = body.read(parser, text)) {
        for (const auto& [key, value] : *fields) {
            if (key == "ids") {
                out.ids = body.ids(value, kWaitIdsMax);
                has_ids = true;
            } else if (key == "mode") {
                const auto* mode = value.if_string();
                if (mode == nullptr || (*mode != "all" && *mode != "any")) {
                    body.wrong("/mode", "must be \"all\" or \"any\"");
                } else {
                    out.mode = *mode == "any" ? WaitRequest::Mode::any : WaitRequest::Mode::all;
                }
            } else if (key == "timeout") {
                const double time = value.is_number() ? value.to_number<double>() : -1;
                if (!std::isfinite(time) || time < 0) {
                    body.wrong("/timeout", "must be a number of seconds, at most 300");
                } else {
                    out.timeout = from_seconds(std::min(time, kWaitSecondsMax));
                }
            } else {
                body.wrong("/" + std::string(key),
                           "is not known here; known are ids, mode and timeout");
            }
        }
        if (!has_ids) body.wrong("/ids", "must be there: an array of ids");
    }
    if (auto bad = body.problems()) return std::move(*bad);
    return out;
}

std::vector<AskMany> questions_of(const WhichJobs& which, AskMany::Deed deed, bool dry_run) {
    AskMany ask;
    ask.deed = deed;
    ask.dry_run = dry_run;
    if (const auto* filter = std::get_if<JobFilter>(&which)) {
        ask.state = filter->state;
        ask.kind = filter->kind;
        ask.tag = filter->tag;
        return {ask};
    }
    std::vector<AskMany> out;
    const auto& ids = std::get<std::vector<JobId>>(which); // none: no question, which would be of all
    for (std::size_t from = 0; from < ids.size(); from += kIdsPerQuestion) {
        const std::size_t to = std::min(from + kIdsPerQuestion, ids.size());
        ask.ids.assign(ids.begin() + static_cast<std::ptrdiff_t>(from),
                       ids.begin() + static_cast<std::ptrdiff_t>(to));
        out.push_back(ask);
    }
    return out;
}

} // namespace penstock::gateway
