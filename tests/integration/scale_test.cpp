// Many of everything: workers, waits, descriptors. What is counted here is exactness; how fast it
// goes is a matter of bench/.

#include "protocol/codec.hpp"
#include "tests/integration/crowd.hpp"
#include "tests/integration/processes.hpp"

#include <gtest/gtest.h>
#include <zmq.hpp>

namespace penstock::testing {
namespace {

SinkStats stats_of(const House& house) {
    return std::get<SinkStats>(house.ask(AskStats{}).value());
}

TEST(Scale, ThreeHundredWorkersRunEachJobOnce) {
    constexpr std::size_t kWorkers = 300, kJobs = 3'000;
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    ASSERT_TRUE(eventually([&] { return house.is_serving(); }));
    Crowd crowd(house.control());
    for (std::size_t i = 0; i < kWorkers; ++i) ASSERT_EQ(crowd.join(), "");
    ASSERT_TRUE(eventually([&] { return house.workers() == kWorkers; }));
    Terms echo;
    echo.kind = "echo";
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < kJobs; ++i) ids.push_back("job-" + std::to_string(i));
    house.submit(echo, ids, numbers({{"a", 1}}));
    ASSERT_TRUE(crowd.serve_until([&] { return stats_of(house).finished_jobs == kJobs; }));
    EXPECT_EQ(crowd.runs().size(), kJobs);
    for (const auto& [id, runs] : crowd.runs()) EXPECT_EQ(runs, 1) << id;
    EXPECT_EQ(crowd.busy_ones(), kWorkers) << "each had a free slot from the start";
    const auto stats = stats_of(house);
    EXPECT_EQ(stats.kinds.at(0).succeeded, kJobs);
    EXPECT_EQ(stats.kinds.at(0).duplicates, 0u);
}

TEST(Scale, ALaneGoesPastPortsThatOthersHave) {
    const House house;
    const Process sink = house.sink();
    zmq::context_t context;
    zmq::socket_t other(context, zmq::socket_type::pull); // has the first port of two
    other.bind("tcp://127.0.0.1:" + std::to_string(house.port(6)));
    const Process ventilator = house.ventilator(
        {"--lanes", std::to_string(house.port(6)) + "-" + std::to_string(house.port(7))});
    ASSERT_TRUE(eventually([&] { return house.is_serving(); }));
    Join join;
    join.kinds = {"add"};
    const auto lane = [&] { return std::get<Lane>(house.ask_control(join).value()); };
    EXPECT_EQ(lane().endpoint, "tcp://*:" + std::to_string(house.port(7)));
    EXPECT_EQ(lane().error, "no port is free between " + std::to_string(house.port(6)) + " and " +
                                std::to_string(house.port(7)));
}

TEST(Scale, AVentilatorWithoutDescriptorsRefusesWorkersAndKeepsThoseItHas) {
    const House house;
    const Process sink = house.sink();
    const Process ventilator = house.ventilator_with_open_files(400);
    ASSERT_TRUE(eventually([&] { return house.is_serving(); }));
    Crowd crowd(house.control());
    std::string refusal;
    for (int i = 0; i < 200 && refusal.empty(); ++i) refusal = crowd.join();
    EXPECT_NE(refusal.find("ulimit -n"), std::string::npos) << refusal;
    ASSERT_GT(crowd.size(), 20u);
    house.submit("echo", "still", numbers({{"a", 1}}));
    EXPECT_TRUE(crowd.serve_until([&] { return stats_of(house).finished_jobs == 1; }));
}

// Held over three sockets, submitted and run while they stand, answered once each.
TEST(Scale, TenThousandWaitsAreAnsweredOnceEach) {
    constexpr std::size_t kWaits = 10'000;
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    ASSERT_TRUE(eventually([&] { return house.is_serving(); }));
    auto context = transport::make_context();
    std::vector<zmq::socket_t> askers;
    for (int i = 0; i < 3; ++i) {
        askers.push_back(transport::open_socket(context, zmq::socket_type::dealer));
        askers.back().connect(house.status());
    }
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < kWaits; ++i) {
        ids.push_back("job-" + std::to_string(i));
        const AskWait wait{JobId::parse(ids[i]).value(), Until::finished, std::chrono::minutes(4),
                           false, {}};
        ASSERT_TRUE(transport::send_question(askers[i % askers.size()],
                                             encode(Request(i), StatusQuestion{wait})));
    }
    ASSERT_TRUE(eventually([&] { return stats_of(house).waits == kWaits; }));
    Terms echo;
    echo.kind = "echo";
    house.submit(echo, ids, numbers({{"a", 1}}));
    ASSERT_TRUE(eventually([&] { return stats_of(house).open_jobs == kWaits; }));
    EXPECT_EQ(stats_of(house).waits, kWaits) << "stored is not finished";

    const Process worker = house.worker({"--slots", "2"});
    std::map<std::uint64_t, int> answers;
    Reader reader;
    std::uint64_t malformed = 0;
    EXPECT_TRUE(eventually([&] {
        for (auto& each : askers) {
            while (const auto frame = transport::receive_answer(each, malformed)) {
                for (const auto& [request, answer] :
                     decode_status_answer(reader, transport::view(*frame)).messages) {
                    const auto& job = std::get<JobAnswer>(answer).job;
                    EXPECT_EQ(job.state, State::succeeded);
                    EXPECT_EQ(job.id.text(), ids.at(request.value()));
                    ++answers[request.value()];
                }
            }
        }
        return answers.size() == kWaits;
    })) << answers.size();
    for (const auto& [request, count] : answers) ASSERT_EQ(count, 1) << request;
    EXPECT_EQ(stats_of(house).waits, 0u);
}

} // namespace
} // namespace penstock::testing
