// What is too old goes a little at a time: whoever waits for a batch waits for all of it.

#include "tests/unit/ledger_kept_fixture.hpp"

namespace penstock::sink {
namespace {

constexpr std::uint32_t kMany = 10'000;
constexpr std::size_t kInOneBatch = 1'000 + 64;
constexpr std::size_t kApartInOneBatch = 100 + 64; // in the file

class GoesTest : public KeptTest {
protected:
    // Every `stride`th of them first, and then every one behind those.
    void finish_many(std::uint32_t stride = 1) {
        Store m;
        m.first = 1;
        m.terms = terms("echo");
        Result result{epoch, "w", "", {}};
        for (std::uint32_t i = 0; i < kMany; ++i) {
            m.rows.push_back({named(i), Bytes("\xa1p", 2), 0, 0});
            const std::uint32_t turns = kMany / stride;
            const JobId done = named(i % turns * stride + i / turns);
            result.rows.push_back({done, 1, 500, Bytes("\x07", 1), {}});
        }
        tell(m);
        machine.on(result, now, out);
        step();
        commit();
    }

    void cancel_many_together() {
        OpenGroup m;
        m.id = id("g");
        m.parts.push_back({terms("echo"), {}});
        for (std::uint32_t i = 0; i < kMany; ++i) m.parts[0].rows.push_back({named(i), Bytes("\xc0", 1)});
        ask(m);
        ask(CancelGroup{id("g")});
        for (int i = 0; i < 5; ++i) step();
        commit();
    }

    // In one batch of changes, after their time.
    std::size_t gone_while_come(std::uint32_t jobs) {
        pass(2h);
        Store more;
        more.first = kMany + 1;
        more.terms = terms("echo");
        for (std::uint32_t i = 0; i < jobs; ++i)
            more.rows.push_back({id("next-" + std::to_string(i)), Bytes("\xa1p", 2), 0, 0});
        tell(more);
        for (int i = 0; i < 200; ++i) step();
        return machine.take_changes().jobs_gone.size();
    }

    static JobId named(std::uint32_t i) { return id("job-" + std::to_string(i)); }

    // All of them have been there for too long. While the batch of the last step is being written, the
    // loop comes round a few times.
    void expect_to_go_in_pieces(std::size_t in_one_batch = kInOneBatch) {
        pass(2h);
        std::size_t gone = 0;
        for (int batch = 0; gone < kMany && batch < 200; ++batch) {
            for (int i = 0; i < 200; ++i) step();
            EXPECT_GT(machine.wake_at(), now.at) << "it would come round in vain";
            const Changes changes = machine.take_changes();
            EXPECT_LE(changes.jobs_gone.size(), in_one_batch);
            gone += changes.jobs_gone.size();
            disk.write(changes);
            EXPECT_EQ(machine.wake_at() <= now.at, gone < kMany);
        }
        EXPECT_EQ(gone, kMany);
        EXPECT_EQ(machine.jobs(), 0u);
        EXPECT_TRUE(disk.read().jobs.empty());
    }
};

TEST_F(GoesTest, JobsThatWereFinishedAtOnce) {
    finish_many();
    expect_to_go_in_pieces();
}

TEST_F(GoesTest, FewerOfThoseThatLieApartInTheFile) {
    finish_many(50);
    expect_to_go_in_pieces(kApartInOneBatch);
}

TEST_F(GoesTest, TheMembersOfAGroup) {
    cancel_many_together();
    expect_to_go_in_pieces();
}

TEST_F(GoesTest, TwiceAsManyMayGoAsCome) {
    finish_many();
    const std::size_t gone = gone_while_come(2'000);
    EXPECT_GE(gone, 2 * 2'000u) << "or what comes would pile up";
    EXPECT_LE(gone, kInOneBatch + 2 * 2'000);
}

TEST_F(GoesTest, OfThoseThatLieApartAsManyAsCome) {
    finish_many(50);
    const std::size_t gone = gone_while_come(2'000);
    EXPECT_GE(gone, 2'000u);
    EXPECT_LE(gone, kApartInOneBatch + 2'000);
}

} // namespace
} // namespace penstock::sink
