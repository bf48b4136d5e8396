// What can be watched of real processes: events, pieces of results, where the time went; and what
// a client's going away does.

#include "tests/integration/processes.hpp"

#include <arpa/inet.h>
#include <array>
#include <csignal>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace penstock::testing {
namespace {

// One request on a connection of its own, whose answer is read as it comes.
class Client {
public:
    Client(const House& house, const std::string& head, const std::string& body = "")
        : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in at{};
        at.sin_family = AF_INET;
        at.sin_port = htons(static_cast<std::uint16_t>(house.port(6)));
        at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(fd_, reinterpret_cast<const sockaddr*>(&at), sizeof at), 0);
        std::string request = head + "\r\nHost: localhost\r\n";
        if (!body.empty()) {
            request += "Content-Type: application/json\r\nContent-Length: " +
                       std::to_string(body.size()) + "\r\n";
        }
        request += "\r\n" + body;
        EXPECT_EQ(::send(fd_, request.data(), request.size(), 0), ssize_t(request.size()));
    }

    ~Client() { hang_up(); }

    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void hang_up() {
        if (fd_ >= 0) ::close(std::exchange(fd_, -1));
    }

    // Reads until this has come; false: it did not within 20 s, or the connection ended before.
    bool reads(const std::string& text) {
        std::array<char, 16 * 1024> some{};
        while (got.find(text) == std::string::npos) {
            pollfd ready{fd_, POLLIN, 0};
            if (::poll(&ready, 1, 20'000) != 1) return false;
            const ssize_t size = ::recv(fd_, some.data(), some.size(), 0);
            if (size <= 0) return false;
            got.append(some.data(), static_cast<std::size_t>(size));
        }
        return true;
    }

    bool reads_to_the_end() { return reads("\r\n0\r\n\r\n"); }

    [[nodiscard]] bool has(const std::string& text) const {
        return got.find(text) != std::string::npos;
    }

    std::string got;

private:
    int fd_;
};

class Watching : public ::testing::Test {
protected:
    void SetUp() override {
        ASSERT_TRUE(eventually([&] { return house.get("/readyz").status == 200; }));
    }

    void start_worker(std::vector<std::string> more = {"--slots", "2"}) {
        worker = std::make_unique<Process>(house.worker(std::move(more)));
        ASSERT_TRUE(eventually([&] { return house.workers() >= 1; }));
    }

    void post(const std::string& job) const {
        const HttpAnswer answer = house.http_request("POST", "/v1/jobs", &job, "application/json");
        EXPECT_EQ(answer.status, 202) << job << answer.body;
    }

    const House house;
    std::unique_ptr<Process> sink = std::make_unique<Process>(house.sink());
    const Process ventilator = house.ventilator({});
    Process gateway = house.gateway({});
    std::unique_ptr<Process> worker;
};

TEST_F(Watching, EverythingThatHappensIsToldToThoseWhoListen) {
    start_worker();
    Client client(house, "GET /v1/events?kind=add HTTP/1.1");
    ASSERT_TRUE(client.reads("\r\n\r\n"));
    EXPECT_TRUE(client.has("HTTP/1.1 200")) << client.got;
    EXPECT_TRUE(client.has("text/event-stream")) << client.got;
    post(R"({"kind":"echo","id":"other"})");
    post(R"({"kind":"add","id":"sum","payload":{"a":1,"b":2}})");
    ASSERT_TRUE(client.reads("\"event\":\"succeeded\"")) << client.got;
    EXPECT_TRUE(client.has("\"event\":\"stored\""));
    EXPECT_FALSE(client.has("other"));
}

TEST_F(Watching, WhoComesBackIsToldWhatItMissed) {
    start_worker();
    std::string mark;
    {
        Client client(house, "GET /v1/events HTTP/1.1");
        ASSERT_TRUE(client.reads("\r\n\r\n"));
        post(R"({"kind":"echo","id":"first"})");
        ASSERT_TRUE(client.reads("\"event\":\"stored\""));
        const auto at = client.got.find("id: ");
        mark = client.got.substr(at + 4, client.got.find('\n', at) - at - 4);
    }
    ASSERT_EQ(house.wait("first").state, State::succeeded);
    Client back(house, "GET /v1/events HTTP/1.1\r\nLast-Event-ID: " + mark);
    EXPECT_TRUE(back.reads("\"event\":\"succeeded\"")) << back.got;
    EXPECT_FALSE(back.has("\"event\":\"stored\""));
}

TEST_F(Watching, TheEventsOfAJobBeginWithItsStateAndEndWithItsOutcome) {
    post(R"({"kind":"count","id":"three","payload":{"to":3,"every":0.05}})");
    Client client(house, "GET /v1/jobs/three/events HTTP/1.1");
    ASSERT_TRUE(client.reads("\"state\":\"queued\"")) << client.got;
    start_worker();
    EXPECT_TRUE(client.reads_to_the_end()) << client.got;
    EXPECT_TRUE(client.has("\"event\":\"progress\"")) << client.got;
    EXPECT_TRUE(client.has("\"event\":\"partial\"")) << client.got;
    EXPECT_TRUE(client.has("id: end\nevent: job\n")) << client.got;
    EXPECT_TRUE(client.has("\"state\":\"succeeded\"")) << client.got;
    Client back(house, "GET /v1/jobs/three/events HTTP/1.1\r\nLast-Event-ID: end");
    EXPECT_TRUE(back.reads("204 No Content")) << back.got;
}

TEST_F(Watching, TheEventsOfAFinishedJobAreItsOutcome) {
    start_worker();
    post(R"({"kind":"echo","id":"done"})");
    EXPECT_EQ(house.wait("done").state, State::succeeded);
    Client client(house, "GET /v1/jobs/done/events HTTP/1.1");
    EXPECT_TRUE(client.reads_to_the_end()) << client.got;
    EXPECT_TRUE(client.has("\"state\":\"succeeded\""));
    EXPECT_EQ(house.get("/v1/jobs/nobody/events").status, 404);
}

TEST_F(Watching, ANewLifeOfTheSinkIsSaid) {
    Client client(house, "GET /v1/events HTTP/1.1");
    ASSERT_TRUE(client.reads("\r\n\r\n"));
    sink->signal(SIGKILL);
    sink->wait();
    sink = std::make_unique<Process>(house.sink());
    EXPECT_TRUE(client.reads("event: missed\ndata: {}\n")) << client.got;
}

TEST_F(Watching, AGatewayThatLeavesEndsItsStreams) {
    Client client(house, "GET /v1/events HTTP/1.1");
    ASSERT_TRUE(client.reads("\r\n\r\n"));
    gateway.signal(SIGTERM);
    EXPECT_TRUE(client.reads_to_the_end()) << client.got;
    EXPECT_EQ(gateway.wait(), 0) << gateway.output();
}

TEST_F(Watching, LinesBreakOffWhenTheirGatewayLeaves) {
    const std::string waiting = R"({"id":"g","jobs":[{"kind":"echo","id":"open"}]})";
    house.http_request("POST", "/v1/groups", &waiting, "application/json");
    Client group(house, "GET /v1/groups/g/results HTTP/1.1");
    Client job(house, "GET /v1/jobs/open/result HTTP/1.1\r\nAccept: application/x-ndjson");
    ASSERT_TRUE(group.reads("\r\n\r\n") && job.reads("\r\n\r\n"));
    EXPECT_TRUE(group.has("HTTP/1.1 200") && job.has("HTTP/1.1 200")) << group.got << job.got;
    gateway.signal(SIGTERM); // its patience with open requests is longer than ours
    EXPECT_EQ(gateway.wait(), 0) << gateway.output();
    EXPECT_FALSE(group.reads_to_the_end()) << group.got;
    EXPECT_FALSE(job.reads_to_the_end()) << job.got;
}

TEST_F(Watching, ResultsOfAGroupComeWhileItRuns) {
    start_worker();
    const std::string group = R"({"id":"g","jobs":[{"kind":"add","id":"quick","payload":{"a":1,"b":2}},
        {"kind":"sleep","id":"slow","payload":{"seconds":300}}]})";
    ASSERT_EQ(house.http_request("POST", "/v1/groups", &group, "application/json").status, 202);
    Client client(house, "GET /v1/groups/g/results HTTP/1.1");
    ASSERT_TRUE(client.reads("{\"id\":\"quick\",\"state\":\"succeeded\",\"result\":3}\n"))
        << client.got;
    EXPECT_FALSE(is_final(house.status("slow").state));
    house.http_request("DELETE", "/v1/jobs/slow", nullptr, "");
    EXPECT_TRUE(client.reads_to_the_end()) << client.got;
    EXPECT_TRUE(client.has("{\"id\":\"slow\",\"state\":\"cancelled\"")) << client.got;
}

