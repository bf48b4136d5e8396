// Wrong input on every port: a clear error, and nothing is lost.

#include "protocol/codec.hpp"
#include "tests/integration/processes.hpp"
#include "transport/sockets.hpp"

#include <arpa/inet.h>
#include <csignal>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <random>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::testing {
namespace {

class BadInput : public ::testing::Test {
protected:
    BadInput()
        : sink(house.sink()), ventilator(house.ventilator({})), gateway(house.gateway({})),
          worker(house.worker({"--slots", "1"})) {
        EXPECT_TRUE(eventually([this] { return house.get("/readyz").status == 200; }));
        EXPECT_TRUE(eventually([this] { return house.workers() == 1; }));
    }
    HttpAnswer post(const std::string& path, const std::string& body) const {
        return house.http_request("POST", path, &body, "application/json");
    }
    void everything_still_works(const std::string& id) {
        house.submit("add", id, numbers({{"a", 3}, {"b", 4}}));
        EXPECT_EQ(house.wait(id).state, State::succeeded);
        EXPECT_TRUE(sink.is_alive() && ventilator.is_alive() && gateway.is_alive() &&
                    worker.is_alive());
    }
    // Sends bytes to a port as any TCP client may, and reads until it is thrown out.
    static std::string raw(int port, const std::string& data) {
        const int fd = socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<std::uint16_t>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const timeval patience{6, 0};
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        std::string heard;
        if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 &&
            send(fd, data.data(), data.size(), MSG_NOSIGNAL) >= 0) {
            char buffer[4096];
            for (ssize_t n = 0; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
                heard.append(buffer, static_cast<std::size_t>(n));
            }
        }
        close(fd);
        return heard;
    }

    const House house;
    Process sink, ventilator, gateway, worker;
};

TEST_F(BadInput, HttpSaysWhatIsWrongWithAJob) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"kind":"add","payload":{}, "colour":1})", "colour"},
        {R"({"kind":7,"payload":{}})", "kind"},
        {R"({"payload":{}})", "kind"},
        {R"({"kind":"add","payload":1,"id":"not ok"})", "id"},
        {R"({"kind":"add","payload":1,"priority":10})", "/priority"},
        {R"({"kind":"add","payload":1,"priority":11})", "/priority"},
        {R"({"kind":"add","payload":1,"delay":-1})", "/delay"},
        {R"({"kind":"add","payload":1,"ttl":-1})", "/ttl"},
        {R"({"kind":"add","payload":1,"ttl":2,"delay":5})", "/ttl"},
        {R"({"kind":"add","payload":1,"deadline":"2020-01-01T00:00:00Z"})", "/deadline"},
        {R"({"kind":"add","payload":1,"timeout":0})", "/timeout"},
        {R"({"kind":"add","payload":1)", ""},
    };
    for (const auto& [body, named] : cases) {
        const auto answer = post("/v1/jobs", body);
        EXPECT_EQ(answer.status, 400) << body << answer.body;
        EXPECT_NE(answer.body.find(named), std::string::npos) << body << answer.body;
        EXPECT_NE(answer.headers.find("application/problem+json"), std::string::npos);
    }
    everything_still_works("after-http");
}

// Where no number is below 0, it would be a very large one.
TEST(BadFlags, ALimitBelowZeroIsRefused) {
    House house;
    for (const char* flag : {"--finished-max", "--finished-bytes-max", "--store-reserve"}) {
        Process sink = house.sink({flag, "-1"});
        EXPECT_EQ(sink.wait(), 2) << flag;
        EXPECT_NE(sink.output().find(std::string(flag) + ": -1 is less than 0"), std::string::npos) << sink.output();
    }
    for (const char* flag : {"--jobs-max", "--bytes-max", "--ageing", "--drain"}) {
        Process ventilator = house.ventilator({flag, "-1"});
        EXPECT_EQ(ventilator.wait(), 2) << flag << ventilator.output();
    }
    Process ventilator = house.ventilator({"--silent-limit", "0"});
    EXPECT_EQ(ventilator.wait(), 2);
    EXPECT_NE(ventilator.output().find("--silent-limit: 0 is not above 0"), std::string::npos)
        << ventilator.output();
}

TEST(BadFlags, WhoNamesKindsOfNoWorkersIsToldHowToDeclareThem) {
    const House house;
    const Process up({PENSTOCK_BINARY, "up", "--workers", "0", "--kinds", "sleep,echo", "--bind",
                      "127.0.0.1:" + std::to_string(house.port(0)), "--http", house.http()},
                     {});
    const auto is_told = [&] {
        return up.output().find("--kind-settings sleep:weight=1") != std::string::npos;
    };
    EXPECT_TRUE(eventually(is_told)) << up.output();
}

TEST_F(BadInput, HttpNamesWhatCanNotBeInAGroup) {
    const std::pair<const char*, const char*> cases[] = {
        {R"({"jobs":[]})", "/jobs"},
        {R"({"jobs":[{"kind":"add","id":"a"},{"kind":"add","id":"a"}]})", "/jobs/1/id"},
        {R"({"jobs":[{"kind":"add","id":"a"}],"then":{"kind":"add","id":"a"}})", "/then/id"},
    };
    for (const auto& [body, pointer] : cases) {
        const auto answer = post("/v1/groups", body);
        EXPECT_EQ(answer.status, 422) << body << answer.body;
        EXPECT_NE(answer.body.find(pointer), std::string::npos) << body << answer.body;
    }
    everything_still_works("after-groups");
}

