// The bytes in front of a body, and how long a connection is waited for.

#include "gateway/deadlines.hpp"
#include "gateway/response.hpp"
#include "gateway/stream.hpp"

#include <array>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::gateway {
namespace {

class Silence : public Stream {
    Awaitable<Flow> next(std::string*) override { co_return Flow::end; }
};

std::string head_of(const Reply& reply, const Framing& framing) {
    std::string out;
    append_head(out, reply, framing, "Sat, 01 Jan 2000 00:00:00 GMT");
    return out;
}

TEST(GatewayResponse, FramesABody) {
    Reply reply = json_reply(202, "{}");
    reply.headers.emplace_back("Location", "/v1/jobs/a");
    EXPECT_EQ(head_of(reply, {11, false, true}),
              "HTTP/1.1 202 Accepted\r\nServer: penstock\r\nDate: Sat, 01 Jan 2000 00:00:00 GMT\r\n"
              "Location: /v1/jobs/a\r\nContent-Type: application/json\r\n"
              "Content-Length: 2\r\n\r\n");
}

TEST(GatewayResponse, SaysWhatBecomesOfTheConnectionWhereTheVersionDoesNot) {
    const Reply reply = json_reply(200, "");
    const auto says = [&](unsigned version, bool keep_alive, std::string_view what) {
        const std::string head = head_of(reply, {version, false, keep_alive});
        return head.find(what) != std::string::npos;
    };
    EXPECT_FALSE(says(11, true, "Connection"));
    EXPECT_TRUE(says(11, false, "Connection: close\r\n"));
    EXPECT_TRUE(says(10, true, "Connection: keep-alive\r\n"));
    EXPECT_FALSE(says(10, false, "Connection"));
    EXPECT_TRUE(says(10, false, "HTTP/1.0 200 OK\r\n"));
}

TEST(GatewayResponse, AnAnswerWithoutABodyHasNoLength) {
    for (const int status : {204, 304}) {
        EXPECT_EQ(head_of({status, {}, {}, {}}, {}).find("Content-Length"), std::string::npos);
    }
}

TEST(GatewayResponse, AStreamHasChunksInsteadOfALength) {
    const Reply reply = stream_reply(kNdjson, std::make_shared<Silence>());
    EXPECT_NE(head_of(reply, {11, false, true}).find("Transfer-Encoding: chunked\r\n"),
              std::string::npos);
    EXPECT_EQ(head_of(reply, {11, false, true}).find("Content-Length"), std::string::npos);
    EXPECT_EQ(head_of(reply, {10, false, false}).find("Transfer-Encoding"), std::string::npos);
}

TEST(GatewayResponse, NoValueEndsItsLine) {
    Reply reply = json_reply(200, "");
    reply.headers.emplace_back("ETag", "x\r\nSet-Cookie: a=b");
    reply.content_type = "text/plain\nX: y";
    const std::string head = head_of(reply, {});
    EXPECT_EQ(head.find("Set-Cookie"), std::string::npos);
    EXPECT_EQ(head.find("X: y"), std::string::npos);
}

class GatewayDeadlines : public testing::Test {
protected:
    GatewayDeadlines() {
        std::array<int, 2> pair{};
        if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()) != 0) abort();
        socket_.assign(Tcp::v4(), pair[0]);
        socket_.non_blocking(true);
        client_ = pair[1];
    }

    ~GatewayDeadlines() override {
        if (client_ >= 0) close(client_);
    }

    void hang_up() {
        close(client_);
        client_ = -1;
    }

    asio::io_context io_;
    Socket socket_{io_};
    int client_ = -1;
    Deadlines all_;
    Deadlines::Entry entry_{all_, socket_};
};

TEST_F(GatewayDeadlines, ClosesAConnectionWhoseTimeHasCome) {
    constexpr Instant kFirst{};
    all_.look(kFirst);
    entry_.set(kFirst + std::chrono::seconds(5));
    all_.look(kFirst + std::chrono::seconds(4));
    EXPECT_TRUE(socket_.is_open());
    all_.look(kFirst + std::chrono::seconds(5));
    EXPECT_FALSE(socket_.is_open());
}

TEST_F(GatewayDeadlines, ForgetsOneThatWasMet) {
    entry_.set(Instant{});
    entry_.clear();
    all_.look(Instant{} + std::chrono::hours(1));
    EXPECT_TRUE(socket_.is_open());
}

TEST_F(GatewayDeadlines, TellsAWaitThatTheClientHungUp) {
    const auto call = std::make_shared<Call>();
    entry_.watch(call);
    all_.look(Instant{});
    EXPECT_FALSE(call->done());
    hang_up();
    all_.look(Instant{});
    EXPECT_EQ(call->take().what, Answer::What::gone);
}

TEST_F(GatewayDeadlines, ANextRequestIsNoHangUp) {
    const auto call = std::make_shared<Call>();
    entry_.watch(call);
    ASSERT_EQ(write(client_, "G", 1), 1);
    all_.look(Instant{});
    EXPECT_FALSE(call->done());
}

TEST_F(GatewayDeadlines, OneOfManyMayLeave) {
    auto second = std::make_unique<Deadlines::Entry>(all_, socket_);
    Deadlines::Entry third(all_, socket_);
    third.set(Instant{});
    second.reset();
    all_.look(Instant{});
    EXPECT_FALSE(socket_.is_open());
}

} // namespace
} // namespace penstock::gateway