TEST_F(Watching, PiecesOfAResultComeWhileItIsMade) {
    start_worker();
    post(R"({"kind":"count","id":"slow","payload":{"to":1000,"every":0.4}})");
    Client client(house, "GET /v1/jobs/slow/result HTTP/1.1\r\nAccept: application/x-ndjson");
    ASSERT_TRUE(client.reads("{\"attempt\":1,\"partial\":1}\n")) << client.got;
    EXPECT_EQ(house.status("slow").state, State::running);
    ASSERT_TRUE(client.reads("{\"attempt\":1,\"partial\":2}\n")) << client.got;
    house.http_request("DELETE", "/v1/jobs/slow", nullptr, "");
    EXPECT_TRUE(client.reads_to_the_end()) << client.got;
    EXPECT_TRUE(client.has("\"state\":\"cancelled\"")) << client.got;
}

TEST_F(Watching, PiecesOfAResultEndWithIt) {
    start_worker();
    post(R"({"kind":"count","id":"three","payload":{"to":3,"every":0.05}})");
    Client client(house, "GET /v1/jobs/three/result HTTP/1.1\r\nAccept: application/x-ndjson");
    EXPECT_TRUE(client.reads_to_the_end()) << client.got;
    EXPECT_TRUE(client.has("{\"attempt\":1,\"partial\":3}\n"));
    EXPECT_TRUE(client.has("\"state\":\"succeeded\"")) << client.got;
    EXPECT_TRUE(client.has("\"result\":3")) << client.got;
}