TEST_F(BadInput, HttpKnowsWhichKindsThereAre) {
    // The ventilator refuses it at once; the gateway hears the names a few times a second.
    EXPECT_TRUE(eventually([this] {
        const auto answer = post("/v1/jobs", R"({"kind":"nothing","payload":1})");
        EXPECT_EQ(answer.status, 422) << answer.body;
        return answer.body.find("echo") != std::string::npos;
    }));
}

TEST_F(BadInput, AKnownIdWithAnotherBodyIsAConflict) {
    EXPECT_EQ(post("/v1/jobs", R"({"kind":"echo","payload":1,"id":"mine"})").status, 202);
    EXPECT_EQ(post("/v1/jobs", R"({"kind":"echo","payload":1,"id":"mine"})").status, 202);
    EXPECT_EQ(post("/v1/jobs", R"({"kind":"echo","payload":2,"id":"mine"})").status, 422);
}

TEST_F(BadInput, RefusesRequestTransferEncodings) {
    const std::string heard = raw(house.port(6), "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
                                                 "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n");
    EXPECT_NE(heard.find(" 411 "), std::string::npos) << heard;
}

TEST_F(BadInput, RefusesOtherSitesPages) {
    const std::string heard =
        raw(house.port(6), "POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
                           "Sec-Fetch-Site: cross-site\r\nContent-Length: 2\r\n"
                           "Connection: close\r\n\r\n{}");
    EXPECT_NE(heard.find(" 403 "), std::string::npos) << heard;
}

TEST_F(BadInput, JunkOnEveryPortChangesNothing) {
    std::mt19937 random(7);
    for (int offset = 0; offset < 4; ++offset) {
        std::string junk(2000, ' ');
        for (char& c : junk) c = static_cast<char>(random());
        junk[0] = 'G';
        raw(house.port(offset), junk);
        EXPECT_EQ(raw(house.port(offset), "GET / HTTP/1.1\r\n\r\n" + junk).find("job"),
                  std::string::npos);
    }
    everything_still_works("after-junk");
}

TEST_F(BadInput, HostileMessagesAreCountedAndDropped) {
    zmq::context_t context(1);
    std::mt19937 random(11);
    const std::string samples[] = {
        std::string("\xdd\xff\xff\xff\xff", 5), std::string("\xc1"), std::string(), "text",
        std::string(2'000'000, '\x91'), std::string("\x81\xa4type\xa6submit", 13)};
    for (const auto& endpoint : {house.door(), house.sink_door()}) {
        auto push = transport::open_socket(context, zmq::socket_type::push);
        push.set(zmq::sockopt::linger, 10'000);
        push.connect(endpoint);
        for (const auto& sample : samples) push.send(zmq::buffer(sample));
        for (int i = 0; i < 2000; ++i) {
            std::string junk(1 + random() % 60, ' ');
            for (char& c : junk) c = static_cast<char>(random());
            push.send(zmq::buffer(junk));
        }
    }
    for (const auto& endpoint : {house.control(), house.status()}) {
        for (const auto& sample : samples) {
            auto ask = transport::open_socket(context, zmq::socket_type::req);
            ask.connect(endpoint);
            ask.set(zmq::sockopt::rcvtimeo, 10'000);
            ask.send(zmq::buffer(sample));
            zmq::message_t answer;
            ASSERT_TRUE(ask.recv(answer));
            EXPECT_NE(transport::view(answer).find("problem"), std::string_view::npos);
        }
    }
    everything_still_works("after-hostility");
    const auto stats = std::get<SinkStats>(house.ask(AskStats{}).value());
    EXPECT_GT(stats.malformed, 1000u);
}

TEST(Starting, APortInUseIsNamed) {
    const House house;
    const Process first = house.sink();
    ASSERT_TRUE(eventually([&] { return house.ask(AskStats{}).has_value(); }));
    Process second = house.sink();
    EXPECT_EQ(second.wait(), 1);
    EXPECT_NE(second.output().find(std::to_string(house.port(2))), std::string::npos)
        << second.output();
}

TEST(Starting, ALimitOfOpenJobsIsKept) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({"--jobs-max", "10"});
    const Process gateway = house.gateway({});
    ASSERT_TRUE(eventually([&] { return house.get("/readyz").status == 200; }));
    int stored = 0, refused = 0;
    for (int i = 0; i < 20; ++i) {
        const std::string body = R"({"kind":"add","payload":{"a":1,"b":1}})";
        const auto answer = house.http_request("POST", "/v1/jobs", &body, "application/json");
        stored += answer.status == 202;
        refused += answer.status == 503;
        if (answer.status == 503) {
            EXPECT_NE(answer.headers.find("Retry-After"), std::string::npos) << answer.headers;
        }
    }
    EXPECT_EQ(stored, 10);
    EXPECT_EQ(refused, 10);
    const Process worker = house.worker({"--slots", "1"});
    EXPECT_TRUE(eventually([&] {
        const auto stats = std::get<SinkStats>(house.ask(AskStats{}).value());
        return stats.kinds.at(0).succeeded == 10;
    })) << "what was accepted is done";
}

} // namespace
} // namespace penstock::testing
