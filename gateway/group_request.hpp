#pragma once
// Groups and chains as clients write them, checked: {"jobs": [...], "then"?, "on_failure"?, ...} to
// what the sink is asked. All jobs or none: one mistake refuses the whole.

#include "gateway/bulk.hpp"
#include "gateway/ids.hpp"
#include "gateway/job_request.hpp"
#include "gateway/routes.hpp"
#include "protocol/questions.hpp"

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <variant>
#include <vector>

namespace penstock::gateway {

struct GroupRequest {
    JobId id; // empty: not chosen by the client
    GroupMode mode = GroupMode::all;
    // In the order of the jobs: consecutive ones with equal terms share a part. An id is empty
    // until name_jobs() unless the client chose it.
    std::vector<Group> parts;
    std::unique_ptr<JobRequest> then, on_failure;
    std::size_t jobs = 0;
    std::optional<std::uint64_t> body; // where the client chose the id
};

// Reads a body of up to 64 MiB piece by piece, so that its thread can do other things in between.
class GroupReader {
public:
    // `body` stays where it is until finish().
    GroupReader(std::string_view body, GroupForm form, WallTime now);

    // Reads on a little. True: that was all, finish() has the outcome. The parser may be used for
    // other texts in between.
    bool read_some(JobParser& parser);
    std::variant<GroupRequest, ProblemDetails> finish();

private:
    bool read_member(JobParser& parser);  // false: that was all
    bool read_element(JobParser& parser); // of the jobs; likewise
    bool end_object();
    void take_field(std::string_view name, const boost::json::value& value);
    void take_job(CheckedJob&& checked);
    void take_callback(std::string_view name, const boost::json::value& value);
    void take_mode(const boost::json::value& value);
    void note(std::string pointer, std::string detail, Slug slug = Slug::invalid_request);
    void note(ProblemDetails&& problem);
    void note_id(const JobId& id, const std::string& pointer);
    bool malformed(std::size_t at, std::string what);
    [[nodiscard]] boost::json::value* parse(JobParser& parser, std::size_t end);
    void check_whole();

    std::string_view body_;
    GroupForm form_;
    WallTime now_;
    std::size_t at_ = 0;
    enum class Stage : std::uint8_t { start, members, elements, ended } stage_ = Stage::start;
    bool has_jobs_ = false;
    GroupRequest request_;
    std::size_t bytes_ = 0; // of the question that it will be, about
    std::unordered_map<std::string, std::string> pointers_; // of ids that were chosen
    std::vector<FieldError> errors_;
    std::optional<Slug> slug_; // of the first mistake
    std::optional<ProblemDetails> refused_; // as a whole
};

// A job with callbacks is a group of one.
GroupRequest group_of(JobRequest&& job);
// Of that group, where the job's id was chosen by the client: submitting it again makes the same.
JobId group_id_of(const JobId& job);

// What has no id gets one: a new one, or, where the same request must make the same jobs (it has an
// idempotency key or an id), one that is derived: of each job's tenant, and of the group as a whole
// the first one's. REQUIRES: there is a job.
void name_jobs(GroupRequest& request, FreshIds& ids, WallTime now,
               const std::optional<std::string>& idempotency_key);

// Views into `request`.
OpenGroup question_of(const GroupRequest& request);

std::set<std::string> kinds_of(const GroupRequest& request);

} // namespace penstock::gateway