TEST_F(Watching, PiecesOfALostAttemptAreTakenBack) {
    start_worker({"--slots", "1"});
    post(R"({"kind":"count","id":"unlucky","payload":{"to":1000,"every":0.4}})");
    Client client(house, "GET /v1/jobs/unlucky/result HTTP/1.1\r\nAccept: application/x-ndjson");
    ASSERT_TRUE(client.reads("{\"attempt\":1,\"partial\":1}\n")) << client.got;
    worker->signal(SIGKILL);
    worker->wait();
    start_worker();
    ASSERT_TRUE(client.reads("{\"attempt\":2,\"partial\":1}\n")) << client.got;
    house.http_request("DELETE", "/v1/jobs/unlucky", nullptr, "");
    EXPECT_TRUE(client.reads_to_the_end()) << client.got;
    const auto lost = client.got.find("{\"lost_attempt\":1}\n");
    const auto again = client.got.find("{\"attempt\":2,\"partial\":1}\n");
    EXPECT_LT(lost, again) << client.got;
    EXPECT_NE(again, std::string::npos) << client.got;
}

TEST_F(Watching, WhereTheTimeWentIsSaidOfAFinishedJob) {
    start_worker({"--slots", "1"});
    const std::string nap = R"({"kind":"sleep","payload":{"seconds":0.1}})";
    const auto answer =
        house.http_request("POST", "/v1/jobs?wait=10", &nap, "application/json");
    EXPECT_NE(answer.headers.find("Server-Timing: queue;dur="), std::string::npos)
        << answer.headers;
    EXPECT_NE(answer.headers.find("run;dur=1"), std::string::npos) << answer.headers;
    EXPECT_NE(answer.headers.find("return;dur="), std::string::npos) << answer.headers;
    post(R"({"kind":"add","id":"sum","payload":{"a":1,"b":2}})");
    EXPECT_EQ(house.wait("sum").state, State::succeeded);
    for (const char* path : {"/v1/jobs/sum", "/v1/jobs/sum/result", "/v1/jobs/sum/explain"}) {
        EXPECT_NE(house.get(path).headers.find("Server-Timing: "), std::string::npos) << path;
    }
}

TEST_F(Watching, AClientThatGoesAwayMayTakeItsJobWithIt) {
    start_worker();
    const std::string stays = R"({"kind":"sleep","id":"stays","payload":{"seconds":300}})";
    const std::string goes = R"({"kind":"sleep","id":"goes","payload":{"seconds":300}})";
    Client patient(house, "POST /v1/jobs HTTP/1.1\r\nPrefer: wait=60", stays);
    Client caring(house, "POST /v1/jobs HTTP/1.1\r\nPrefer: wait=60, cancel-on-disconnect", goes);
    const auto runs = [&](const char* id) { return house.status(id).state == State::running; };
    ASSERT_TRUE(eventually([&] { return runs("stays") && runs("goes"); }));
    patient.hang_up();
    caring.hang_up();
    EXPECT_EQ(house.wait("goes").state, State::cancelled);
    EXPECT_EQ(house.status("stays").state, State::running);
}

TEST_F(Watching, ThePreferenceThatIsKeptIsSaid) {
    start_worker();
    Client client(house, "POST /v1/jobs HTTP/1.1\r\nPrefer: cancel-on-disconnect, wait=20",
                  R"({"kind":"echo"})");
    EXPECT_TRUE(client.reads("Preference-Applied: wait=20, cancel-on-disconnect\r\n"))
        << client.got;
}

TEST_F(Watching, TheCommandLineShowsAJobToItsEnd) {
    post(R"({"kind":"count","id":"three","payload":{"to":3,"every":0.05}})");
    Process events({PENSTOCK_BINARY, "events", "three", "--gateway", "http://" + house.http()}, {});
    ASSERT_TRUE(eventually([&] { return events.output().find("queued") != std::string::npos; }));
    start_worker();
    EXPECT_EQ(events.wait(), 0) << events.output();
    EXPECT_NE(events.output().find("three is succeeded"), std::string::npos) << events.output();
}

} // namespace
} // namespace penstock::testing
