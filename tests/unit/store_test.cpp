// The file of the durable store: what goes in comes out, and what can't be used is refused in words
// that say which file, what is wrong, and what to do.

#include "sink/store.hpp"
#include "tests/support/jobs.hpp"

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sqlite3.h>

namespace penstock::sink {
namespace {

using namespace penstock::testing;
using ::testing::TempDir;

class StoreTest : public ::testing::Test {
protected:
    StoreTest() : directory(TempDir() + "store-" + std::to_string(getpid())) {
        std::filesystem::remove_all(directory);
        std::filesystem::create_directory(directory);
    }
    ~StoreTest() override { std::filesystem::remove_all(directory); }

    [[nodiscard]] std::string file() const { return directory + "/jobs.db"; }

    static Changes one_job(std::uint64_t order = 1) {
        Changes c;
        Terms t = terms("echo");
        t.tags = {"a \"quoted\" tag", "b"};
        c.terms.push_back({1, t});
        Changes::Job job;
        job.order = order;
        job.id = id("a");
        job.terms = 1;
        job.payload = c.add("payload");
        job.submitted = job.begun = WallTime(std::chrono::microseconds(1'800'000'000'000'001));
        job.epoch = 3;
        job.number = 17;
        c.jobs.push_back(job);
        return c;
    }

    static Changes::Outcome outcome(Changes& c, std::uint64_t order) {
        Changes::Outcome o;
        o.order = order;
        o.state = State::failed;
        o.value = c.add("");
        o.failure = {"handler-error", "no", false};
        o.attempt = 2;
        o.finished = WallTime(std::chrono::microseconds(1'800'000'000'000'009));
        return o;
    }

    void write(const Changes& c) {
        DurableStore store(file(), Sync::normal, 0);
        EXPECT_EQ(store.write(c), DurableStore::Written::all);
    }

    Changes read() {
        DurableStore store(file(), Sync::normal, 0);
        Changes out;
        store.read([&](const Changes& page) { out = page; });
        return out;
    }

    // What opening and reading it complains of; empty: nothing.
    std::string complaint() {
        try {
            read();
        } catch (const StoreError& error) {
            return error.what();
        }
        return {};
    }

    void run_sql(const std::string& sql) {
        sqlite3* db = nullptr;
        ASSERT_EQ(sqlite3_open(file().c_str(), &db), SQLITE_OK);
        ASSERT_EQ(sqlite3_exec(db, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
        sqlite3_close(db);
    }

    void flip_every(std::size_t step, std::size_t from) {
        std::fstream stream(file(), std::ios::in | std::ios::out | std::ios::binary);
        const auto size = std::filesystem::file_size(file());
        for (std::size_t at = from; at < size; at += step) {
            stream.seekg(static_cast<std::streamoff>(at));
            const int byte = stream.get();
            stream.seekp(static_cast<std::streamoff>(at));
            stream.put(static_cast<char>(byte ^ 0x5a));
        }
    }

    const std::string directory;
};

TEST_F(StoreTest, WhatGoesInComesOut) {
    Changes c = one_job();
    c.epochs.push_back({3, UINT64_MAX});
    KindSettings settings;
    settings.rate = 2.5;
    settings.timeout = 1500ms;
    c.kinds.push_back({"echo", settings, true});
    c.attempts.push_back({1, 1, Changes::Attempt::How::lost, true, "w", c.jobs[0].submitted, -1, {}, 2});
    c.outcomes.push_back(outcome(c, 1));
    write(c);
    const Changes back = read();
    ASSERT_EQ(back.jobs.size(), 1u);
    EXPECT_EQ(back.jobs[0].id, id("a"));
    EXPECT_EQ(back.jobs[0].number, 17u);
    EXPECT_EQ(back.jobs[0].submitted, c.jobs[0].submitted);
    EXPECT_EQ(back.view(back.jobs[0].payload), "payload");
    ASSERT_EQ(back.terms.size(), 1u);
    EXPECT_EQ(back.terms[0].terms, c.terms[0].terms);
    ASSERT_EQ(back.epochs.size(), 1u);
    EXPECT_EQ(back.epochs[0].instance, UINT64_MAX);
    ASSERT_EQ(back.kinds.size(), 1u);
    EXPECT_EQ(back.kinds[0].settings, settings);
    ASSERT_EQ(back.attempts.size(), 1u);
    EXPECT_TRUE(back.attempts[0].suspect);
    EXPECT_EQ(back.attempts[0].token, 2u);
    ASSERT_EQ(back.outcomes.size(), 1u);
    EXPECT_EQ(back.outcomes[0].state, State::failed);
    EXPECT_EQ(back.outcomes[0].failure.code, "handler-error");
}

TEST_F(StoreTest, AnAttemptThatAnswersAfterItWasLostStaysASuspect) {
    Changes c = one_job();
    c.attempts.push_back({1, 1, Changes::Attempt::How::lost, true, "w", c.jobs[0].submitted, -1, {}});
    c.attempts.push_back({1, 1, Changes::Attempt::How::failed, false, "w", c.jobs[0].submitted, 1, {}});
    write(c);
    const Changes back = read();
    ASSERT_EQ(back.attempts.size(), 1u);
    EXPECT_EQ(back.attempts[0].how, Changes::Attempt::How::failed);
    EXPECT_TRUE(back.attempts[0].suspect);
}

TEST_F(StoreTest, WhatGoesIsGoneWithAllThatBelongsToIt) {
    Changes c = one_job();
    c.attempts.push_back({1, 1, Changes::Attempt::How::failed, false, "w", c.jobs[0].submitted, 1, {}});
    c.outcomes.push_back(outcome(c, 1));
    write(c);
    Changes gone;
    gone.jobs_gone = {1};
    gone.terms_gone = {1};
    write(gone);
    EXPECT_EQ(read().rows(), 0u);
}

TEST_F(StoreTest, ManyJobsComeInPages) {
    DurableStore store(file(), Sync::normal, 0);
    constexpr std::uint64_t kJobs = 25'000;
    Changes c = one_job();
    c.jobs.clear();
    for (std::uint64_t order = 1; order <= kJobs; ++order) {
        Changes::Job job = one_job(order).jobs[0];
        job.id = id(("j" + std::to_string(order)).c_str());
        c.jobs.push_back(job);
        c.outcomes.push_back(outcome(c, order));
    }
    ASSERT_EQ(store.write(c), DurableStore::Written::all);
    std::uint64_t jobs = 0, outcomes = 0, pages = 0;
    store.read([&](const Changes& page) {
        ++pages;
        jobs += page.jobs.size();
        outcomes += page.outcomes.size();
        if (!page.jobs.empty() && !page.outcomes.empty()) {
            EXPECT_EQ(page.jobs.front().order, page.outcomes.front().order);
        }
    });
    EXPECT_EQ(jobs, kJobs);
    EXPECT_EQ(outcomes, kJobs);
    EXPECT_GT(pages, 2u);
}

TEST_F(StoreTest, ASecondSinkIsRefused) {
    const DurableStore first(file(), Sync::normal, 0);
    EXPECT_NE(complaint().find("in use by another sink (process " + std::to_string(getpid())),
              std::string::npos);
}

TEST_F(StoreTest, AFileByAnotherNameIsTheSameFile) {
    const DurableStore first(file(), Sync::normal, 0);
    std::filesystem::create_symlink(file(), directory + "/alias.db");
    EXPECT_THROW(DurableStore(directory + "/alias.db", Sync::normal, 0), StoreError);
}

TEST_F(StoreTest, AnotherProgramsLockIsWaitedFor) {
    DurableStore store(file(), Sync::normal, 0);
    sqlite3* other = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &other), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
    EXPECT_EQ(store.write(one_job()), DurableStore::Written::nothing_for_a_lock);
    ASSERT_EQ(sqlite3_exec(other, "COMMIT", nullptr, nullptr, nullptr), SQLITE_OK);
    sqlite3_close(other);
    EXPECT_EQ(store.write(one_job()), DurableStore::Written::all);
}

TEST_F(StoreTest, AFileOfSomebodyElseIsRefusedAndLeftAlone) {
    run_sql("CREATE TABLE mine (x)");
    EXPECT_NE(complaint().find("no store of this program"), std::string::npos);
    std::ofstream(file(), std::ios::trunc) << std::string(20'000, 'x');
    EXPECT_NE(complaint().find("is no SQLite file"), std::string::npos);
    EXPECT_EQ(std::filesystem::file_size(file()), 20'000u);
}

TEST_F(StoreTest, AnOlderSchemaIsBroughtUpToDate) {
    write(one_job());
    run_sql("ALTER TABLE epochs DROP COLUMN numbers; ALTER TABLE attempts DROP COLUMN token;"
            "INSERT INTO epochs VALUES (3, 17); PRAGMA user_version = 1");
    Changes c = read();
    ASSERT_EQ(c.jobs.size(), 1u);
    ASSERT_EQ(c.epochs.size(), 1u);
    EXPECT_EQ(c.epochs[0].numbers, 0u);
    Changes more;
    more.epochs.push_back({3, 17, 18});
    write(more);
    EXPECT_EQ(read().epochs.at(0).numbers, 18u);
}

TEST_F(StoreTest, ANewerSchemaIsRefused) {
    write(one_job());
    run_sql("PRAGMA user_version = 99");
    EXPECT_NE(complaint().find("newer version (schema 99"), std::string::npos);
}

TEST_F(StoreTest, AFlippedByteOfARowIsSeenAndNamed) {
    write(one_job());
    run_sql("UPDATE jobs SET payload = x'00'");
    const std::string said = complaint();
    EXPECT_NE(said.find("job 1 (id a, table jobs)"), std::string::npos) << said;
    EXPECT_NE(said.find("backup"), std::string::npos);
}

TEST_F(StoreTest, NoDamageToAPageGoesUnseen) {
    for (std::size_t from = 100; from < 8192 * 12; from += 1777) {
        std::filesystem::remove(file());
        Changes c = one_job();
        c.outcomes.push_back(outcome(c, 1));
        for (std::uint64_t order = 2; order < 400; ++order) {
            Changes::Job job = c.jobs[0];
            job.order = order;
            job.id = id(("j" + std::to_string(order)).c_str());
            job.payload = c.add(std::string(100, static_cast<char>('a' + order % 26)));
            c.jobs.push_back(job);
        }
        write(c);
        const std::uint64_t size = std::filesystem::file_size(file());
        if (from >= size) break;
        const auto before = read();
        flip_every(size, from); // one byte
        std::string said;
        Changes after;
        try {
            after = read();
        } catch (const StoreError& error) {
            said = error.what();
        }
        if (!said.empty()) {
            EXPECT_NE(said.find(file()), std::string::npos) << said;
            continue;
        }
        // A byte that means nothing: everything is as it was.
        ASSERT_EQ(after.jobs.size(), before.jobs.size()) << "byte " << from;
        for (std::size_t i = 0; i < after.jobs.size(); ++i) {
            ASSERT_EQ(after.jobs[i].id, before.jobs[i].id) << "byte " << from;
            ASSERT_EQ(after.view(after.jobs[i].payload), before.view(before.jobs[i].payload));
        }
        ASSERT_EQ(after.outcomes.size(), before.outcomes.size()) << "byte " << from;
    }
}

TEST_F(StoreTest, AMissingDirectoryIsNamed) {
    try {
        const DurableStore store(directory + "/none/jobs.db", Sync::normal, 0);
        FAIL();
    } catch (const StoreError& error) {
        EXPECT_NE(std::string(error.what()).find("The directory must be there"), std::string::npos);
    }
}

TEST_F(StoreTest, WithTooLittleSpaceLeftThereIsNoRoom) {
    DurableStore store(file(), Sync::normal, UINT64_MAX / 2);
    EXPECT_FALSE(store.has_room());
    EXPECT_EQ(store.write(one_job()), DurableStore::Written::all); // what is open goes on
}

} // namespace
} // namespace penstock::sink
