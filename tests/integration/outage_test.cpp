// The sink or the ventilator is killed under workers of the SDK: what they ran is not run again.

#include "protocol/wire.hpp"
#include "tests/integration/processes.hpp"

#include <csignal>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>

namespace penstock::testing {
namespace {

class Outage : public ::testing::Test {
protected:
    // Each run of a job is a line of a file.
    Process worker_that_notes(const std::string& seconds, const char* slots) {
        const std::string command = "echo x >> " + (folder / "runs") + "; sleep " + seconds;
        return house.worker({"--slots", slots, "--kinds", "exec", "--allow-exec", "note=" + command});
    }

    [[nodiscard]] std::size_t runs() const {
        std::ifstream file(folder / "runs");
        std::size_t lines = 0;
        for (std::string line; std::getline(file, line);) ++lines;
        return lines;
    }

    static std::string note() {
        std::string payload;
        Writer(payload).map(1).key("name").text("note");
        return payload;
    }

    // Nothing at all while no sink answers.
    [[nodiscard]] SinkStats stats() const {
        const auto answer = house.ask(AskStats{});
        return answer ? std::get<SinkStats>(*answer) : SinkStats{};
    }

    const House house;
    Folder folder;
};

TEST_F(Outage, ADurableSinkIsKilledFiveTimesAndEveryJobRunsOnce) {
    constexpr std::size_t kJobs = 2'000, kKills = 5;
    const std::vector<std::string> store = {"--store", folder / "jobs.db"};
    auto sink = std::make_unique<Process>(house.sink(store));
    const Process ventilator = house.ventilator({});
    const Process first = worker_that_notes("0.01", "8");
    const Process second = worker_that_notes("0.01", "8");
    ASSERT_TRUE(eventually([&] { return house.workers() == 2; }));
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < kJobs; ++i) ids.push_back("job-" + std::to_string(i));
    Terms terms;
    terms.kind = "exec";
    house.submit(terms, ids, note());
    ASSERT_TRUE(eventually([&] {
        const SinkStats now = stats();
        return now.open_jobs + now.finished_jobs == kJobs;
    }));
    for (std::size_t kill = 1; kill <= kKills; ++kill) {
        ASSERT_TRUE(eventually([&] { return runs() >= kill * kJobs / (kKills + 1); })) << runs();
        sink->signal(SIGKILL);
        sink->wait();
        sink = std::make_unique<Process>(house.sink(store));
    }
    // Twice, since twenty seconds are little for two thousand processes on a busy machine.
    const auto all = [&] { return stats().finished_jobs == kJobs; };
    EXPECT_TRUE(eventually(all) || eventually(all)) << stats().finished_jobs << " have finished";
    for (const auto& id : ids) ASSERT_EQ(house.status(id).state, State::succeeded) << id;
    EXPECT_EQ(runs(), kJobs);
}

// Longer than a ventilator waits for a worker to name what it runs: unnamed, it would run again.
TEST_F(Outage, AJobGoesOnWhileItsVentilatorIsKilled) {
    const Process sink = house.sink();
    auto ventilator = std::make_unique<Process>(house.ventilator({}));
    const Process worker = worker_that_notes("6", "2");
    ASSERT_TRUE(eventually([&] { return house.workers() == 1; }));
    house.submit("exec", "long", note());
    ASSERT_TRUE(eventually([&] { return house.status("long").state == State::running; }));
    ventilator->signal(SIGKILL);
    ventilator->wait();
    ventilator = std::make_unique<Process>(house.ventilator({}));
    const JobView job = house.wait("long");
    EXPECT_EQ(job.state, State::succeeded);
    EXPECT_EQ(job.attempt, 1u);
    EXPECT_EQ(runs(), 1u);
    EXPECT_TRUE(eventually([&] { // and nobody waits for it any more
        const auto answer = house.ask_control(AskDispatch{});
        return answer && std::get<DispatchStats>(*answer).open_jobs == 0;
    }));
}

} // namespace
} // namespace penstock::testing
