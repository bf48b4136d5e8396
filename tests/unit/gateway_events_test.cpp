// Events as text, which of them a client asks for, and the header that says where time went.

#include "gateway/routes.hpp"
#include "gateway/server_timing.hpp"
#include "gateway/sse.hpp"
#include "tests/support/jobs.hpp"

#include <gtest/gtest.h>

namespace penstock::gateway {
namespace {

using namespace penstock::testing;

Events frame_of(Event event) {
    return {77, 41, 1'800'000'000.25, {std::move(event)}};
}

TEST(GatewaySse, AnEventIsItsMarkAndOneLineOfJson) {
    Ring ring;
    ring.take(Events{77, 41, 0, {}});
    Ring::Listener listener(ring, {});
    ring.take(frame_of({id("a"), Event::What::progress, "add", 2, 0.5, "half\nway", id("g"), {"t"}}));
    std::string out;
    append_news(out, ring, listener, 1'000);
    EXPECT_EQ(out, "id: 77.41\ndata: {\"id\":\"a\",\"event\":\"progress\",\"kind\":\"add\","
                   "\"attempt\":2,\"at\":\"2027-01-15T08:00:00.250000Z\",\"progress\":0.5,"
                   "\"note\":\"half\\nway\",\"group\":\"g\",\"tags\":[\"t\"]}\n\n");
}

TEST(GatewaySse, WhatWasMissedIsAnEventOfItsOwn) {
    Ring ring;
    ring.take(Events{77, 41, 0, {}});
    Ring::Listener listener(ring, {});
    ring.take(Events{77, 50, 0, {}});
    ring.take(Events{78, 1, 0, {}});
    std::string out;
    append_news(out, ring, listener, 1'000);
    EXPECT_EQ(out, "id: 78.0\nevent: missed\ndata: {}\n\n");
    out.clear();
    ring.take(Events{78, 10, 0, {}});
    append_news(out, ring, listener, 1'000);
    EXPECT_EQ(out, "event: missed\ndata: {\"missed\":9}\n\n");
}

TEST(GatewaySse, APieceEndsWhenItIsLongEnough) {
    Ring ring;
    ring.take(Events{77, 41, 0, {}});
    Ring::Listener listener(ring, {});
    for (std::uint64_t i = 0; i < 100; ++i) {
        ring.take(Events{77, 41 + i, 0, {{id("a"), {}, "add", 0, -1, "", {}, {}}}});
    }
    std::string out;
    append_news(out, ring, listener, 1'000);
    EXPECT_LT(out.size(), 1'200u);
    EXPECT_TRUE(listener.has_news());
}

Routed routed(std::string target, std::string accept = "") {
    Head head;
    head.target = std::move(target);
    EXPECT_TRUE(read_target(head));
    head.host = "localhost";
    head.hosts = 1;
    if (!accept.empty()) head.accept = std::move(accept);
    return route(head, {});
}

TEST(GatewayEventRoutes, AreFilteredByTheQuery) {
    const auto events = routed("/v1/events?kind=add&state=failed&tag=t");
    ASSERT_EQ(events.route, Route::events);
    const auto& wanted = std::get<GetEvents>(std::get<Command>(events.what)).wanted;
    EXPECT_EQ(wanted.kind + wanted.tag, "addt");
    EXPECT_EQ(wanted.what, Event::What::failed);
    EXPECT_EQ(std::get<Reply>(routed("/v1/events?state=queued").what).status, 400);
    EXPECT_EQ(std::get<Reply>(routed("/v1/events?colour=red").what).status, 400);
}

TEST(GatewayEventRoutes, AreThereForAJobAndForAGroup) {
    const auto job = routed("/v1/jobs/a/events"), group = routed("/v1/groups/a/events");
    EXPECT_EQ(std::get<GetJobEvents>(std::get<Command>(job.what)).id, id("a"));
    EXPECT_EQ(std::get<GetGroupEvents>(std::get<Command>(group.what)).id, id("a"));
}

TEST(GatewayEventRoutes, AResultComesInPiecesToThoseWhoAcceptThem) {
    const auto as = [](const std::string& accept) {
        return std::get<GetResult>(std::get<Command>(routed("/v1/jobs/a/result", accept).what)).as;
    };
    EXPECT_EQ(as(""), GetResult::As::whole);
    EXPECT_EQ(as("application/json"), GetResult::As::whole);
    EXPECT_EQ(as("Application/X-NDJSON; q=1"), GetResult::As::pieces);
    EXPECT_EQ(as("text/plain, application/x-ndjson"), GetResult::As::pieces);
}

TEST(GatewayPreferences, ADisconnectMayCancel) {
    Head head;
    head.method = Method::post;
    head.target = "/v1/jobs";
    head.host = "localhost";
    ASSERT_TRUE(read_target(head));
    const auto wait_of = [&](const char* prefer) {
        head.prefer = prefer;
        return std::get<SubmitJob>(std::get<Command>(route(head, {}).what)).wait;
    };
    EXPECT_TRUE(wait_of("wait=5, cancel-on-disconnect").cancels);
    EXPECT_EQ(wait_of("cancel-on-disconnect; wait=5").time, 5s);
    EXPECT_FALSE(wait_of("wait=5, no-cancel-on-disconnect").cancels);
}

TEST(GatewayServerTiming, SaysInMillisecondsWhatIsKnown) {
    JobView job;
    job.state = State::succeeded;
    job.run = 0.0125;
    job.dispatch = 0;
    EXPECT_EQ(server_timing(job), "dispatch;dur=0.000, run;dur=12.500");
    job.queue = 1.5;
    job.back = 0.0001;
    EXPECT_EQ(server_timing(job),
              "queue;dur=1500.000, dispatch;dur=0.000, run;dur=12.500, return;dur=0.100");
    job.state = State::running;
    EXPECT_EQ(server_timing(job), "");
}

} // namespace
} // namespace penstock::gateway
