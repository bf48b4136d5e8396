// What leaves over which connection.

#include "workers/outlet.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace penstock::worker {
namespace {

using namespace std::chrono_literals;
using What = transport::PeerEvent::What;

class OutletTest : public ::testing::Test {
protected:
    zmq::context_t context = transport::make_context();
    transport::Monitors monitors{context};
    std::optional<zmq::socket_t> peer;
    std::string endpoint = "tcp://127.0.0.1:*";
    std::optional<Outlet> outlet;
    std::uint64_t malformed = 0;
    const transport::Frame a = transport::make_frame("a"), b = transport::make_frame("b"),
                           c = transport::make_frame("c");

    void SetUp() override {
        open_peer();
        outlet.emplace(context, endpoint, "the test", 0ms, Watch{&monitors, 1});
        wait_for(What::up);
    }

    template <class Ready>
    static void until(const char* what, Ready ready) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!ready()) {
            ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
            zmq_poll(nullptr, 0, 1);
        }
    }

    void open_peer() {
        peer.emplace(transport::open_socket(context, zmq::socket_type::pull));
        until("the port", [&] { // libzmq closes the old one when it gets to it
            try {
                peer->bind(endpoint);
                return true;
            } catch (const zmq::error_t&) {
                return false;
            }
        });
        endpoint = peer->get(zmq::sockopt::last_endpoint);
    }

    void wait_for(What what) {
        until("an event", [&] {
            for (const auto& event : monitors.take()) {
                if (event.what == what) return true;
            }
            return false;
        });
    }

    void lose_peer() {
        peer.reset();
        wait_for(What::down);
    }

    std::string next(std::size_t messages) {
        std::string out;
        until("messages", [&] {
            const auto frame = transport::receive_frame(*peer, malformed);
            if (frame) out += transport::view(*frame);
            return out.size() == messages;
        });
        return out;
    }

    bool gets_nothing() {
        zmq_pollitem_t item{peer->handle(), 0, ZMQ_POLLIN, 0};
        return zmq_poll(&item, 1, 100) == 0;
    }
};

TEST_F(OutletTest, nothing_leaves_over_a_connection_that_its_owner_does_not_know_of) {
    outlet->send(a);
    EXPECT_TRUE(gets_nothing());
    EXPECT_FALSE(outlet->flushing());
    outlet->connected();
    outlet->flush();
    EXPECT_EQ(next(1), "a");
    EXPECT_TRUE(outlet->flushed());
}

TEST_F(OutletTest, what_may_be_lost_goes_before_what_came_while_there_was_nobody) {
    outlet->connected();
    outlet->send(a);
    EXPECT_EQ(next(1), "a");
    lose_peer();
    outlet->disconnected();
    outlet->send(b);
    open_peer();
    wait_for(What::up);
    outlet->send(c);
    outlet->connected();
    outlet->send_first({a, b, c});
    EXPECT_EQ(next(3), "abc");
    EXPECT_TRUE(gets_nothing());
}

TEST_F(OutletTest, nothing_is_queued_for_the_next_connection_behind_its_owners_back) {
    outlet->connected();
    lose_peer();
    outlet->send(a); // its owner has not heard of it yet
    open_peer();
    wait_for(What::up);
    EXPECT_TRUE(gets_nothing());
}

TEST_F(OutletTest, what_is_fleeting_goes_with_its_connection) {
    outlet->send_fleeting(a);
    outlet->send(b);
    outlet->disconnected();
    outlet->send_fleeting(c); // of the next
    outlet->connected();
    outlet->flush();
    EXPECT_EQ(next(2), "bc");
}

} // namespace
} // namespace penstock::worker
