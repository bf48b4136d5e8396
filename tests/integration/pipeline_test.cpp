// The four roles as processes, and what happens to jobs when some of them end.

#include "protocol/codec.hpp"
#include "tests/integration/processes.hpp"
#include "tests/support/document.hpp"

#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <set>
#include <sstream>

namespace penstock::testing {
namespace {

std::string bytes(const std::string& content) {
    std::string out;
    Writer(out).bytes(content);
    return out;
}

std::uint64_t number_in(const std::string& value) {
    Reader reader;
    const Node node = reader.read(value, Reader::Values::read);
    return node.is(Shape::natural) ? node.natural() : 0;
}

TEST(Pipeline, RunsAJobFromDoorToOutcome) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    const Process worker = house.worker({"--slots", "2"});
    house.submit("add", "sum", numbers({{"a", 3}, {"b", 4}}));
    const JobView job = house.wait("sum");
    EXPECT_EQ(job.state, State::succeeded);
    EXPECT_EQ(number_in(job.value), 7u);
}

TEST(Pipeline, StartsInAnyOrder) {
    const House house;
    const Process worker = house.worker({"--slots", "1"});
    const Process gateway = house.gateway({});
    ASSERT_TRUE(eventually([&] { return house.get("/livez").status == 200; }));
    const HttpAnswer early = house.get("/readyz");
    EXPECT_EQ(early.status, 503);
    EXPECT_NE(early.body.find("ventilator"), std::string::npos) << early.body;
    const Process ventilator = house.ventilator({});
    const Process sink = house.sink();
    ASSERT_TRUE(eventually([&] { return house.get("/readyz").status == 200; }));
    ASSERT_TRUE(eventually([&] { return house.workers() == 1; }));
    const std::string body = R"({"kind":"add","payload":{"a":3,"b":4}})";
    const auto answer = house.http_request("POST", "/v1/jobs?wait=10", &body, "application/json");
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_NE(answer.body.find("succeeded"), std::string::npos);
}

TEST(Pipeline, AJobOutlivesTheWorkerThatIsKilledWithIt) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    Process first = house.worker({"--slots", "1"});
    house.submit("sleep", "long", numbers({{"seconds", 0.5}}));
    ASSERT_TRUE(eventually([&] { return house.status("long").state == State::running; }));
    first.signal(SIGKILL);
    first.wait();
    const Process second = house.worker({"--slots", "1"});
    const JobView job = house.wait("long");
    EXPECT_EQ(job.state, State::succeeded);
    EXPECT_EQ(job.attempt, 2u);
    EXPECT_EQ(job.deaths, 1u);
}

TEST(Pipeline, RetriesUntilItSucceedsOrHasNoAttemptLeft) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    const Process worker = house.worker({"--slots", "1"});
    Terms thrice;
    thrice.kind = "fail";
    thrice.max_attempts = 3;
    thrice.backoff = std::chrono::milliseconds(10);
    house.submit(thrice, "twice", numbers({{"times", 2}}));
    EXPECT_EQ(house.wait("twice").state, State::succeeded);
    EXPECT_EQ(house.status("twice").attempt, 3u);
    house.submit(thrice, "ever", numbers({{"times", 9}}));
    EXPECT_EQ(house.wait("ever").state, State::failed);
}

TEST(Pipeline, AWorkerInPythonTakesPartAsTheReadmeSays) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    const std::string program = block_of_document("README.md", "import sys, time, msgpack, zmq");
    ASSERT_FALSE(program.empty()) << "the README has lost its worker";
    const std::string file = ::testing::TempDir() + "readme_worker.py";
    std::ofstream(file) << program;
    const Process python({"/usr/bin/python3", file, house.control()}, {});
    const Process cpp = house.worker({"--slots", "1"});
    ASSERT_TRUE(eventually([&] { return house.workers() == 2; })) << python.output();
    std::set<std::string> who;
    for (int i = 0; i < 40; ++i) {
        house.submit("add", "sum-" + std::to_string(i), numbers({{"a", 30}, {"b", double(i)}}));
    }
    for (int i = 0; i < 40; ++i) {
        const JobView job = house.wait("sum-" + std::to_string(i));
        ASSERT_EQ(job.state, State::succeeded) << python.output();
        EXPECT_EQ(number_in(job.value), 30u + static_cast<unsigned>(i));
    }
    const auto workers = std::get<Workers>(house.ask_control(AskWorkers{}).value());
    for (const auto& worker : workers.workers) {
        if (worker.settled > 0) who.insert(worker.worker);
    }
    EXPECT_EQ(who.size(), 2u) << "both took part";
}

TEST(Pipeline, AJoinIsAnsweredWithAddressesThatAreReadyToDial) {
    const House house;
    const Process sink = house.sink({"--advertise", "results.example"}), ventilator = house.ventilator({});
    ASSERT_TRUE(eventually([&] { return house.is_ready(); }));
    Join join;
    join.kinds = {"add"};
    join.via = "tcp://10.0.0.7:5556";
    Lane lane;
    ASSERT_TRUE(eventually([&] { // the sink knows its ventilator a moment before that knows it
        lane = std::get<Lane>(house.ask_control(join).value());
        return lane.error.empty();
    })) << lane.error;
    EXPECT_TRUE(lane.endpoint.starts_with("tcp://10.0.0.7:")) << lane.endpoint;
    EXPECT_TRUE(lane.door.starts_with("tcp://10.0.0.7:")) << lane.door;
    EXPECT_TRUE(lane.sink.starts_with("tcp://results.example:")) << lane.sink;
}

