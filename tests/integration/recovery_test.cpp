// A ventilator that is killed loses nothing: the sink hands its open jobs to the next one.

#include "tests/integration/processes.hpp"

#include <csignal>
#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

SinkStats stats_of(const House& house) {
    return std::get<SinkStats>(house.ask(AskStats{}).value());
}

TEST(Recovery, TenThousandOpenJobsOutliveTheVentilator) {
    constexpr std::size_t kQueued = 10'000, kRunning = 4;
    const House house;
    const Process sink = house.sink();
    auto ventilator = std::make_unique<Process>(house.ventilator({}));
    const Process worker = house.worker({"--slots", std::to_string(kRunning)});
    ASSERT_TRUE(eventually([&] { return house.workers() == 1; }));
    for (std::size_t i = 0; i < kRunning; ++i) {
        const std::string id = "running-" + std::to_string(i);
        house.submit("sleep", id, numbers({{"seconds", 5}}));
        ASSERT_TRUE(eventually([&] { return house.status(id).state == State::running; }));
    }
    Terms add;
    add.kind = "add";
    std::vector<std::string> ids;
    for (std::size_t i = 0; i < kQueued; ++i) ids.push_back("job-" + std::to_string(i));
    house.submit(add, ids, numbers({{"a", 3}, {"b", 4}}));
    ASSERT_TRUE(eventually([&] { return stats_of(house).open_jobs >= kQueued; }));
    ventilator->signal(SIGKILL);
    ventilator->wait();
    EXPECT_GE(stats_of(house).open_jobs, kQueued);
    ventilator = std::make_unique<Process>(house.ventilator({}));
    ASSERT_TRUE(eventually([&] { return stats_of(house).finished_jobs == kQueued + kRunning; }))
        << stats_of(house).open_jobs << " are still open";
    std::uint64_t succeeded = 0;
    for (const SinkKind& kind : stats_of(house).kinds) succeeded += kind.succeeded;
    EXPECT_EQ(succeeded, kQueued + kRunning);
    const auto dispatcher = std::get<DispatchStats>(house.ask_control(AskDispatch{}).value());
    EXPECT_EQ(dispatcher.open_jobs, 0u);
}

TEST(Recovery, AJobCancelledWithoutAVentilatorDoesNotRun) {
    const House house;
    const Process sink = house.sink();
    auto ventilator = std::make_unique<Process>(house.ventilator({}));
    ASSERT_TRUE(eventually([&] { return house.is_ready(); }));
    house.submit("add", "gone", numbers({{"a", 1}, {"b", 1}}));
    house.submit("add", "kept", numbers({{"a", 1}, {"b", 1}}));
    ASSERT_TRUE(eventually([&] { return stats_of(house).open_jobs == 2; }));
    ventilator->signal(SIGKILL);
    ventilator->wait();
    const auto cancelled = std::get<CancelAnswer>(house.ask(AskCancel{*JobId::parse("gone")}).value());
    EXPECT_EQ(cancelled.result, CancelResult::cancelled);
    ventilator = std::make_unique<Process>(house.ventilator({}));
    const Process worker = house.worker({"--slots", "1"});
    EXPECT_EQ(house.wait("kept").state, State::succeeded);
    EXPECT_EQ(house.status("gone").state, State::cancelled);
    EXPECT_EQ(house.status("gone").attempt, 0u);
}

} // namespace
} // namespace penstock::testing
