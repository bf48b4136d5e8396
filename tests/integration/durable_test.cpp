// Processes that are killed, and a file that remembers.

#include "tests/integration/processes.hpp"

#include <csignal>
#include <gtest/gtest.h>
#include <memory>

namespace penstock::testing {
namespace {

class Durable : public ::testing::Test {
protected:
    [[nodiscard]] std::string file() const { return folder_ / "jobs.db"; }

    void start_sink() {
        sink_ = std::make_unique<Process>(house_.sink({"--store", file(), "--sync", "normal"}));
    }
    void start_ventilator() { ventilator_ = std::make_unique<Process>(house_.ventilator({})); }
    void start_worker() { worker_ = std::make_unique<Process>(house_.worker({"--slots", "4"})); }

    static void kill(std::unique_ptr<Process>& process) {
        process->signal(SIGKILL);
        process->wait();
        process.reset();
    }

    [[nodiscard]] SinkStats stats() const {
        const auto answer = house_.ask(AskStats{});
        return answer ? std::get<SinkStats>(*answer) : SinkStats{};
    }

    void submit_many(const std::string& prefix, int count) {
        Terms add;
        add.kind = "add";
        std::vector<std::string> ids;
        for (int i = 0; i < count; ++i) ids.push_back(prefix + std::to_string(i));
        house_.submit(add, ids, numbers({{"a", 3}, {"b", 4}}));
    }

    House house_;
    const Folder folder_; // goes last
    std::unique_ptr<Process> sink_, ventilator_, worker_;
};

TEST_F(Durable, ASinkThatIsKilledComesBackWithWhatWasAcceptedAndWhatCameOfIt) {
    start_sink();
    start_ventilator();
    start_worker();
    submit_many("done-", 500);
    ASSERT_TRUE(eventually([&] { return stats().finished_jobs == 500; }));
    EXPECT_EQ(stats().durability, "disk");
    const JobView before = house_.wait("done-17");
    house_.submit("nobody-has-this", "refused", numbers({})); // the kind is not known
    kill(worker_);
    submit_many("open-", 500);
    ASSERT_TRUE(eventually([&] { return stats().open_jobs == 500; }));
    kill(sink_);
    start_sink();
    ASSERT_TRUE(eventually([&] { return house_.is_ready(); }));
    EXPECT_EQ(stats().finished_jobs, 500u);
    EXPECT_EQ(stats().open_jobs, 500u);
    const JobView after = house_.wait("done-17");
    EXPECT_EQ(after.value, before.value);
    EXPECT_EQ(after.finished_at, before.finished_at);
    start_worker();
    ASSERT_TRUE(eventually([&] { return stats().finished_jobs == 1000; })) << stats().open_jobs;
    EXPECT_EQ(house_.status("open-499").state, State::succeeded);
}

TEST_F(Durable, EveryProcessIsKilledAndNothingIsLost) {
    start_sink();
    start_ventilator();
    start_worker();
    submit_many("first-", 300);
    ASSERT_TRUE(eventually([&] { return stats().finished_jobs == 300; }));
    house_.submit("sleep", "long", numbers({{"seconds", 1}}));
    ASSERT_TRUE(eventually([&] { return house_.status("long").state == State::running; }));
    submit_many("second-", 300);
    ASSERT_TRUE(eventually([&] { return stats().open_jobs + stats().finished_jobs == 601; }));
    kill(ventilator_);
    kill(sink_);
    kill(worker_);
    start_worker();
    start_ventilator();
    start_sink();
    ASSERT_TRUE(eventually([&] { return stats().finished_jobs == 601; })) << stats().open_jobs;
    for (const char* id : {"first-0", "second-299", "long"}) {
        EXPECT_EQ(house_.status(id).state, State::succeeded) << id;
    }
}

TEST_F(Durable, ASinkThatIsKilledAgainAndAgainLosesNothing) {
    start_sink();
    start_ventilator();
    start_worker();
    ASSERT_TRUE(eventually([&] { return house_.workers() == 1; }));
    for (int round = 0; round < 5; ++round) {
        const std::string prefix = "r" + std::to_string(round) + "-";
        submit_many(prefix, 400);
        ASSERT_TRUE(eventually([&] { return house_.status(prefix + "0").id == *JobId::parse(prefix + "0"); }));
        kill(sink_);
        start_sink();
        ASSERT_TRUE(eventually([&] { return house_.is_ready(); }));
    }
    const auto all_done = [&] { return stats().finished_jobs == 2000; };
    ASSERT_TRUE(eventually(all_done)) << stats().open_jobs << " open, " << stats().finished_jobs;
}

TEST_F(Durable, TheFileIsForPeopleWhileItIsInUse) {
    start_sink();
    start_ventilator();
    start_worker();
    submit_many("job-", 10);
    ASSERT_TRUE(eventually([&] { return stats().finished_jobs == 10; }));
    Process reader({"/usr/bin/sqlite3", "-readonly", file(),
                    "SELECT kind, state, count(*) FROM job GROUP BY kind, state"},
                   {});
    EXPECT_EQ(reader.wait(), 0);
    EXPECT_EQ(reader.output(), "add|succeeded|10\n");
}

TEST_F(Durable, UpSaysInWhichFileJobsAreKeptAndKeepsThemThere) {
    const auto up = [this] {
        return Process({PENSTOCK_BINARY, "up", "--store", file(), "--http", house_.http(), "--bind",
                        "127.0.0.1:" + std::to_string(house_.port(0))},
                       {});
    };
    {
        Process first = up();
        ASSERT_TRUE(eventually([&] { return house_.is_ready(); })) << first.output();
        EXPECT_NE(first.output().find("are kept in " + file()), std::string::npos) << first.output();
        submit_many("job-", 10);
        ASSERT_TRUE(eventually([&] { return stats().finished_jobs == 10; }));
        first.signal(SIGKILL);
        first.wait();
    }
    Process second = up();
    ASSERT_TRUE(eventually([&] { return stats().finished_jobs == 10; })) << second.output();
}

TEST_F(Durable, ASecondSinkOnTheSameFileDoesNotStart) {
    start_sink();
    ASSERT_TRUE(eventually([&] { return house_.ask(AskStats{}).has_value(); }));
    const House other;
    Process second = other.sink({"--store", file()});
    EXPECT_EQ(second.wait(), 1);
    EXPECT_NE(second.output().find("in use by another sink"), std::string::npos) << second.output();
}

} // namespace
} // namespace penstock::testing