TEST(Pipeline, SigtermLetsAWorkerFinishAndHandBackWhatWaits) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    Process first = house.worker({"--slots", "1"});
    house.submit("sleep", "running", numbers({{"seconds", 0.5}}));
    ASSERT_TRUE(eventually([&] { return house.status("running").state == State::running; }));
    house.submit("sleep", "waiting", numbers({{"seconds", 0.01}}));
    first.signal(SIGTERM);
    EXPECT_EQ(first.wait(), 0) << first.output();
    const JobView finished = house.wait("running");
    EXPECT_EQ(finished.state, State::succeeded);
    EXPECT_EQ(finished.attempt, 1u);
    const Process second = house.worker({"--slots", "1"});
    const JobView handed_back = house.wait("waiting");
    EXPECT_EQ(handed_back.state, State::succeeded);
    EXPECT_EQ(handed_back.deaths, 0u);
}

TEST(Pipeline, ASecondSigtermEndsAtOnce) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    Process worker = house.worker({"--slots", "1"});
    house.submit("sleep", "long", numbers({{"seconds", 600}}));
    ASSERT_TRUE(eventually([&] { return house.status("long").state == State::running; }));
    worker.signal(SIGTERM);
    ASSERT_TRUE(eventually([&] { return worker.output().find("drain") != std::string::npos; }));
    worker.signal(SIGTERM);
    EXPECT_TRUE(worker.wait().has_value());
}

TEST(Pipeline, OpenJobsOutliveTheSink) {
    const House house;
    auto sink = std::make_unique<Process>(house.sink());
    const Process ventilator = house.ventilator({});
    ASSERT_TRUE(eventually([&] { return house.is_ready(); }));
    for (int i = 0; i < 50; ++i) {
        house.submit("add", "open-" + std::to_string(i), numbers({{"a", 1}, {"b", double(i)}}));
    }
    ASSERT_TRUE(eventually([&] { return house.status("open-49").kind == "add"; }));
    sink->signal(SIGKILL);
    sink->wait();
    sink = std::make_unique<Process>(house.sink());
    const Process worker = house.worker({"--slots", "2"});
    for (int i = 0; i < 50; ++i) {
        ASSERT_EQ(house.wait("open-" + std::to_string(i)).state, State::succeeded) << i;
    }
}

TEST(Pipeline, TenThousandJobsOverHttp) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    const Process gateway = house.gateway({});
    const Process one = house.worker({"--slots", "2"}), two = house.worker({"--slots", "2"});
    ASSERT_TRUE(eventually([&] { return house.get("/readyz").status == 200; }));
    ASSERT_TRUE(eventually([&] { return house.workers() == 2; }));
    constexpr int kJobs = 10'000, kBulk = 500;
    for (int first = 0; first < kJobs; first += kBulk) {
        std::string lines;
        for (int i = first; i < first + kBulk; ++i) {
            lines += R"({"kind":"add","id":"job-)" + std::to_string(i) + R"(","payload":{"a":)" +
                     std::to_string(i) + R"(,"b":1}})" + "\n";
        }
        const auto answer =
            house.http_request("POST", "/v1/jobs/bulk", &lines, "application/x-ndjson");
        ASSERT_EQ(answer.status, 202) << answer.body;
    }
    for (int i = 0; i < kJobs; ++i) {
        const auto answer = house.get("/v1/jobs/job-" + std::to_string(i) + "/result?wait=20");
        ASSERT_EQ(answer.status, 200) << answer.body;
        ASSERT_EQ(answer.body, std::to_string(i + 1));
    }
    const auto stats = std::get<SinkStats>(house.ask(AskStats{}).value());
    ASSERT_EQ(stats.kinds.size(), 1u);
    EXPECT_EQ(stats.kinds[0].succeeded, 10'000u);
    EXPECT_EQ(stats.open_jobs, 0u);
}

TEST(Pipeline, CarriesBytesAsTheyAre) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    const Process worker = house.worker({"--slots", "1"});
    std::string all;
    for (int i = 0; i < 1 << 20; ++i) all.push_back(static_cast<char>(i * 7));
    house.submit("echo", "big", bytes(all));
    EXPECT_EQ(house.wait("big").value, bytes(all));
}

TEST(Pipeline, TheSameIdTwiceIsOneJob) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    house.submit("add", "same", numbers({{"a", 1}, {"b", 1}}));
    house.submit("add", "same", numbers({{"a", 1}, {"b", 1}}));
    ASSERT_TRUE(eventually([&] { return house.status("same").kind == "add"; }));
    const Process worker = house.worker({"--slots", "1"});
    EXPECT_EQ(number_in(house.wait("same").value), 2u);
    // Each came over a connection of its own: one may arrive after the other has its outcome.
    const auto counts = [&house] {
        return std::get<SinkStats>(house.ask(AskStats{}).value()).kinds.at(0);
    };
    ASSERT_TRUE(eventually([&] { return counts().stored + counts().duplicates == 2; }));
    EXPECT_EQ(counts().duplicates, 1u);
}

} // namespace
} // namespace penstock::testing
