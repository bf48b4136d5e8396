#pragma once
// The table of routes. Pure: a header goes in, a command (with its parameters checked) or a
// reply comes out. The body is not looked at here.

#include "gateway/head.hpp"
#include "gateway/http_policy.hpp"
#include "gateway/problem.hpp"
#include "gateway/reply.hpp"
#include "gateway/selection.hpp"
#include "protocol/job_id.hpp"
#include "protocol/questions.hpp"
#include "protocol/time.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock::gateway {

enum class Route : std::uint8_t { // what metrics are told apart by
    jobs,
    kind_jobs,
    bulk,
    job,
    result,
    run,
    workers,
    kinds,
    kind,
    stats,
    explain,
    retry,
    many_cancel,
    many_retry,
    many_purge,
    many_wait,
    groups,
    group,
    group_results,
    chains,
    livez,
    readyz,
    healthz,
    metrics,
    contract,
    events,
    job_events,
    group_events,
    other,
};
constexpr std::size_t kRoutes = static_cast<std::size_t>(Route::other) + 1;
std::string_view to_string(Route route); // its path, as "/v1/jobs/{id}"

enum class GroupForm : std::uint8_t { group, chain };

struct Wait {
    enum class Asked : std::uint8_t { no, by_query, by_preference };
    Asked asked = Asked::no;
    Duration time{0};
    bool cancels = false; // the job, if its client goes away meanwhile
};

struct SubmitJob {
    Wait wait;
};

struct SubmitRaw { // the body is the payload; the options stand in the query
    std::string kind;
    Wait wait;
};

struct SubmitBulk {
    enum class Mode : std::uint8_t { each, atomic };
    Mode mode = Mode::each;
};

struct RunKind { // the query is the payload
    std::string kind;
    Wait wait;
};

struct GetJob {
    JobId id;
    Wait wait;
};

struct GetResult {
    enum class As : std::uint8_t { whole, pieces };
    JobId id;
    Wait wait;
    As as = As::whole;
};

struct GetEvents {
    Selection wanted;
};

struct GetJobEvents {
    JobId id;
};

struct GetGroupEvents {
    JobId id;
};

struct ListJobs {
    AskList question;
};

struct CancelOne {
    JobId id;
};

struct ExplainJob {
    JobId id;
};

struct RetryJob {
    JobId id;
};

struct DoMany { // the body says to which jobs
    AskMany::Deed deed = AskMany::Deed::cancel;
    bool dry_run = false;
};

struct WaitMany {}; // the body says for which jobs

struct SubmitGroup {
    GroupForm form = GroupForm::group;
    Wait wait;
};

struct GetGroup {
    JobId id;
    Wait wait;
};

struct GetGroupResults {
    JobId id;
};

struct CancelWholeGroup {
    JobId id;
};

struct GetWorkers {};

struct GetKinds {};

struct SetKind { // the body says what holds for it
    std::string kind;
};

struct GetStats {};

struct Live {};

struct Ready {};

struct Health {
    enum class Detail : std::uint8_t { brief, verbose };
    Detail detail = Detail::brief;
};

struct GetMetrics {};

struct GetContract {};

using Command =
    std::variant<SubmitJob, SubmitRaw, SubmitBulk, RunKind, GetJob, GetResult, ListJobs, CancelOne,
                 ExplainJob, RetryJob, DoMany, WaitMany, SubmitGroup, GetGroup, GetGroupResults,
                 CancelWholeGroup, GetWorkers, GetKinds, SetKind, GetStats, Live, Ready, Health,
                 GetMetrics, GetContract, GetEvents, GetJobEvents, GetGroupEvents>;

struct Routed {
    Route route = Route::other;
    std::variant<Command, Reply> what;
};

struct RoutePolicy {
    bool allow_get_submit = false;
    std::vector<std::string> public_hosts;
};

Routed route(const Head& head, const RoutePolicy& policy);

// Every method and path that is served, in order: "GET", "/v1/jobs/{id}".
struct RoutePath {
    std::string_view method;
    std::string path;
};
std::vector<RoutePath> list_routes();

bool is_submission(const Command& command);
bool is_probe(const Command& command); // answered while everything else is not

} // namespace penstock::gateway
