#include "transport/endpoint.hpp"
#include "transport/monitor.hpp"
#include "transport/poll.hpp"
#include "transport/sockets.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::transport {
namespace {

using namespace std::chrono_literals;

TEST(Endpoint, ReadsTheFormsThatPeopleWrite) {
    EXPECT_EQ(Endpoint::parse("tcp://sink:5557")->text(), "tcp://sink:5557");
    EXPECT_EQ(Endpoint::parse("sink:5557")->text(), "tcp://sink:5557");
    EXPECT_EQ(Endpoint::parse(":5557")->text(), "tcp://127.0.0.1:5557");
    EXPECT_FALSE(Endpoint::parse("sink"));
    EXPECT_FALSE(Endpoint::parse("tcp://sink:0"));
    EXPECT_FALSE(Endpoint::parse("tcp://sink:70000"));
    EXPECT_FALSE(Endpoint::parse("inproc://door"));
}

TEST(Endpoint, FindsTheNeighbourFromEitherPort) {
    EXPECT_EQ(ventilator_ports("tcp://v:5555")->other, "tcp://v:5556");
    EXPECT_EQ(ventilator_ports("tcp://v:5556")->door, "tcp://v:5555");
    EXPECT_EQ(sink_ports("s:5558")->door, "tcp://s:5557");
}

TEST(Endpoint, AWildcardOrLoopbackHostIsTheOneThatWasDialled) {
    EXPECT_EQ(as_reached_from("tcp://*:20001", "tcp://v:5556"), "tcp://v:20001");
    EXPECT_EQ(as_reached_from("tcp://127.0.0.1:5557", "tcp://v:5556"), "tcp://v:5557");
    EXPECT_EQ(as_reached_from("tcp://sink:5557", "tcp://v:5556"), "tcp://sink:5557");
    EXPECT_EQ(as_reached_from("inproc://sink-door", "inproc://control"), "inproc://sink-door");
}

// Waits for a condition, not for a time; the deadline only ends a test that has failed.
template <class Condition>
bool eventually(Condition condition) {
    const Instant deadline = clock_now() + 10s;
    while (clock_now() < deadline) {
        if (condition()) return true;
        zmq_poll(nullptr, 0, 1);
    }
    return false;
}

struct Pair { // a socket that is read, and who writes to it
    zmq::context_t context = make_context();
    zmq::socket_t pull = open_socket(context, zmq::socket_type::pull);
    zmq::socket_t push = open_socket(context, zmq::socket_type::push);
    std::uint64_t malformed = 0;

    Pair() {
        pull.bind("inproc://pair");
        push.connect("inproc://pair");
    }
};

TEST(WaitFor, SaysWhichSocketHasAMessageUntilItIsRead) {
    Pair first, second;
    Poll poll({&first.pull, &second.pull}, {});
    const auto both = [&] { return std::pair(poll.ready(0), poll.ready(1)); };
    send_copy(second.push, "one");
    send_copy(second.push, "two");
    poll.wait(kNever);
    EXPECT_EQ(both(), std::pair(false, true));
    receive_frame(second.pull, second.malformed);
    poll.wait(kNever); // the second message was there before, and nothing new is said of it
    EXPECT_EQ(both(), std::pair(false, true));
    receive_frame(second.pull, second.malformed);
    send_copy(first.push, "three");
    poll.wait(kNever);
    EXPECT_EQ(both(), std::pair(true, false));
}

// A socket's descriptor speaks once: whoever looks at what the I/O thread says has heard it.
TEST(WaitFor, FindsAMessageWhoseNewsWereHeardByASend) {
    Pair pair;
    zmq::socket_t asks = open_socket(pair.context, zmq::socket_type::dealer);
    zmq::socket_t answers = open_socket(pair.context, zmq::socket_type::router);
    answers.bind("inproc://answers");
    asks.connect("inproc://answers");
    send_question(asks, "a");
    const auto asked = receive_question(answers, pair.malformed);
    ASSERT_TRUE(asked);
    send_answer(answers, asked->envelope, "b");
    send_question(asks, "c");
    (void)asks.get(zmq::sockopt::events); // as a send does now and then
    Poll poll({&asks, &pair.pull}, {});
    poll.wait(kNever);
    EXPECT_TRUE(poll.ready(0));
    EXPECT_FALSE(poll.ready(1));
}

TEST(WaitFor, ADescriptorEndsItToo) {
    Pair pair;
    int ends[2];
    ASSERT_EQ(pipe(ends), 0);
    Poll poll({&pair.pull}, {ends[0]});
    poll.wait(Instant()); // at once
    EXPECT_FALSE(poll.ready(0) || poll.ready(1));
    ASSERT_EQ(write(ends[1], "x", 1), 1);
    poll.wait(kNever);
    EXPECT_FALSE(poll.ready(0));
    EXPECT_TRUE(poll.ready(1));
    close(ends[0]);
    close(ends[1]);
}

struct Lane {
    zmq::context_t context = make_context();
    Monitors monitors{context};
    zmq::socket_t push = open_socket(context, zmq::socket_type::push);
    std::vector<PeerEvent> seen;
    std::string endpoint;

