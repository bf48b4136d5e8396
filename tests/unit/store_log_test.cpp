// The log of the durable store, cut off or damaged when its sink is gone.

#include "sink/store.hpp"
#include "tests/support/jobs.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

using namespace penstock::testing;
namespace fs = std::filesystem;

constexpr std::size_t kHead = 32, kFrame = 24 + 8192;

class StoreLogTest : public ::testing::Test {
protected:
    StoreLogTest() : directory(::testing::TempDir() + "store-log-" + std::to_string(getpid())) {
        fs::remove_all(directory);
        fs::create_directory(directory);
        DurableStore store(alive(), Sync::full, 0);
        for (std::uint64_t i = 0; i < kWrites; ++i) {
            last = fs::file_size(alive() + "-wal");
            add(store, 1 + i * kJobs, kJobs);
        }
        // As kill -9 leaves it: a store that is closed has no log.
        for (const char* end : {"", "-wal", ".lock"}) fs::copy_file(alive() + end, directory + "/kept" + end);
        leave_behind();
    }
    ~StoreLogTest() override { fs::remove_all(directory); }

    [[nodiscard]] std::string alive() const { return directory + "/alive.db"; }
    [[nodiscard]] std::string file() const { return directory + "/jobs.db"; }
    [[nodiscard]] std::string log() const { return file() + "-wal"; }

    static void add(DurableStore& store, std::uint64_t first, std::uint64_t count) {
        Changes c;
        c.terms.push_back({1, terms("echo")});
        for (std::uint64_t order = first; order < first + count; ++order) {
            Changes::Job job;
            job.order = order;
            job.id = id("j" + std::to_string(order));
            job.terms = 1;
            job.payload = c.add(std::string(100, 'x'));
            c.jobs.push_back(job);
        }
        ASSERT_EQ(store.write(c), DurableStore::Written::all);
    }

    void leave_behind() {
        fs::remove(file() + "-shm");
        for (const char* end : {"", "-wal", ".lock"}) {
            fs::copy_file(directory + "/kept" + end, file() + end, fs::copy_options::overwrite_existing);
        }
    }

    void flip(std::size_t at) const {
        std::fstream stream(log(), std::ios::in | std::ios::out | std::ios::binary);
        stream.seekg(static_cast<std::streamoff>(at));
        const int byte = stream.get();
        stream.seekp(static_cast<std::streamoff>(at));
        stream.put(static_cast<char>(byte ^ 0x10));
    }

    // What it says; empty: it was opened, and `jobs` is how many are there.
    std::string open() {
        try {
            DurableStore store(file(), Sync::full, 0);
            jobs = 0;
            store.read([this](const Changes& page) { jobs += page.jobs.size(); });
            gap = store.gap();
            return {};
        } catch (const StoreError& error) {
            return error.what();
        }
    }

    static constexpr std::uint64_t kWrites = 8, kJobs = 150;
    const std::string directory;
    std::size_t last = 0; // where the last transaction begins in the log
    std::size_t jobs = 0;
    std::string gap;
};

TEST_F(StoreLogTest, IsReadWhenItsSinkIsGone) {
    EXPECT_EQ(open(), "");
    EXPECT_EQ(jobs, kWrites * kJobs);
}

TEST_F(StoreLogTest, OneBitThatIsWrongIsSeenWhereverItIs) {
    for (std::size_t at = 0; at < last; at += at < kHead + kFrame ? 4 : 1'021) {
        flip(at);
        const std::string said = open();
        const std::size_t frame = at < kHead ? 0 : 1 + (at - kHead) / kFrame;
        EXPECT_NE(said.find("(frame " + std::to_string(frame) + ")"), std::string::npos)
            << "byte " << at << ": " << said;
        EXPECT_NE(said.find("sqlite3 " + file()), std::string::npos) << "what to do";
        flip(at);
    }
    EXPECT_EQ(open(), "") << "nothing was changed";
    EXPECT_EQ(jobs, kWrites * kJobs);
}

TEST_F(StoreLogTest, AWriteThatWasCutOffIsNoDamage) {
    const std::size_t size = fs::file_size(log());
    for (const std::size_t cut :
         {size - 1, size - kFrame, size - kFrame - 5'000, last + 1, last, kHead + 7, kHead}) {
        fs::resize_file(log(), cut);
        EXPECT_EQ(open(), "") << "cut at " << cut;
        EXPECT_LT(jobs, kWrites * kJobs);
        leave_behind();
    }
}

TEST_F(StoreLogTest, NeitherIsWhatWasWrittenOverIt) {
    fs::resize_file(log(), fs::file_size(log()) - kFrame); // no commit: the others of it stay there
    const std::string behind = directory + "/behind";
    {
        DurableStore store(file(), Sync::full, 0);
        add(store, 100'000, 1); // shorter
        fs::copy_file(log(), behind);
        ASSERT_GE(fs::file_size(behind), last + 3 * kFrame);
    }
    leave_behind();
    fs::copy_file(behind, log(), fs::copy_options::overwrite_existing);
    EXPECT_EQ(open(), "");
    EXPECT_EQ(jobs, (kWrites - 1) * kJobs + 1);
}

TEST_F(StoreLogTest, AfterAPowerCutNobodyHadWaitedForTheDisk) {
    flip(last - 100);
    std::ofstream(file() + ".lock", std::ios::trunc) << "17\nanother-boot\nnormal\n";
    EXPECT_EQ(open(), "");
    EXPECT_NE(gap.find("byte " + std::to_string(last - kFrame)), std::string::npos) << gap;
    EXPECT_EQ(jobs, (kWrites - 2) * kJobs);
    EXPECT_EQ(open(), "") << "and that is over";
    EXPECT_EQ(gap, "");
    leave_behind();
    flip(last - 100);
    std::ofstream(file() + ".lock", std::ios::trunc) << "17\nanother-boot\nfull\n";
    EXPECT_NE(open(), "") << "it was on the disk";
}

} // namespace
} // namespace penstock::sink
