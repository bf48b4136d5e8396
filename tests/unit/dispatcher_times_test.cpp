// How long jobs were queued, as the ventilator says it with them.

#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

class DispatcherTimes : public DispatcherTest {
protected:
    // Of each message of jobs that went to a lane: how long they were queued, and how many.
    using Queued = std::vector<std::pair<std::uint64_t, std::size_t>>;

    [[nodiscard]] Queued queued() const {
        Queued times;
        for (const auto& to : said.to_lanes) {
            const auto* batch = std::get_if<JobBatch>(&to.message);
            if (batch != nullptr) times.emplace_back(batch->queued_us, batch->rows.size());
        }
        return times;
    }

    void join_wide() {
        Join wide = join("w", 100, {"echo"});
        wide.batch = true;
        join_up(wide);
    }
};

TEST_F(DispatcherTimes, AJobSaysHowLongItWasQueued) {
    submit_stored(terms("echo"), {"a"});
    pass(250ms);
    join_wide();
    EXPECT_EQ(queued(), (Queued{{250'000, 1}}));
}

TEST_F(DispatcherTimes, NoTimeAtAllIsAMicrosecond) {
    join_wide();
    submit_stored(terms("echo"), {"a"});
    EXPECT_EQ(queued(), (Queued{{1, 1}}));
}

TEST_F(DispatcherTimes, JobsThatWereQueuedForAboutAsLongShareAMessage) {
    submit_stored(terms("echo"), {"a"});
    pass(10ms);
    submit_stored(terms("echo"), {"b"}); // 110 and 100 ms in the end: within a tenth and 1 ms
    pass(50ms);
    submit_stored(terms("echo"), {"c", "d"});
    pass(50ms);
    join_wide();
    EXPECT_EQ(queued(), (Queued{{110'000, 2}, {50'000, 2}}));
}

TEST_F(DispatcherTimes, ADelayIsNoTimeInTheQueue) {
    Terms later = terms("echo");
    later.delay = 5s;
    submit_stored(later, {"a"});
    pass(5s);
    pass(20ms);
    join_wide();
    ASSERT_EQ(queued().size(), 1u);
    EXPECT_LE(queued()[0].first, 21'000u);
}

} // namespace
} // namespace penstock::ventilator
