// Events on their way from a sink, played by the test, to sessions.

#include "gateway/broadcast.hpp"
#include "transport/sockets.hpp"

#include <array>
#include <gtest/gtest.h>
#include <optional>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::gateway {
namespace {

class GatewayBroadcast : public ::testing::Test {
protected:
    GatewayBroadcast() {
        sink.set(zmq::sockopt::xpub_verbose, 1);
        sink.bind("inproc://events");
        std::array<int, 2> pair{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
        ours.assign(Tcp::v4(), pair[0]);
        ours.non_blocking(true);
        theirs = pair[1];
    }

    ~GatewayBroadcast() override {
        if (theirs >= 0) ::close(theirs);
    }

    // Turns the loop until this holds; false: it did not within ten seconds.
    template <class Condition>
    bool until(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            io.restart();
            io.run_for(std::chrono::milliseconds(5));
        }
        return true;
    }

    void attend() {
        asio::co_spawn(io.get_executor(), broadcast->attend(),
                       [this](const std::exception_ptr&) { attended = true; });
    }

    bool is_subscribed() {
        std::uint64_t malformed = 0;
        return transport::receive_frame(sink, malformed).has_value();
    }

    void tell(std::uint64_t first, std::vector<Event> events) {
        transport::send_copy(sink, encode(Events{77, first, 1.5, std::move(events)}));
    }

    void wait(Ring::Listener& listener, Duration patience) {
        asio::co_spawn(io.get_executor(), broadcast->wait(&listener, &client, patience),
                       [this](const std::exception_ptr&, Answer::What what) { woken = what; });
    }

    static Event event() { return {JobId::parse("a").value(), {}, "add", 0, -1, "", {}, {}}; }

    zmq::context_t context{1};
    zmq::socket_t sink{transport::open_socket(context, zmq::socket_type::xpub)};
    Deadlines deadlines;
    Ring ring;
    asio::io_context io;
    Socket ours{io.get_executor()};
    int theirs = -1;
    Deadlines::Entry client{deadlines, ours};
    std::optional<Broadcast> broadcast{std::in_place, "inproc://events", context, io, ring};
    bool attended = false;
    std::optional<Answer::What> woken;
};

TEST_F(GatewayBroadcast, TheFirstWhoListensIsHeardByTheSinkAndHearsIt) {
    attend();
    ASSERT_TRUE(until([&] { return is_subscribed(); }));
    EXPECT_FALSE(attended); // the sink has not said that it knows
    tell(41, {});
    ASSERT_TRUE(until([&] { return attended; }));
    Ring::Listener listener(ring, {});
    wait(listener, std::chrono::seconds(60));
    tell(41, {event()});
    ASSERT_TRUE(until([&] { return woken.has_value(); }));
    EXPECT_EQ(woken, Answer::What::answered);
    EXPECT_EQ(listener.next().told->number, 41u);
}

TEST_F(GatewayBroadcast, OneThatComesLaterNeedsNoGreeting) {
    attend();
    ASSERT_TRUE(until([&] { return is_subscribed(); }));
    tell(41, {});
    ASSERT_TRUE(until([&] { return std::exchange(attended, false); }));
    attend();
    EXPECT_TRUE(until([&] { return attended; }));
}

TEST_F(GatewayBroadcast, ASinkThatIsAwayKeepsNobodyWaiting) {
    attend();
    EXPECT_TRUE(until([&] { return attended; }));
    EXPECT_FALSE(ring.is_live());
}

TEST_F(GatewayBroadcast, WhoWaitsIsWokenWhenNothingHappens) {
    attend();
    Ring::Listener listener(ring, {});
    wait(listener, std::chrono::milliseconds(1));
    ASSERT_TRUE(until([&] { return woken.has_value(); }));
    EXPECT_EQ(woken, Answer::What::silent);
}

TEST_F(GatewayBroadcast, AClientThatHangsUpIsNotWaitedFor) {
    Ring::Listener listener(ring, {});
    wait(listener, std::chrono::seconds(60));
    io.poll();
    ::close(std::exchange(theirs, -1));
    deadlines.look(std::chrono::steady_clock::now());
    ASSERT_TRUE(until([&] { return woken.has_value(); }));
    EXPECT_EQ(woken, Answer::What::gone);
}

TEST_F(GatewayBroadcast, AHouseThatClosesWakesEverybody) {
    Ring::Listener listener(ring, {});
    attend();
    wait(listener, std::chrono::seconds(60));
    io.poll();
    broadcast->close();
    ASSERT_TRUE(until([&] { return woken && attended; }));
    EXPECT_EQ(woken, Answer::What::silent);
}

TEST_F(GatewayBroadcast, ItsEndDropsThoseWhoWait) {
    Ring::Listener listener(ring, {});
    attend();
    wait(listener, std::chrono::seconds(60));
    io.poll();
    broadcast.reset();
    EXPECT_FALSE(woken);
    EXPECT_FALSE(attended);
}

} // namespace
} // namespace penstock::gateway
