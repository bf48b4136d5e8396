// Answers that are made while they are sent, over a pair of sockets.

#include "gateway/stream.hpp"

#include <array>
#include <gtest/gtest.h>
#include <optional>
#include <stdexcept>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace penstock::gateway {
namespace {

struct Piece {
    std::string text;
    Flow flow = Flow::more;
};

class Script : public Stream {
public:
    explicit Script(std::vector<Piece> pieces) : pieces_(std::move(pieces)) {}

    Awaitable<Flow> next(std::string* out) override {
        const Piece& piece = pieces_.at(asked_++); // beyond the last: it throws
        *out += piece.text;
        co_return piece.flow;
    }

    [[nodiscard]] std::size_t asked() const { return asked_; }

private:
    std::vector<Piece> pieces_;
    std::size_t asked_ = 0;
};

class GatewayStream : public ::testing::Test {
protected:
    GatewayStream() {
        std::array<int, 2> pair{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
        boost::system::error_code ignored;
        ours.assign(Tcp::v4(), pair[0], ignored);
        ours.non_blocking(true, ignored);
        theirs = pair[1];
    }

    ~GatewayStream() override { ::close(theirs); }

    void send(Script& script, Pieces pieces) {
        const auto done = [this](const std::exception_ptr&, bool whole) { outcome = whole; };
        asio::co_spawn(io.get_executor(), send_stream(&ours, &deadline, &script, pieces), done);
        io.poll();
    }

    std::string read() {
        std::string all(1 << 20, '\0');
        const ssize_t size = ::recv(theirs, all.data(), all.size(), MSG_DONTWAIT);
        all.resize(size < 0 ? 0 : static_cast<std::size_t>(size));
        return all;
    }

    asio::io_context io;
    Socket ours{io.get_executor()};
    Deadlines deadlines;
    Deadlines::Entry deadline{deadlines, ours};
    int theirs = -1;
    std::optional<bool> outcome; // of send_stream
};

TEST_F(GatewayStream, EachPieceIsAChunkAndTheLastSaysThatItIs) {
    Script script({{"one\n"}, {""}, {std::string(17, 'x'), Flow::end}});
    send(script, Pieces::chunked);
    EXPECT_EQ(read(), "4\r\none\n\r\n11\r\nxxxxxxxxxxxxxxxxx\r\n0\r\n\r\n");
    EXPECT_EQ(outcome, true);
}

TEST_F(GatewayStream, BareBytesForThoseWhoKnowNoChunks) {
    Script script({{"one\n"}, {"two\n"}, {"", Flow::end}});
    send(script, Pieces::bare);
    EXPECT_EQ(read(), "one\ntwo\n");
    EXPECT_EQ(outcome, true);
}

TEST_F(GatewayStream, OneThatBreaksIsSeenNotToBeWhole) {
    Script script({{"one\n"}, {"", Flow::broken}});
    send(script, Pieces::chunked);
    EXPECT_EQ(read(), "4\r\none\n\r\n");
    EXPECT_EQ(outcome, false);
}

TEST_F(GatewayStream, WhatThrowsBreaksItsStreamAndNothingElse) {
    Script script({});
    send(script, Pieces::chunked);
    EXPECT_EQ(outcome, false);
}

TEST_F(GatewayStream, ASlowReaderIsSentOnePieceAtATime) {
    Script script({{std::string(8u << 20, 'x')}, {"two", Flow::end}});
    send(script, Pieces::bare);
    EXPECT_EQ(script.asked(), 1u);
    EXPECT_FALSE(outcome);
    std::size_t got = 0;
    for (std::string some = read(); !some.empty(); some = read()) {
        got += some.size();
        io.poll();
    }
    EXPECT_EQ(got, (8u << 20) + 3);
    EXPECT_EQ(outcome, true);
}

TEST_F(GatewayStream, AReaderThatStallsIsLeft) {
    Script script({{std::string(8u << 20, 'x')}, {"two", Flow::end}});
    send(script, Pieces::bare);
    deadlines.look(std::chrono::steady_clock::now() + std::chrono::seconds(31));
    io.poll();
    EXPECT_EQ(outcome, false);
}

} // namespace
} // namespace penstock::gateway