    Lane() {
        monitors.watch(push, 7);
        push.bind("tcp://127.0.0.1:*");
        endpoint = push.get(zmq::sockopt::last_endpoint);
    }

    ~Lane() { monitors.forget(push, 7); }

    bool sees(std::size_t events) {
        return eventually([&] {
            for (const auto& event : monitors.take()) seen.push_back(event);
            return seen.size() >= events;
        });
    }
};

TEST(Monitors, SayWhenAPeerComesAndGoes) {
    Lane lane;
    {
        zmq::socket_t pull = open_socket(lane.context, zmq::socket_type::pull);
        pull.connect(lane.endpoint);
        ASSERT_TRUE(lane.sees(1));
        EXPECT_EQ(lane.seen[0].what, PeerEvent::What::up);
        EXPECT_EQ(lane.seen[0].key, 7u);
    }
    ASSERT_TRUE(lane.sees(2));
    EXPECT_EQ(lane.seen[1].what, PeerEvent::What::down);
}

TEST(Monitors, ASecondHandshakeIsAnEventToo) {
    Lane lane;
    zmq::socket_t one = open_socket(lane.context, zmq::socket_type::pull);
    zmq::socket_t two = open_socket(lane.context, zmq::socket_type::pull);
    one.connect(lane.endpoint);
    ASSERT_TRUE(lane.sees(1));
    two.connect(lane.endpoint);
    ASSERT_TRUE(lane.sees(2));
    EXPECT_EQ(lane.seen[1].what, PeerEvent::What::up);
}

// A stray HTTP client must neither be given a job nor be taken for the worker's death.
TEST(Monitors, AStrayClientOnALaneGetsNothing) {
    Lane lane;
    zmq::socket_t pull = open_socket(lane.context, zmq::socket_type::pull);
    pull.connect(lane.endpoint);
    ASSERT_TRUE(lane.sees(1));
    const int stray = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(Endpoint::parse(lane.endpoint)->port);
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    ASSERT_EQ(connect(stray, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    const std::string request = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n" + std::string(64, ' ');
    ASSERT_GT(send(stray, request.data(), request.size(), MSG_NOSIGNAL), 0);
    std::string heard;
    char buffer[256];
    for (ssize_t n = 0; (n = recv(stray, buffer, sizeof buffer, 0)) > 0;) {
        heard.append(buffer, static_cast<std::size_t>(n)); // until it is thrown out
    }
    close(stray);
    for (int i = 0; i < 10; ++i) ASSERT_TRUE(send_copy(lane.push, "SECRETJOB"));
    std::uint64_t malformed = 0;
    int got = 0;
    ASSERT_TRUE(eventually([&] {
        while (receive_frame(pull, malformed)) ++got;
        return got == 10;
    }));
    EXPECT_EQ(heard.find("SECRET"), std::string::npos);
    for (const auto& event : lane.monitors.take()) lane.seen.push_back(event);
    EXPECT_EQ(lane.seen.size(), 1u);
}

TEST(Sockets, DropMessagesOfSeveralFrames) {
    zmq::context_t context = make_context();
    zmq::socket_t pull = open_socket(context, zmq::socket_type::pull);
    pull.bind("inproc://door");
    zmq::socket_t push = open_socket(context, zmq::socket_type::push);
    push.connect("inproc://door");
    push.send(zmq::str_buffer("one"), zmq::send_flags::sndmore);
    push.send(zmq::str_buffer("two"));
    push.send(zmq::str_buffer("whole"));
    std::uint64_t malformed = 0;
    const auto frame = receive_frame(pull, malformed);
    ASSERT_TRUE(frame);
    EXPECT_EQ(view(*frame), "whole");
    EXPECT_EQ(malformed, 1u);
}

TEST(Sockets, SayWhichPortIsInUse) {
    zmq::context_t context = make_context();
    zmq::socket_t one = open_socket(context, zmq::socket_type::pull);
    one.bind("tcp://127.0.0.1:*");
    const std::string endpoint = one.get(zmq::sockopt::last_endpoint);
    zmq::socket_t two = open_socket(context, zmq::socket_type::pull);
    try {
        bind_socket(two, endpoint, "the sink's door");
        FAIL() << "it should not have been bound twice";
    } catch (const StartError& error) {
        EXPECT_NE(std::string(error.what()).find(endpoint), std::string::npos);
        EXPECT_NE(std::string(error.what()).find("in use"), std::string::npos);
    }
}

} // namespace
} // namespace penstock::transport
