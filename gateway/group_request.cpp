#include "gateway/group_request.hpp"

#include "gateway/job_fields.hpp"
#include "gateway/json_slice.hpp"
#include "protocol/codec.hpp"

#include <algorithm>

namespace penstock::gateway {
namespace {

namespace json = boost::json;

constexpr std::size_t kErrorsMax = 20;
constexpr std::size_t kPieceBytes = 128 * 1024; // about a millisecond of reading
constexpr std::size_t kRowOverhead = 80;        // an id and the heads around it, at most
constexpr std::size_t kTermsOverhead = 256;     // besides their texts

std::size_t size_of(const Terms& terms) {
    std::size_t out = kTermsOverhead + terms.kind.size() + terms.tenant.size();
    for (const auto& tag : terms.tags) out += tag.size() + 5;
    for (const auto& need : terms.needs) out += need.size() + 5;
    return out;
}

ProblemDetails too_large() {
    return problem(Slug::body_too_large, "The jobs have more than 64 MiB together, as msgpack. Give "
                                         "workers large things by reference.");
}

} // namespace

GroupReader::GroupReader(std::string_view body, GroupForm form, WallTime now)
    : body_(body), form_(form), now_(now) {
    if (form == GroupForm::chain) request_.mode = GroupMode::chain;
}

bool GroupReader::read_some(JobParser& parser) {
    const std::size_t until = at_ + kPieceBytes;
    while (stage_ != Stage::ended && at_ < until) {
        const bool more =
            stage_ == Stage::elements ? read_element(parser) : read_member(parser);
        if (!more) stage_ = Stage::ended;
    }
    return stage_ == Stage::ended;
}

bool GroupReader::malformed(std::size_t at, std::string what) {
    refused_ = malformed_json(body_, {at, std::move(what)});
    return false;
}

// The text from at_ to `end`, which is passed; null: it is not JSON, which is noted.
json::value* GroupReader::parse(JobParser& parser, std::size_t end) {
    auto parsed = parser.parse_json(body_.substr(at_, end - at_));
    if (const auto* bad = std::get_if<BadJson>(&parsed)) {
        malformed(at_ + bad->offset, bad->what);
        return nullptr;
    }
    at_ = end;
    return std::get<json::value*>(parsed);
}

bool GroupReader::end_object() {
    at_ = skip_space(body_, at_ + 1);
    if (at_ != body_.size()) return malformed(at_, "there is more behind the object");
    return false;
}

// One `"name": value` of the body, or its head if it is `jobs`.
bool GroupReader::read_member(JobParser& parser) {
    at_ = skip_space(body_, at_);
    const char begins = at_ < body_.size() ? body_[at_] : '\0';
    if (stage_ == Stage::start) {
        if (begins != '{') {
            return malformed(at_, "it is an object: {\"jobs\": [...]}");
        }
        stage_ = Stage::members;
        at_ = skip_space(body_, at_ + 1);
        if (at_ < body_.size() && body_[at_] == '}') return end_object();
    } else if (begins == '}') {
        return end_object();
    } else if (begins == ',') {
        at_ = skip_space(body_, at_ + 1);
    } else {
        return malformed(at_, "a comma or the end of the object is missing");
    }
    if (at_ >= body_.size() || body_[at_] != '"') return malformed(at_, "a name is missing");
    std::size_t colon = at_ + 1;
    while (colon < body_.size() && body_[colon] != '"') colon += body_[colon] == '\\' ? 2 : 1;
    const json::value* parsed = parse(parser, std::min(colon + 1, body_.size()));
    if (parsed == nullptr) return false;
    const std::string name(parsed->get_string());
    at_ = skip_space(body_, at_);
    if (at_ >= body_.size() || body_[at_] != ':') return malformed(at_, "a colon is missing");
    at_ = skip_space(body_, at_ + 1);
    if (name == "jobs" && at_ < body_.size() && body_[at_] == '[') {
        if (has_jobs_) return malformed(at_, "`jobs` stands there twice");
        has_jobs_ = true;
        at_ = skip_space(body_, at_ + 1);
        const bool empty = at_ < body_.size() && body_[at_] == ']';
        if (empty) ++at_;
        stage_ = empty ? Stage::members : Stage::elements;
        return true;
    }
    const json::value* value = parse(parser, end_of_element(body_, at_));
    if (value != nullptr) take_field(name, *value);
    return value != nullptr;
}

bool GroupReader::read_element(JobParser& parser) {
    at_ = skip_space(body_, at_);
    const json::value* value = parse(parser, end_of_element(body_, at_));
    if (value == nullptr) return false;
    const std::string pointer = "/jobs/" + std::to_string(request_.jobs);
    if (value->is_object())
        take_job(read_job(value->get_object(), now_, pointer + "/"));
    else
        note(pointer, "must be a job: an object with `kind`");
    ++request_.jobs;
    if (bytes_ > kBulkBytesMax) {
        refused_ = too_large();
    } else if (request_.jobs > kGroupMembersMax) {
        refused_ = problem(Slug::body_too_large, "A group has at most " +
                                                     std::to_string(kGroupMembersMax) + " jobs.");
    }
    if (refused_ || errors_.size() >= kErrorsMax) return false;
    if (at_ >= body_.size()) return malformed(at_, "the array of jobs does not end");
    if (body_[at_] == '}') return malformed(at_, "unexpected bracket");
    if (body_[at_] == ']') stage_ = Stage::members;
    ++at_;
    return true;
}

void GroupReader::note(std::string pointer, std::string detail, Slug slug) {
    if (!slug_) slug_ = slug;
    if (errors_.size() < kErrorsMax) errors_.push_back({std::move(pointer), std::move(detail)});
}

void GroupReader::note(ProblemDetails&& problem) {
    if (!slug_) slug_ = problem.slug;
    for (auto& error : problem.errors) errors_.push_back(std::move(error));
}

// Two jobs of one id would be one job that waits for itself.
void GroupReader::note_id(const JobId& id, const std::string& pointer) {
    const auto [before, is_new] = pointers_.emplace(id.text(), pointer);
    if (is_new) return;
    note(pointer, "is the id of " + before->second + " too: two jobs have two ids",
         Slug::invalid_group);
}

void GroupReader::take_job(CheckedJob&& checked) {
    const std::string pointer = "/jobs/" + std::to_string(request_.jobs);
    if (auto* bad = std::get_if<ProblemDetails>(&checked)) {
        if (bad->errors.empty()) return note(pointer, bad->detail, bad->slug);
        return note(std::move(*bad));
    }
    auto& job = std::get<JobRequest>(checked);
    if (job.has_callbacks()) {
        note(pointer + (job.then ? "/then" : "/on_failure"),
             "can't be here: callbacks belong to the group as a whole", Slug::invalid_group);
    }
    if (form_ == GroupForm::chain && request_.jobs > 0 && !takes_results(job.payload)) {
        note(pointer + "/payload", "must be an object, which gets the member `previous`, or be "
                                   "absent: then it is the result of the step before");
    }
    if (job.id) note_id(*job.id, pointer + "/id");
    const bool alike = !request_.parts.empty() && request_.parts.back().terms == job.terms;
    if (!alike) {
        bytes_ += size_of(job.terms);
        request_.parts.emplace_back().terms = std::move(job.terms);
    }
    Group& part = request_.parts.back();
    part.rows.push_back({job.id.value_or(JobId()), part.payloads.size(), job.payload.size(),
                         request_.jobs, std::nullopt});
    part.payloads += job.payload;
    bytes_ += job.payload.size() + kRowOverhead;
}

void GroupReader::take_callback(std::string_view name, const json::value& value) {
    JobFields whole("/", now_);
    whole.read("kind", json::value("group")); // whatever: only its callback is wanted
    whole.read(name, value);
    CheckedJob checked = whole.finish();
    if (auto* bad = std::get_if<ProblemDetails>(&checked)) return note(std::move(*bad));
    auto& job = std::get<JobRequest>(checked);
    auto& callback = name == "then" ? request_.then : request_.on_failure;
    callback = std::move(name == "then" ? job.then : job.on_failure);
    bytes_ += callback->payload.size() + size_of(callback->terms);
}

void GroupReader::take_mode(const json::value& value) {
    const std::string_view text =
        value.is_string() ? std::string_view(value.get_string()) : std::string_view();
    if (text == "first")
        request_.mode = GroupMode::first;
    else if (text == "all")
        request_.mode = GroupMode::all;
    else
        note("/mode", "must be \"all\" or \"first\"");
}

void GroupReader::take_field(std::string_view name, const json::value& value) {
    if (name == "then" || name == "on_failure") {
        take_callback(name, value);
    } else if (name == "mode" && form_ == GroupForm::group) {
        take_mode(value);
    } else if (name == "id") {
        const auto id = value.is_string() ? JobId::parse(std::string_view(value.get_string()))
                                          : std::optional<JobId>();
        if (id) request_.id = *id;
        if (!id) note("/id", "must be 1-64 characters of [A-Za-z0-9._-]");
    } else if (name == "jobs") {
        note("/jobs", "must be an array of jobs");
        has_jobs_ = true;
    } else {
        note("/" + std::string(name),
             form_ == GroupForm::group
                 ? "is not a field of a group; known are jobs, then, on_failure, mode, id"
                 : "is not a field of a chain; known are jobs, then, on_failure, id");
    }
}

void GroupReader::check_whole() {
    if (request_.then && request_.then->id) note_id(*request_.then->id, "/then/id");
    if (request_.on_failure && request_.on_failure->id) {
        note_id(*request_.on_failure->id, "/on_failure/id");
    }
    if (!has_jobs_) note("/jobs", "must be there: an array of jobs");
    if (has_jobs_ && request_.jobs == 0 && errors_.empty()) {
        note("/jobs", "must hold a job: an empty group has no outcome", Slug::invalid_group);
    }
}

std::variant<GroupRequest, ProblemDetails> GroupReader::finish() {
    if (!refused_ && bytes_ > kBulkBytesMax) refused_ = too_large(); // by its callbacks
    if (refused_) return std::move(*refused_);
    if (errors_.size() < kErrorsMax) check_whole();
    if (errors_.empty()) return std::move(request_);
    auto out = problem(*slug_, errors_.front().pointer + " " + errors_.front().detail +
                                   ". Nothing was submitted.");
    errors_.resize(std::min(errors_.size(), kErrorsMax));
    out.errors = std::move(errors_);
    return out;
}

// ---- from a request to a question ---------------------------------------------------------

GroupRequest group_of(JobRequest&& job) {
    GroupRequest out;
    Group& part = out.parts.emplace_back();
    part.rows.push_back({job.id.value_or(JobId()), 0, job.payload.size(), 0, std::nullopt});
    part.terms = std::move(job.terms);
    part.payloads = std::move(job.payload);
    out.then = std::move(job.then);
    out.on_failure = std::move(job.on_failure);
    out.jobs = 1;
    return out;
}

JobId group_id_of(const JobId& job) {
    return id_of_key("group of", job.text());
}

namespace {

std::uint64_t mixed(std::uint64_t digest, std::uint64_t more) { // of FNV, eight bytes at a time
    return (digest ^ more) * 0x100000001b3ull;
}

std::uint64_t digest_of(const JobId& id) {
    std::uint64_t out = 0xcbf29ce484222325ull;
    for (const char c : id.wire()) out = mixed(out, static_cast<unsigned char>(c));
    return out;
}

// With the ids: jobs of other ids are other jobs, and what is answered names them.
std::uint64_t digest_of(const GroupRequest& request) {
    std::uint64_t out = mixed(0xcbf29ce484222325ull, static_cast<std::uint64_t>(request.mode));
    for (const auto& part : request.parts) {
        for (const auto& row : part.rows) {
            out = mixed(out, body_digest(part.terms, part.payload(row)));
            out = mixed(out, digest_of(row.id));
        }
    }
    for (const auto* callback : {request.then.get(), request.on_failure.get()}) {
        out = mixed(out, callback == nullptr ? 1 : body_digest(callback->terms, callback->payload));
        if (callback != nullptr) out = mixed(out, digest_of(*callback->id));
    }
    return out;
}

} // namespace

void name_jobs(GroupRequest& request, FreshIds& ids, WallTime now,
               const std::optional<std::string>& idempotency_key) {
    const bool chosen = idempotency_key || !request.id.empty();
    const std::string key = idempotency_key ? *idempotency_key : request.id.text();
    if (idempotency_key) {
        const std::string& tenant = request.parts.front().terms.tenant;
        request.id = id_of_key(tenant, "group/" + key);
    }
    if (request.id.empty()) request.id = ids.next(now);
    const auto name = [&](const std::string& tenant, const std::string& which) {
        return chosen ? id_of_key(tenant, key + "/" + which) : ids.next(now);
    };
    for (auto& part : request.parts) {
        for (auto& row : part.rows) {
            if (row.id.empty()) {
                row.id = chosen ? name(part.terms.tenant, std::to_string(row.index))
                                : ids.next(now);
            }
        }
    }
    if (request.then && !request.then->id) {
        request.then->id = name(request.then->terms.tenant, "then");
    }
    if (request.on_failure && !request.on_failure->id) {
        request.on_failure->id = name(request.on_failure->terms.tenant, "on_failure");
    }
    if (chosen) request.body = digest_of(request);
}

OpenGroup question_of(const GroupRequest& request) {
    const auto callback = [](const JobRequest& job) {
        return OpenGroup::Callback{*job.id, job.terms, job.payload};
    };
    OpenGroup out;
    out.id = request.id;
    out.mode = request.mode;
    out.body = request.body;
    out.parts.reserve(request.parts.size());
    for (const auto& part : request.parts) {
        auto& to = out.parts.emplace_back();
        to.terms = part.terms;
        to.rows.reserve(part.rows.size());
        for (const auto& row : part.rows) to.rows.push_back({row.id, part.payload(row)});
    }
    if (request.then) out.then = callback(*request.then);
    if (request.on_failure) out.on_failure = callback(*request.on_failure);
    return out;
}

std::set<std::string> kinds_of(const GroupRequest& request) {
    std::set<std::string> out;
    for (const auto& part : request.parts) out.insert(part.terms.kind);
    if (request.then) out.insert(request.then->terms.kind);
    if (request.on_failure) out.insert(request.on_failure->terms.kind);
    return out;
}

} // namespace penstock::gateway
