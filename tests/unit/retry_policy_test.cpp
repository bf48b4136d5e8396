#include "protocol/retry_policy.hpp"

#include <gtest/gtest.h>

namespace penstock {
namespace {

using namespace std::chrono_literals;

constexpr double kAlmostOne = 1 - 0x1.0p-53;

TEST(RetryDelay, IsWithinACeilingThatDoubles) {
    EXPECT_EQ(retry_delay(100ms, 1, 0), 0ms);
    EXPECT_EQ(retry_delay(100ms, 1, 0.5), 50ms);
    EXPECT_EQ(retry_delay(100ms, 2, 0.5), 100ms);
    EXPECT_EQ(retry_delay(100ms, 5, 0.5), 800ms);
}

TEST(RetryDelay, StopsGrowingAtAMinute) {
    for (std::uint32_t failures = 11; failures <= 1000; ++failures) {
        EXPECT_LE(retry_delay(100ms, failures, kAlmostOne), kBackoffMax);
        EXPECT_GE(retry_delay(100ms, failures, kAlmostOne), kBackoffMax - 1us);
    }
}

TEST(RetryDelay, ALongerBaseIsItsOwnCeiling) {
    EXPECT_EQ(retry_delay(10min, 1, 0.5), 5min);
    EXPECT_EQ(retry_delay(10min, 20, 0.5), 5min);
    EXPECT_EQ(retry_delay(24h * 3650, 1000, 0.5), 24h * 1825);
}

TEST(RetryDelay, ABaseOfZeroIsAtOnce) {
    EXPECT_EQ(retry_delay(0ms, 30, kAlmostOne), 0ms);
}

TEST(RetryDelay, IsNeverNegativeNorAboveItsCeiling) {
    Chance chance(7);
    for (int i = 0; i < 100'000; ++i) {
        const Duration base(chance.bits() % 1'000'000'000'000);
        const auto failures = static_cast<std::uint32_t>(1 + chance.bits() % 1000);
        const Duration wait = retry_delay(base, failures, chance.unit());
        ASSERT_GE(wait, 0ns);
        ASSERT_LE(wait, std::max(base, kBackoffMax));
    }
}

TEST(Chance, IsTheSameForTheSameSeed) {
    Chance a(1), b(1), c(2);
    EXPECT_EQ(a.bits(), b.bits());
    EXPECT_NE(a.bits(), c.bits());
    // The first number of SplitMix64 for the seed 1234567, as its authors' program prints it.
    EXPECT_EQ(Chance(1234567).bits(), 6457827717110365317ull);
}

TEST(Chance, IsSpreadOverTheUnit) {
    Chance chance(3);
    double sum = 0;
    for (int i = 0; i < 100'000; ++i) {
        const double u = chance.unit();
        ASSERT_GE(u, 0);
        ASSERT_LT(u, 1);
        sum += u;
    }
    EXPECT_NEAR(sum / 100'000, 0.5, 0.01);
}

TEST(Time, SecondsAndBack) {
    EXPECT_EQ(from_seconds(0), 0ns);
    EXPECT_EQ(from_seconds(0.1), 100ms);
    EXPECT_EQ(from_seconds(1e-9), 1ns);
    EXPECT_EQ(from_seconds(315'360'000), 24h * 3650);
    Chance chance(9);
    for (int i = 0; i < 100'000; ++i) { // any number of nanoseconds below 97 days
        const Duration d(chance.bits() % (1ull << 23) * 1'000'000'000 +
                         chance.bits() % 1'000'000'000);
        ASSERT_EQ(from_seconds(seconds(d)), d);
    }
}

} // namespace
} // namespace penstock
