// What is asked of the ventilator and the sink for a request, and what becomes of it when they are
// silent, refuse, or the gateway leaves. The others are played by the test.

#include "tests/support/jobs.hpp"
#include "tests/support/played_house.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

namespace penstock::gateway {
namespace {

using namespace penstock::testing;

JobView finished(const JobId& job) {
    JobView out;
    out.id = job;
    out.kind = "k";
    out.state = State::succeeded;
    return out;
}

JobAnswer said(Found found, std::string why = "") {
    JobAnswer out;
    out.found = found;
    out.why = std::move(why);
    return out;
}

class GatewayAsking : public PlayedHouse {
protected:
    // What nobody answers is silence at once.
    template <class Command>
    Reply answer_in_silence(Command command, std::string body = "") {
        Client client(*shard, std::move(body));
        ask(client, std::move(command));
        EXPECT_TRUE(until([&] { return !open.empty(); }));
        shard->hub.give_up();
        EXPECT_TRUE(until([&] { return client.reply.has_value(); }));
        return client.reply.value_or(Reply{});
    }

    std::size_t waits_asked = 0;

    // Nothing is finished, and each wait is answered like this.
    void answer_waits(const JobAnswer& how) {
        on_status = [this, how](const StatusQuestion& question) -> std::optional<StatusAnswer> {
            if (std::holds_alternative<AskStatus>(question)) return said(Found::found);
            ++waits_asked;
            return how;
        };
    }
};

const std::string kWaitForTwo = R"({"ids":["a","b"],"timeout":60})";

// ---- deeds --------------------------------------------------------------------------------

TEST_F(GatewayAsking, WhetherSilenceTookAJobAgainIsNotKnown) {
    const Reply reply = answer_in_silence(RetryJob{id("j")});
    EXPECT_EQ(reply.status, 504);
    const auto json = boost::json::parse(reply.body);
    EXPECT_EQ(json.at("type").as_string(), "/problems/outcome-unknown");
    EXPECT_TRUE(JobId::parse(json.at("id").as_string())) << reply.body;
}

TEST_F(GatewayAsking, WhatSilenceDidToManyIsNotKnown) {
    on_status = [](const StatusQuestion& question) -> std::optional<StatusAnswer> {
        if (std::get<AskMany>(question).cursor != 0) return std::nullopt;
        return ManyAnswer{2, 7, {id("x"), id("y")}};
    };
    const Reply reply = answer_in_silence(DoMany{AskMany::Deed::retry, false}, R"({"filter":{}})");
    EXPECT_EQ(reply.status, 504);
    const auto json = boost::json::parse(reply.body);
    EXPECT_EQ(json.at("matched").as_int64(), 2);
    EXPECT_EQ(json.at("ids").as_array().size(), 2u);
}

TEST_F(GatewayAsking, SilenceToACountChangedNothing) {
    EXPECT_EQ(answer_in_silence(DoMany{AskMany::Deed::cancel, true}, R"({"filter":{}})").status, 503);
}

// ---- waiting for many ---------------------------------------------------------------------

TEST_F(GatewayAsking, AWaitForManyEndsAtSilence) {
    const Reply reply = answer_in_silence(WaitMany{}, kWaitForTwo);
    EXPECT_EQ(reply.status, 200);
    EXPECT_EQ(reply.body, R"({"done":[],"pending":["a","b"]})");
    EXPECT_EQ(asked_of_sink, 2u) << "and nobody is asked again";
}

TEST_F(GatewayAsking, AWaitThatTheSinkRefusesIsToBeTriedAgain) {
    answer_waits(said(Found::refused, "waits-full"));
    const Reply reply = answer(WaitMany{}, kWaitForTwo);
    EXPECT_EQ(reply.status, 503);
    EXPECT_NE(reply.body.find("waits-full"), std::string::npos) << reply.body;
    EXPECT_EQ(waits_asked, 2u);
}

TEST_F(GatewayAsking, AThreadHoldsOnlySoManyWaits) {
    answer_waits(said(Found::timed_out));
    shard->waits_for_many = 29'999;
    EXPECT_EQ(answer(WaitMany{}, kWaitForTwo).status, 503);
    EXPECT_EQ(waits_asked, 0u);
    EXPECT_EQ(shard->waits_for_many, 29'999u);
}

TEST_F(GatewayAsking, WaitsCountUntilTheyAreAnswered) {
    on_status = [](const StatusQuestion& question) -> std::optional<StatusAnswer> {
        if (std::holds_alternative<AskWait>(question)) return std::nullopt;
        return said(Found::found);
    };
    Client client(*shard, R"({"ids":["a","b"],"mode":"any","timeout":60})");
    ask(client, WaitMany{});
    ASSERT_TRUE(until([&] { return open.size() == 2; }));
    EXPECT_EQ(shard->waits_for_many, 2u);
    JobAnswer done = said(Found::found);
    done.job = finished(id("a"));
    say(open[0], done);
    ASSERT_TRUE(until([&] { return client.reply.has_value(); }));
    EXPECT_EQ(shard->waits_for_many, 1u) << "the sink still holds the other one";
    say(open[1], said(Found::timed_out));
    EXPECT_TRUE(until([&] { return shard->waits_for_many == 0; }));
}

TEST_F(GatewayAsking, OneThatIsLateIsNotAnyOfThem) {
    on_status = [](const StatusQuestion& question) -> std::optional<StatusAnswer> {
        if (std::holds_alternative<AskWait>(question)) return std::nullopt;
        return said(Found::found);
    };
    Client client(*shard, R"({"ids":["a","b"],"mode":"any","timeout":60})");
    ask(client, WaitMany{});
    ASSERT_TRUE(until([&] { return open.size() == 2; }));
    say(open[0], said(Found::timed_out));
    JobAnswer done = said(Found::found);
    done.job = finished(id("b"));
    say(open[1], done);
    ASSERT_TRUE(until([&] { return client.reply.has_value(); }));
    EXPECT_EQ(open.size(), 2u) << "nobody was asked again";
    EXPECT_NE(client.reply->body.find(R"("pending":["a"])"), std::string::npos);
}

TEST_F(GatewayAsking, AGatewayThatLeavesAnswersWaitsWithWhatIsKnown) {
    answer_waits(said(Found::timed_out));
    house.draining = true;
    EXPECT_EQ(answer(WaitMany{}, kWaitForTwo).body, R"({"done":[],"pending":["a","b"]})");
    EXPECT_EQ(waits_asked, 0u);
}

TEST_F(GatewayAsking, ARequestUnderWayEndsWithItsThread) {
    Client client(*shard, kWaitForTwo);
    ask(client, WaitMany{});
    ASSERT_TRUE(until([&] { return open.size() == 2; }));
    EXPECT_GT(client.under_way.use_count(), 1);
    shard.reset();
    EXPECT_EQ(client.under_way.use_count(), 1) << "its coroutine was not freed";
}

// ---- frames -------------------------------------------------------------------------------

TEST_F(GatewayAsking, WhatIsLargeIsNotJoinedWithOthers) {
    const auto give = [this](std::size_t bytes) {
        std::string payload;
        Writer(payload).text(std::string(bytes, 'x'));
        OpenGroup group;
        group.id = id("g");
        group.parts.push_back({terms("k"), {{id("j"), payload}}});
        start(*shard, Question(StatusQuestion(std::move(group))), 60s);
    };
    frames.clear();
    for (const std::size_t bytes : {10u, 10u, 600'000u, 600'000u, 3'000'000u, 10u}) give(bytes);
    ASSERT_TRUE(until([&] { return asked_of_sink == 6; }));
    std::size_t most_together = 0;
    for (const Frame& frame : frames) {
        most_together = std::max(most_together, frame.questions);
        if (frame.questions == 1) continue;
        EXPECT_LE(frame.bytes, Hub::kBytesPerFrame + 64);
    }
    EXPECT_GE(most_together, 2u) << "small ones are";
}

// ---- kinds --------------------------------------------------------------------------------

TEST_F(GatewayAsking, ABodyAsksOnceWhoServesItsKinds) {
    room.takes_any_kind = false;
    room.kinds = {"known"};
    ASSERT_TRUE(until([&] { return !shard->board->room.takes_any_kind; }));
    std::string body = "[";
    for (int i = 0; i < 50; ++i) {
        const std::string kind = "\"kind\":\"nobodys" + std::to_string(i % 5) + "\"";
        body += "{" + kind + "},{\"kind\":\"known\",\"then\":{" + kind + "}},";
    }
    body.back() = ']';
    const Reply reply = answer(SubmitBulk{}, body);
    EXPECT_EQ(reply.status, 422) << reply.body;
    EXPECT_EQ(asked_of_ventilator, 1u);
}

TEST_F(GatewayAsking, NobodyIsAskedAboutKindsOnTheBoard) {
    room.takes_any_kind = false;
    room.kinds = {"known"};
    ASSERT_TRUE(until([&] { return !shard->board->room.takes_any_kind; }));
    Client client(*shard, R"([{"kind":"known"},{"kind":"known"}])");
    ask(client, SubmitBulk{});
    EXPECT_TRUE(until([&] { return submits > 0; }));
    EXPECT_EQ(asked_of_ventilator, 0u);
    shard.reset();
}

// ---- lines --------------------------------------------------------------------------------

// A stream, asked for one piece at a time.
class GatewayLines : public GatewayAsking {
protected:
    GatewayLines() {
        on_status = [this](const StatusQuestion& question) -> std::optional<StatusAnswer> {
            if (const auto* about = std::get_if<AskGroup>(&question)) {
                if (about->until == AskGroup::Until::next) return hold(about->timeout);
                GroupAnswer group;
                group.found = Found::found;
                group.id = id("g");
                group.members = 2;
                return group;
            }
            if (const auto* about = std::get_if<AskPartials>(&question)) return hold(about->timeout);
            JobAnswer job = said(Found::found);
            job.job.id = id("j");
            return job;
        };
    }

    std::optional<StatusAnswer> hold(Duration time) {
        held = time;
        return std::nullopt;
    }

    void ask_next(Client& client) {
        ASSERT_TRUE(client.reply && client.reply->stream);
        piece.clear();
        flow.reset();
        asio::co_spawn(shard->io.get_executor(), client.reply->stream->next(&piece),
                       [this](const std::exception_ptr&, Flow what) { flow = what; });
    }

    template <class Command>
    void open_lines(Client& client, Command command) {
        ask(client, std::move(command));
        ASSERT_TRUE(until([&] { return client.reply.has_value(); }));
        ask_next(client);
        ASSERT_TRUE(until([&] { return open.size() == 1; }));
    }

    // The sink lets go of what it held without having anything to tell.
    void say_nothing_yet(const StatusAnswer& nothing) {
        say(open[0], nothing);
        ASSERT_TRUE(until([&] { return flow.has_value(); }));
        EXPECT_LE(held, 10s) << "clients take a longer silence for the end";
        EXPECT_EQ(piece, "\n");
        EXPECT_EQ(flow, Flow::more);
    }

    void leave(Client& client) {
        house.draining = true;
        client.deadlines.drain();
        ASSERT_TRUE(until([&] { return flow.has_value(); }));
        for (int i = 0; i < 3 && flow == Flow::more; ++i) {
            ask_next(client);
            ASSERT_TRUE(until([&] { return flow.has_value(); }));
        }
        EXPECT_EQ(flow, Flow::broken);
        EXPECT_EQ(open.size(), 1u) << "the sink is not asked again";
    }

    std::string piece;
    std::optional<Flow> flow;
    Duration held{0};
};

const GetResult kPieces{id("j"), {}, GetResult::As::pieces};

TEST_F(GatewayLines, ThoseOfASlowGroupAreEmptyNowAndThen) {
    Client client(*shard, "");
    open_lines(client, GetGroupResults{id("g")});
    GroupAnswer nothing;
    nothing.found = Found::timed_out;
    nothing.id = id("g");
    nothing.members = 2;
    say_nothing_yet(nothing);
}

TEST_F(GatewayLines, ThoseOfASlowJobAreEmptyNowAndThen) {
    Client client(*shard, "");
    open_lines(client, kPieces);
    PartialsAnswer nothing;
    nothing.found = Found::found;
    say_nothing_yet(nothing);
}

TEST_F(GatewayLines, ThoseOfAGroupBreakOffWhenTheGatewayLeaves) {
    Client client(*shard, "");
    open_lines(client, GetGroupResults{id("g")});
    leave(client);
}

TEST_F(GatewayLines, ThoseOfAJobBreakOffWhenTheGatewayLeaves) {
    Client client(*shard, "");
    open_lines(client, kPieces);
    leave(client);
}

TEST_F(GatewayLines, AWaitOfAnotherKindGoesOnWhenTheGatewayLeaves) {
    const auto call = std::make_shared<Call>();
    Client client(*shard, "");
    client.deadline.watch(call);
    client.deadlines.drain();
    EXPECT_FALSE(call->done());
}

} // namespace
} // namespace penstock::gateway
