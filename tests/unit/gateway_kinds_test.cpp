// PATCH /v1/kinds/{kind}: from its body to what the sink is asked, or to what is wrong with it.

#include "gateway/http_head.hpp"
#include "gateway/job_json.hpp"
#include "gateway/kind_request.hpp"
#include "gateway/routes.hpp"

#include <boost/json/parse.hpp>
#include <gtest/gtest.h>

namespace penstock::gateway {
namespace {

using namespace std::chrono_literals;

AskKind wish(const char* body) {
    auto read = read_kind_settings("render", boost::json::parse(body));
    if (const auto* bad = std::get_if<ProblemDetails>(&read)) ADD_FAILURE() << bad->detail;
    return std::get<AskKind>(std::move(read));
}

ProblemDetails wrong(const char* body) {
    auto read = read_kind_settings("render", boost::json::parse(body));
    EXPECT_TRUE(std::holds_alternative<ProblemDetails>(read)) << body;
    return std::get<ProblemDetails>(std::move(read));
}

Routed routed(const std::string& line) {
    auto head = parse_head(line + " HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    return route(std::get<Head>(std::move(head)), {true, {}});
}

TEST(GatewayKinds, SetsWhatIsGivenAndClearsWhatIsNull) {
    const AskKind ask = wish(R"({"max_running": 3, "rate": 2.5, "paused": false, "timeout": null})");
    EXPECT_EQ(ask.kind, "render");
    EXPECT_EQ(ask.set.max_running, 3u);
    EXPECT_EQ(ask.set.rate, 2.5);
    EXPECT_EQ(ask.set.paused, false);
    EXPECT_FALSE(ask.set.weight || ask.set.timeout);
    EXPECT_EQ(ask.clear, std::vector<std::string>{"timeout"});
    EXPECT_EQ(wish(R"({"timeout": 1.5, "weight": 1e6})").set.timeout, Duration(1500ms));
}

TEST(GatewayKinds, NamesEveryMistake) {
    const ProblemDetails bad = wrong(R"({"max_running": 0, "rate": -1, "colour": "red"})");
    EXPECT_EQ(status_of(bad.slug), 422);
    ASSERT_EQ(bad.errors.size(), 3u);
    EXPECT_EQ(bad.errors[0].pointer, "/max_running");
    EXPECT_EQ(bad.errors[1].pointer, "/rate");
    EXPECT_EQ(bad.errors[2].pointer, "/colour");
}

TEST(GatewayKinds, RefusesValuesThatLimitNothingOrEverything) {
    for (const char* body :
         {R"({"rate": 0})", R"({"rate": "10"})", R"({"rate": 1e10})", R"({"max_running": 1.5})",
          R"({"max_running": -1})", R"({"max_running": 4294967296})", R"({"paused": 1})",
          R"({"weight": 0})", R"({"weight": 1e7})", R"({"timeout": 0})", R"({"timeout": 1e-12})",
          R"({"timeout": 1e12})", R"([])", "7"}) {
        EXPECT_EQ(status_of(wrong(body).slug), 422) << body;
    }
}

TEST(GatewayKinds, HasARouteOfItsOwn) {
    const Routed to = routed("PATCH /v1/kinds/render");
    EXPECT_EQ(std::get<SetKind>(std::get<Command>(to.what)).kind, "render");
    EXPECT_EQ(to_string(to.route), "/v1/kinds/{kind}");
    EXPECT_EQ(std::get<Reply>(routed("PATCH /v1/kinds/a%20b").what).status, 400);
    EXPECT_EQ(std::get<Reply>(routed("GET /v1/kinds/render").what).status, 405);
}

TEST(GatewayKinds, ShowsWhatHoldsNow) {
    DispatchStats dispatch;
    DispatchKind kind;
    kind.kind = "render";
    kind.settings.rate = 2.5;
    kind.settings.paused = true;
    dispatch.kinds = {kind};
    const std::string body = kinds_json(Room(), dispatch, SinkStats());
    EXPECT_NE(body.find(R"("settings":{"rate":2.5,"paused":true})"), std::string::npos) << body;
}

} // namespace
} // namespace penstock::gateway
