// From the bytes of a header to a command or a refusal.

#include "gateway/admission.hpp"
#include "gateway/http_head.hpp"
#include "gateway/routes.hpp"

#include <gtest/gtest.h>

namespace penstock::gateway {
namespace {

std::string request(std::string_view line, std::string_view more = "") {
    return std::string(line) + " HTTP/1.1\r\nHost: localhost:8080\r\n" + std::string(more) + "\r\n";
}

Head head_of(const std::string& raw) {
    auto parsed = parse_head(raw);
    if (const auto* bad = std::get_if<ProblemDetails>(&parsed)) ADD_FAILURE() << bad->detail;
    return std::get<Head>(std::move(parsed));
}

Slug refused(const std::string& raw) {
    auto parsed = parse_head(raw);
    EXPECT_TRUE(std::holds_alternative<ProblemDetails>(parsed)) << raw;
    return std::get<ProblemDetails>(parsed).slug;
}

const RoutePolicy kOpen{true, {"jobs.example.org"}};

Routed routed(const std::string& raw) {
    return route(head_of(raw), kOpen);
}

int status(const std::string& raw) {
    const Routed to = routed(raw);
    const auto* reply = std::get_if<Reply>(&to.what);
    return reply != nullptr ? reply->status : 0;
}

template <class T>
T command(const std::string& raw) {
    const Routed to = routed(raw);
    const auto* found = std::get_if<Command>(&to.what);
    EXPECT_TRUE(found != nullptr && std::holds_alternative<T>(*found)) << raw;
    return std::get<T>(*found);
}

// ---- framing ------------------------------------------------------------------------------

TEST(GatewayHeader, ReadsWhatDecides) {
    const Head head = head_of(request("POST /v1/jobs?wait=2&a=b+c%26",
                                      "Content-Length: 5\r\nContent-Type: text/plain\r\n"));
    EXPECT_EQ(head.method, Method::post);
    EXPECT_EQ(head.segments, (std::vector<std::string>{"v1", "jobs"}));
    EXPECT_EQ(*head.parameter("a"), "b c&");
    EXPECT_EQ(*head.content_length, 5u);
}

TEST(GatewayHeader, RefusesAQueryThatNoMessageCouldCarry) {
    EXPECT_EQ(refused(request("GET /v1/run/add?a=%bb")), Slug::malformed_http);
    EXPECT_EQ(refused(request("GET /v1/jobs?%ff=1")), Slug::malformed_http);
    EXPECT_EQ(*head_of(request("GET /v1/run/add?a=%c3%a9")).parameter("a"), "\u00e9");
}

TEST(GatewayHeader, TakesOneLengthAndNoList) {
    const auto with = [](const char* length) {
        return request("POST /v1/jobs", "Content-Length: " + std::string(length) + "\r\n");
    };
    EXPECT_EQ(*head_of(with("005")).content_length, 5u);
    EXPECT_EQ(refused(with("1,1")), Slug::malformed_http);
    EXPECT_EQ(refused(with("1, 1")), Slug::malformed_http);
}

TEST(GatewayHeader, FindsAHeaderInWhatCame) {
    const std::string header = request("GET /livez");
    const HeaderPlace whole = find_header("\r\n" + header + "body", 0);
    EXPECT_EQ(whole.is, HeaderPlace::Is::complete);
    EXPECT_EQ(whole.before, 2u);
    EXPECT_EQ(whole.size, header.size());
    for (std::size_t cut = 0; cut < header.size(); ++cut) {
        EXPECT_EQ(find_header(header.substr(0, cut), 0).is, HeaderPlace::Is::partial);
        EXPECT_EQ(find_header(header, cut).size, header.size()) << cut;
    }
    EXPECT_EQ(find_header(std::string(kHeaderBytesMax + 1, 'a'), 0).is,
              HeaderPlace::Is::too_large);
}

TEST(GatewayHeader, ReadsAPathByItsSegments) {
    using Segments = std::vector<std::string>;
    const auto segments = [](std::string_view target) {
        return head_of(request("GET " + std::string(target))).segments;
    };
    EXPECT_EQ(segments("/"), Segments{});
    EXPECT_EQ(segments("/v1/jobs/a_B-7.x"), (Segments{"v1", "jobs", "a_B-7.x"}));
    EXPECT_EQ(segments("/v1/jobs?x=1"), (Segments{"v1", "jobs"}));
    EXPECT_EQ(segments("/v1/jobs/a%2Fb/result"), (Segments{"v1", "jobs", "a/b", "result"}));
    EXPECT_EQ(segments("/v1//jobs"), (Segments{"v1", "", "jobs"}));
    EXPECT_EQ(segments("/v1/jobs/"), (Segments{"v1", "jobs", ""}));
}

TEST(GatewayHeader, TakesOneFramingOnly) {
    EXPECT_EQ(refused(request("POST /", "Transfer-Encoding: chunked\r\n")), Slug::length_required);
    EXPECT_EQ(refused(request("POST /", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n")),
              Slug::length_required);
    EXPECT_EQ(refused(request("POST /", "transfer-encoding: identity\r\n")), Slug::length_required);
    EXPECT_EQ(refused(request("POST /", "Content-Length: 3\r\nContent-Length: 3\r\n")),
              Slug::malformed_http);
    EXPECT_EQ(refused(request("POST /", "Content-Length: +3\r\n")), Slug::malformed_http);
}

TEST(GatewayHeader, WithoutALengthThereIsNoBody) { // RFC 9112, 6.3; `curl -X POST` sends none
    EXPECT_EQ(head_of(request("POST /v1/jobs/a/retry")).content_length, std::nullopt);
}

TEST(GatewayHeader, RefusesWhatServersDisagreeAbout) {
    EXPECT_EQ(refused(request("GET /", "Host: other\r\n")), Slug::malformed_http);
    EXPECT_EQ(refused(request("GET /", "X: a\r\n b\r\n")), Slug::malformed_http);
    EXPECT_EQ(refused(request("GET /", "X: a\nY: b\r\n")), Slug::malformed_http);
    EXPECT_EQ(refused(request("GET /", std::string("X: a\0b\r\n", 8))), Slug::malformed_http);
    EXPECT_EQ(refused("GET / HTTP/1.1\r\n\r\n"), Slug::malformed_http);
    EXPECT_EQ(refused("nonsense\r\n\r\n"), Slug::malformed_http);
    EXPECT_EQ(refused(request("GET http://other/")), Slug::malformed_http);
}

TEST(GatewayHeader, HasLimits) {
    EXPECT_EQ(refused(request("GET /" + std::string(5000, 'a'))), Slug::uri_too_long);
    EXPECT_EQ(refused(request("GET /", "X: " + std::string(9000, 'a') + "\r\n")),
              Slug::header_too_large);
    EXPECT_EQ(too_large("GET /" + std::string(9000, 'a')).slug, Slug::uri_too_long);
}

TEST(GatewayHeader, ServesHttp10) {
    EXPECT_FALSE(head_of("GET / HTTP/1.0\r\n\r\n").keep_alive);
    EXPECT_TRUE(head_of("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n").keep_alive);
}

TEST(GatewayHeader, MeetsOneExpectation) {
    EXPECT_TRUE(head_of(request("GET /", "Expect: 100-Continue\r\n")).expect);
    EXPECT_EQ(refused(request("GET /", "Expect: miracles\r\n")), Slug::expectation_failed);
}

// ---- sites --------------------------------------------------------------------------------

std::string from(std::string_view host, std::string_view line, std::string_view more = "") {
    return std::string(line) + " HTTP/1.1\r\nHost: " + std::string(host) +
           "\r\nContent-Length: 0\r\n" + std::string(more) + "\r\n";
}

TEST(GatewaySites, ServesHostsThatNoStrangersPageCanHave) {
    for (const char* host : {"localhost", "127.0.0.1:8080", "[::1]:8080", "10.0.0.7", "gateway:80",
                             "jobs.example.org", "JOBS.example.org:443"}) {
        EXPECT_EQ(status(from(host, "GET /v1/jobs")), 0) << host;
    }
    EXPECT_EQ(status(from("evil.example", "GET /v1/jobs")), 403);
    EXPECT_EQ(status(from("evil.example", "GET /livez")), 0);
    EXPECT_EQ(status(from("localhost.evil.example", "GET /v1/jobs")), 403);
    EXPECT_EQ(status(from("127.evil.example", "GET /v1/jobs")), 403);
}

TEST(GatewaySites, SubmitsByGetOnItsOwnHostsOnly) {
    EXPECT_EQ(status(from("localhost", "GET /v1/run/add?a=1")), 0);
    EXPECT_EQ(status(from("jobs.example.org", "GET /v1/run/add?a=1")), 0);
    EXPECT_EQ(status(from("10.0.0.7", "GET /v1/run/add?a=1")), 403);
    EXPECT_EQ(status(from("gateway", "GET /v1/run/add?a=1")), 403);
    EXPECT_EQ(status(from("localhost", "GET /v1/run/add", "Sec-Fetch-Site: cross-site\r\n")), 403);
}

TEST(GatewaySites, RefusesPostsOfOtherSites) {
    EXPECT_EQ(status(from("localhost", "POST /v1/jobs", "Sec-Fetch-Site: cross-site\r\n")), 403);
    EXPECT_EQ(status(from("localhost", "POST /v1/jobs", "Origin: https://evil.example\r\n")), 403);
    EXPECT_EQ(status(from("localhost", "POST /v1/jobs", "Origin: null\r\n")), 403);
    EXPECT_EQ(status(from("10.0.0.7:81", "POST /v1/jobs", "Origin: http://10.0.0.7:81\r\n")), 0);
    EXPECT_EQ(status(from("localhost", "POST /v1/jobs", "Sec-Fetch-Site: same-origin\r\n")), 0);
}

// ---- routes -------------------------------------------------------------------------------

TEST(GatewayRoutes, FindsTheCommand) {
    EXPECT_EQ(command<GetJob>(request("GET /v1/jobs/j1?wait=1.5")).wait.time,
              std::chrono::milliseconds(1500));
    EXPECT_EQ(command<GetResult>(request("GET /v1/jobs/j1/result")).id.text(), "j1");
    EXPECT_EQ(command<CancelOne>(request("DELETE /v1/jobs/j1")).id.text(), "j1");
    EXPECT_EQ(command<SubmitRaw>(from("localhost", "POST /v1/kinds/k/jobs")).kind, "k");
    EXPECT_EQ(command<SubmitBulk>(from("localhost", "POST /v1/jobs/bulk?atomic=true")).mode,
              SubmitBulk::Mode::atomic);
    command<GetMetrics>(request("HEAD /metrics"));
}

TEST(GatewayRoutes, FindsGroupsAndWhatConcernsManyJobs) {
    EXPECT_EQ(command<SubmitGroup>(from("localhost", "POST /v1/groups?wait=2")).wait.time,
              std::chrono::seconds(2));
    EXPECT_EQ(command<SubmitGroup>(from("localhost", "POST /v1/chains")).form, GroupForm::chain);
    EXPECT_EQ(command<GetGroup>(request("GET /v1/groups/g1")).id.text(), "g1");
    EXPECT_EQ(command<GetGroupResults>(request("GET /v1/groups/g1/results")).id.text(), "g1");
    EXPECT_EQ(command<CancelWholeGroup>(request("DELETE /v1/groups/g1")).id.text(), "g1");
    EXPECT_EQ(command<ExplainJob>(request("GET /v1/jobs/j1/explain")).id.text(), "j1");
    EXPECT_EQ(command<RetryJob>(from("localhost", "POST /v1/jobs/j1/retry")).id.text(), "j1");
    command<WaitMany>(from("localhost", "POST /v1/jobs/wait"));
    const auto purge = command<DoMany>(from("localhost", "POST /v1/jobs/purge?dry_run"));
    EXPECT_EQ(purge.deed, AskMany::Deed::purge);
    EXPECT_TRUE(purge.dry_run);
    EXPECT_FALSE(command<DoMany>(from("localhost", "POST /v1/jobs/retry?dry_run=false")).dry_run);
    for (const char* path : {"GET /v1/groups/a%20b", "GET /v1/groups/a%20b/events"}) {
        const auto reply = std::get<Reply>(routed(request(path)).what);
        EXPECT_NE(reply.body.find("/problems/group-not-found"), std::string::npos) << reply.body;
    }
}

TEST(GatewayRoutes, ReadsPreferences) {
    const auto wait = [](std::string_view prefer) {
        return command<SubmitJob>(
                   from("localhost", "POST /v1/jobs", "Prefer: " + std::string(prefer) + "\r\n"))
            .wait;
    };
    EXPECT_EQ(wait("respond-async, wait=10").time, std::chrono::seconds(10));
    EXPECT_EQ(wait("wait=9999").time, std::chrono::seconds(300));
    EXPECT_EQ(wait("wait=soon").asked, Wait::Asked::no);
}

TEST(GatewayRoutes, KnowsWhatIsNotThere) {
    EXPECT_EQ(status(request("GET /nothing")), 404);
    EXPECT_EQ(status(request("GET /v1/jobs/")), 404);
    EXPECT_EQ(status(request("GET /v1/jobs/a%20b")), 404);
    EXPECT_EQ(status(request("GET /v1/jobs/a?wait=x")), 400);
    EXPECT_EQ(status(from("localhost", "POST /v1/kinds/a%20b/jobs")), 400);
}

TEST(GatewayRoutes, SaysWhichMethodsThereAre) {
    const Routed to = routed(from("localhost", "PUT /v1/jobs/j"));
    const auto& reply = std::get<Reply>(to.what);
    EXPECT_EQ(reply.status, 405);
    EXPECT_EQ(reply.headers.front().second, "GET, HEAD, DELETE, OPTIONS");
    EXPECT_EQ(status(request("OPTIONS /v1/jobs")), 204);
    EXPECT_EQ(status(request("OPTIONS *")), 204);
}

TEST(GatewayRoutes, ReadsAListsFilters) {
    const AskList ask = command<ListJobs>(request("GET /v1/jobs?state=failed&kind=k&tag=t&limit=5&"
                                                  "cursor=9&since=1970-01-01T00:01:00Z"))
                            .question;
    EXPECT_EQ(ask.state, State::failed);
    EXPECT_EQ(ask.limit, 5u);
    EXPECT_EQ(ask.cursor, 9u);
    EXPECT_EQ(ask.since, 60);
    for (const char* query :
         {"state=done", "limit=0", "limit=1001", "cursor=x", "since=now", "since=nan", "since=1e13",
          "x=1"}) {
        EXPECT_EQ(status(request("GET /v1/jobs?" + std::string(query))), 400) << query;
    }
}

TEST(GatewayRoutes, RunIsOffUnlessAllowed) {
    const Routed to = route(head_of(request("GET /v1/run/add")), {false, {}});
    EXPECT_EQ(std::get<Reply>(to.what).status, 403);
}

// ---- admission ----------------------------------------------------------------------------

Board open_board() {
    Board board;
    board.ventilator_silence = board.sink_silence = Duration(0);
    board.room.serving = true;
    board.room.jobs_free = 10;
    board.room.bytes_free = 1000;
    return board;
}

TEST(GatewayAdmission, RefusesBeforeTheBodyIsRead) {
    EXPECT_FALSE(check_room(open_board(), 1000));
    EXPECT_EQ(check_room(open_board(), 1001)->slug, Slug::bytes_full);
    Board board = open_board();
    board.room.jobs_free = 0;
    EXPECT_EQ(check_room(board, 1)->slug, Slug::jobs_full);
    board = open_board();
    board.sink_silence = kSilence;
    EXPECT_EQ(check_room(board, 1)->slug, Slug::starting);
    board = open_board();
    board.room.serving = false;
    board.room.why = "draining";
    EXPECT_EQ(check_room(board, 1)->slug, Slug::draining);
}

TEST(GatewayAdmission, KnowsKinds) {
    Room room;
    EXPECT_TRUE(is_known_kind(room, "a"));
    room.takes_any_kind = false;
    room.kinds = {"b"};
    EXPECT_FALSE(is_known_kind(room, "a"));
    EXPECT_EQ(unknown_kind(room, "a").known_kinds, room.kinds);
}

TEST(GatewayAdmission, ListsTheKindsThatTheVentilatorKnewBetter) {
    Room room;
    room.takes_any_kind = false;
    room.kinds = {"z", "b"};
    const JobAnswer refused{Found::refused, "unknown-kind", {}};
    const ProblemDetails unknown = not_stored(&refused, {*JobId::parse("j"), "a"}, room);
    EXPECT_EQ(unknown.slug, Slug::unknown_kind);
    EXPECT_EQ(unknown.known_kinds, (std::vector<std::string>{"b", "z"}));
    // A worker that joined right behind the job: 503, certainly not accepted.
    EXPECT_EQ(not_stored(&refused, {*JobId::parse("j"), "b"}, room).slug, Slug::starting);
}

TEST(GatewayAdmission, ChecksTypeAndSizeOfABody) {
    const auto check = [](const Command& command, const char* type, const char* size) {
        const Head head = head_of(request("POST /", "Content-Type: " + std::string(type) +
                                                        "\r\nContent-Length: " + size + "\r\n"));
        const auto bad = check_body(command, head, body_limits(0));
        return bad ? status_of(bad->slug) : 0;
    };
    EXPECT_EQ(check(SubmitJob{}, "application/json; charset=utf-8", "10"), 0);
    EXPECT_EQ(check(SubmitJob{}, "application/x-www-form-urlencoded", "10"), 415);
    EXPECT_EQ(check(SubmitJob{}, "application/json", "20000000"), 413);
    EXPECT_EQ(check(SubmitBulk{}, "application/x-ndjson", "20000000"), 0);
    EXPECT_EQ(check(SubmitRaw{"k", {}}, "image/png", "10"), 0);
    EXPECT_EQ(check(SubmitGroup{}, "application/json", "20000000"), 0);
    EXPECT_EQ(check(SubmitGroup{}, "application/x-ndjson", "10"), 415);
    EXPECT_EQ(check(DoMany{}, "application/json", "1000000"), 0);
    EXPECT_EQ(check(WaitMany{}, "application/json", "20000000"), 413);
}

} // namespace
} // namespace penstock::gateway
