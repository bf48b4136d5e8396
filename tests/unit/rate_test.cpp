// So many a second, and no more.

#include "tests/support/jobs.hpp"
#include "ventilator/rate.hpp"

#include <gtest/gtest.h>

namespace penstock::ventilator {
namespace {

using namespace penstock::testing;

TEST(Rate, TheFirstMayStartAtOnceAndTheNextAfterAnInterval) {
    Rate rate;
    ASSERT_EQ(rate.room(2, at(0s)), 1u);
    rate.take(2, 1, at(0s));
    EXPECT_EQ(rate.room(2, at(0s)), 0u);
    EXPECT_EQ(rate.room(2, at(489ms)), 0u);
    EXPECT_EQ(rate.wake_at(), at(490ms)); // less what a late wake-up may cost
    EXPECT_EQ(rate.room(2, at(490ms)), 1u);
}

TEST(Rate, NothingIsSavedUpWhileNoneCome) {
    Rate rate;
    rate.take(10, 1, at(0s));
    EXPECT_EQ(rate.room(10, at(3600s)), 1u);
}

TEST(Rate, LateWakeUpsCostNothing) {
    Rate rate;
    Instant now = at(0s);
    int started = 0;
    for (; now < at(100s); now = rate.wake_at() + 3ms) { // always three milliseconds late
        ASSERT_GE(rate.room(50, now), 1u);
        rate.take(50, 1, now);
        ++started;
    }
    EXPECT_NEAR(started, 5000, 2);
}

TEST(Rate, MoreThanOneAMillisecondStartTogether) {
    Rate rate;
    std::uint64_t started = 0;
    for (Instant now = at(0s); now < at(1s); now += 1ms) {
        const std::uint64_t room = rate.room(100'000, now);
        if (room > 0) rate.take(100'000, room, now);
        started += room;
    }
    EXPECT_LE(started, 101'001u); // a second's worth, and a hundredth
    EXPECT_GE(started, 99'900u);
}

TEST(Rate, AnIntervalOfASlowerRateIsNotWaitedOut) {
    Rate rate;
    rate.take(1.0 / 3600, 1, at(0s));
    EXPECT_EQ(rate.room(10, at(1s)), 0u);
    rate.restart(10, at(1s));
    EXPECT_EQ(rate.room(10, at(1100ms)), 1u);
}

} // namespace
} // namespace penstock::ventilator
