// The thread that writes the store: what it was given is written before it says so, whatever the disk
// does meanwhile.

#include "sink/keeper.hpp"
#include "tests/support/jobs.hpp"
#include "tests/support/unruly_disk.hpp"

#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

namespace penstock::sink {
namespace {

using namespace penstock::testing;
using Mood = UnrulyDisk::Mood;

class KeeperTest : public ::testing::Test {
protected:
    KeeperTest() : directory(::testing::TempDir() + "keeper-" + std::to_string(getpid())) {
        std::filesystem::remove_all(directory);
        std::filesystem::create_directory(directory);
        start();
    }
    ~KeeperTest() override {
        UnrulyDisk::mood = Mood::good;
        keeper.reset();
        std::filesystem::remove_all(directory);
    }

    void start() {
        keeper = std::make_unique<Keeper>(
            std::make_unique<DurableStore>(directory + "/jobs.db", Sync::normal, 0));
    }

    static Changes jobs(std::uint64_t first, std::uint64_t count) {
        Changes c;
        if (first == 1) c.terms.push_back({1, terms("echo")});
        for (std::uint64_t order = first; order < first + count; ++order) {
            Changes::Job job;
            job.order = order;
            job.id = id("job-" + std::to_string(order));
            job.terms = 1;
            job.payload = c.add("payload");
            c.jobs.push_back(job);
        }
        return c;
    }

    // It has something to say.
    [[nodiscard]] bool rings(std::chrono::milliseconds within = 20s) const {
        pollfd ready = {keeper->fd(), POLLIN, 0};
        return poll(&ready, 1, static_cast<int>(within.count())) == 1;
    }

    [[nodiscard]] bool is_told_that_it_is_written() const {
        while (rings()) {
            if (keeper->collect()) return true;
        }
        return false;
    }

    void until_refused(int writes) const {
        while (UnrulyDisk::refused < writes) std::this_thread::yield();
    }

    // By whoever has the file next.
    std::size_t jobs_in_file() {
        keeper.reset();
        UnrulyDisk::mood = Mood::good;
        DurableStore store(directory + "/jobs.db", Sync::normal, 0);
        std::size_t count = 0;
        store.read([&](const Changes& page) { count += page.jobs.size(); });
        return count;
    }

    UnrulyDisk disk;
    const std::string directory;
    std::unique_ptr<Keeper> keeper;
};

TEST_F(KeeperTest, SaysWhenWhatItWasGivenIsWritten) {
    EXPECT_TRUE(keeper->idle());
    keeper->give(jobs(1, 100));
    EXPECT_FALSE(keeper->idle());
    EXPECT_TRUE(is_told_that_it_is_written());
    EXPECT_TRUE(keeper->idle());
    EXPECT_FALSE(keeper->collect()) << "once";
    EXPECT_EQ(jobs_in_file(), 100u);
}

TEST_F(KeeperTest, WritesOneBatchAfterTheOther) {
    for (std::uint64_t batch = 0; batch < 50; ++batch) {
        keeper->give(jobs(1 + batch * 10, 10));
        ASSERT_TRUE(is_told_that_it_is_written()) << batch;
    }
    EXPECT_EQ(jobs_in_file(), 500u);
}

TEST_F(KeeperTest, WritesWhatItWasGivenBeforeItLeaves) {
    keeper->give(jobs(1, 1000));
    EXPECT_EQ(jobs_in_file(), 1000u);
}

TEST_F(KeeperTest, OnAFullDiskItSaysNothingTakesNoNewWorkAndTriesAgain) {
    UnrulyDisk::mood = Mood::full;
    keeper->give(jobs(1, 10));
    ASSERT_TRUE(rings());
    EXPECT_FALSE(keeper->collect()) << "it is not written";
    EXPECT_FALSE(keeper->has_room());
    EXPECT_FALSE(keeper->idle());
    until_refused(5);
    EXPECT_FALSE(keeper->collect());
    UnrulyDisk::mood = Mood::good;
    EXPECT_TRUE(is_told_that_it_is_written());
    while (!keeper->has_room()) { // what it had put by has to be put by again
        ASSERT_TRUE(rings());
        EXPECT_FALSE(keeper->collect()) << "once";
    }
    EXPECT_EQ(jobs_in_file(), 10u);
}

TEST_F(KeeperTest, OnABrokenDiskNobodyIsToldThatAnythingIsWritten) {
    keeper->give(jobs(1, 10));
    ASSERT_TRUE(is_told_that_it_is_written());
    UnrulyDisk::mood = Mood::broken;
    keeper->give(jobs(11, 10));
    ASSERT_TRUE(rings());
    EXPECT_THROW((void)keeper->collect(), StoreError);
    EXPECT_THROW((void)keeper->collect(), StoreError) << "for good";
    EXPECT_EQ(jobs_in_file(), 10u);
}

TEST_F(KeeperTest, LeavesAFullDiskWithoutWhatDoesNotFit) {
    keeper->give(jobs(1, 10));
    ASSERT_TRUE(is_told_that_it_is_written());
    UnrulyDisk::mood = Mood::full;
    keeper->give(jobs(11, 10));
    ASSERT_TRUE(rings());
    EXPECT_FALSE(keeper->collect());
    EXPECT_EQ(jobs_in_file(), 10u) << "it ended, and nobody was told of the others";
}

} // namespace
} // namespace penstock::sink
