// Who goes first, through real processes: labels, least priorities, requests of the gateway, and
// what is said of jobs that wait.

#include "protocol/codec.hpp"
#include "tests/integration/processes.hpp"

#include <gtest/gtest.h>
#include <optional>

namespace penstock::testing {
namespace {

class Scheduling : public ::testing::Test {
protected:
    void start(std::vector<std::string> of_ventilator = {}) {
        sink.emplace(house.sink());
        ventilator.emplace(house.ventilator(std::move(of_ventilator)));
        ASSERT_TRUE(eventually([&] { return house.is_serving(); }));
    }

    Process worker(std::vector<std::string> more) {
        const std::size_t before = house.workers();
        Process out = house.worker(std::move(more));
        EXPECT_TRUE(eventually([&] { return house.workers() == before + 1; }));
        return out;
    }

    // A job that the sink has stored.
    void submit(const std::string& id, int priority, std::vector<std::string> needs,
                double seconds = 0) {
        Terms terms;
        terms.kind = "sleep";
        terms.priority = priority;
        terms.needs = std::move(needs);
        house.submit(terms, id, numbers({{"seconds", seconds}}));
        ASSERT_TRUE(eventually([&] {
            const JobView job = house.status(id);
            return job.number != 0 || is_final(job.state);
        }));
    }

    Explanation explain(const std::string& id) {
        const auto answer = house.ask_control(AskExplain{house.status(id).number});
        return answer ? std::get<Explanation>(*answer) : Explanation();
    }

    House house;
    std::optional<Process> sink, ventilator, gateway;
};

TEST_F(Scheduling, JobsWithNeedsGoToWorkersWithLabels) {
    start();
    const Process plain = worker({});
    submit("needy", 4, {"gpu"});
    EXPECT_EQ(explain("needy").why, "no-worker");
    EXPECT_NE(explain("needy").text.find("--labels gpu"), std::string::npos);
    const Process able = worker({"--labels", "eu,gpu"});
    EXPECT_EQ(house.wait("needy").state, State::succeeded);
}

TEST_F(Scheduling, AWorkerWithALeastPriorityIsKeptFreeForWhatIsUrgent) {
    start();
    const Process urgent = worker({"--min-priority", "7"});
    submit("low", 4, {});
    EXPECT_EQ(explain("low").why, "no-worker");
    submit("high", 7, {});
    EXPECT_EQ(house.wait("high").state, State::succeeded);
    EXPECT_EQ(house.status("low").state, State::queued);
}

TEST_F(Scheduling, SaysWhereWaitingJobsStand) {
    start();
    const Process one = worker({"--slots", "1"});
    submit("first", 4, {}, 30);
    submit("second", 4, {});
    submit("third", 5, {});
    AskPosition ask;
    for (const char* id : {"first", "second", "third"})
        ask.numbers.push_back(house.status(id).number);
    const auto answer = house.ask_control(ask);
    ASSERT_TRUE(answer);
    const auto& rows = std::get<Positions>(*answer).rows;
    ASSERT_EQ(rows.size(), 3u);
    EXPECT_EQ(rows[0].position, 0u);
    EXPECT_EQ(rows[1].position, 2u);
    EXPECT_EQ(rows[2].position, 1u);
    EXPECT_EQ(explain("first").why, "running");
    EXPECT_EQ(explain("second").why, "position");
}

TEST_F(Scheduling, ASingleJobOverHttpWaitsForOneTurnOfABulk) {
    start();
    gateway.emplace(house.gateway({}));
    ASSERT_TRUE(eventually([&] { return house.get("/readyz").status == 200; }));
    std::string bulk = "[";
    for (int i = 0; i < 10; ++i) {
        bulk += (i > 0 ? "," : "") +
                std::string(R"({"kind": "sleep", "payload": {"seconds": 0.1}, "id": "bulk-)") +
                std::to_string(i) + "\"}";
    }
    bulk += "]";
    const std::string single = R"({"kind": "sleep", "payload": {"seconds": 0.1}, "id": "single"})";
    EXPECT_EQ(house.http_request("POST", "/v1/jobs/bulk", &bulk, "application/json").status, 202);
    EXPECT_EQ(house.http_request("POST", "/v1/jobs", &single, "application/json").status, 202);
    const Process one = worker({"--slots", "1"});
    EXPECT_LT(house.wait("single").finished_at, house.wait("bulk-3").finished_at);
}

} // namespace
} // namespace penstock::testing
