// The timer wheel, in virtual time.

#include "protocol/retry_policy.hpp"
#include "tables/timer_wheel.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <vector>

namespace penstock {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart = Instant(std::chrono::hours(5)) + 123'456ns;

TEST(TimerWheel, SleepsForeverWithoutTimers) {
    TimerWheel wheel(kStart);
    EXPECT_EQ(wheel.wake_at(), kNever);
    wheel.arm(3, kStart + 5ms);
    wheel.disarm(3);
    wheel.disarm(4);
    EXPECT_EQ(wheel.wake_at(), kNever);
    EXPECT_EQ(wheel.armed(), 0u);
}

TEST(TimerWheel, FiresWhatIsInThePastAtTheNextLook) {
    TimerWheel wheel(kStart);
    wheel.arm(1, kStart - 10s);
    std::vector<Index> fired;
    EXPECT_LE(wheel.wake_at(), kStart + 1ms);
    wheel.expire(wheel.wake_at(), [&](Index i) { fired.push_back(i); });
    EXPECT_EQ(fired, std::vector<Index>{1});
}

TEST(TimerWheel, ArmingAnewForgetsTheOldTime) {
    TimerWheel wheel(kStart);
    wheel.arm(1, kStart + 10ms);
    wheel.arm(1, kStart + 50ms);
    int fired = 0;
    wheel.expire(kStart + 40ms, [&](Index) { ++fired; });
    EXPECT_EQ(fired, 0);
    wheel.expire(kStart + 51ms, [&](Index) { ++fired; });
    EXPECT_EQ(fired, 1);
}

TEST(TimerWheel, ATimerMayBeArmedWhileItFires) {
    TimerWheel wheel(kStart);
    wheel.arm(1, kStart + 10ms);
    Instant now = kStart;
    int fired = 0;
    while (fired < 5) {
        now = wheel.wake_at();
        ASSERT_NE(now, kNever);
        wheel.expire(now, [&](Index i) {
            ++fired;
            wheel.arm(i, now + 10ms);
        });
    }
    EXPECT_GE(now, kStart + 50ms);
    EXPECT_LE(now, kStart + 55ms);
}

// Against a sorted map; `ahead_max` says how far ahead timers are armed, `sleep_max` for how long
// nobody looks though wake_at has passed.
void compare_with_multimap(std::uint64_t seed, Duration ahead_max, Duration sleep_max) {
    constexpr Index kTimers = 300;
    TimerWheel wheel(kStart);
    std::map<Index, Instant> wish;
    Chance chance(seed);
    const auto random = [&](Duration most) {
        return Duration(
            static_cast<std::int64_t>(chance.unit() * static_cast<double>(most.count())));
    };
    Instant now = kStart;
    for (int step = 0; step < 4'000; ++step) {
        for (std::uint64_t i = chance.bits() % 6; i > 0; --i) {
            const auto index = static_cast<Index>(chance.bits() % kTimers);
            if (chance.bits() % 3 == 0) {
                wheel.disarm(index);
                wish.erase(index);
            } else {
                const Instant when = now + random(ahead_max);
                wheel.arm(index, when);
                wish[index] = when;
            }
        }
        ASSERT_EQ(wheel.armed(), wish.size());
        const Instant wake = wheel.wake_at();
        Instant first = kNever;
        for (const auto& [index, when] : wish) first = std::min(first, when);
        ASSERT_LE(wake, first == kNever ? kNever : std::max(first, now) + 1ms);
        const bool late = chance.bits() % 4 == 0;
        now = std::max(now, wake == kNever ? now + 1ms : wake) + (late ? random(sleep_max) : 0ns);
        wheel.expire(now, [&](Index index) {
            const auto at = wish.find(index);
            ASSERT_NE(at, wish.end()) << "it was not armed";
            ASSERT_LE(at->second, now) << "too early";
            wish.erase(at);
        });
        for (const auto& [index, when] : wish) ASSERT_GT(when + 1ms, now) << "too late";
    }
}

TEST(TimerWheel, IsNeverEarlyAndAtMostAMillisecondLate) {
    compare_with_multimap(1, 50ms, 0ms);
    compare_with_multimap(2, 5s, 20ms);
}

TEST(TimerWheel, HoldsTimersFurtherAheadThanOneTurn) {
    compare_with_multimap(3, std::chrono::minutes(10), 100ms);
    compare_with_multimap(4, std::chrono::hours(24 * 365), 1s);
}

TEST(TimerWheel, SurvivesASleepOfManyTurns) {
    compare_with_multimap(5, std::chrono::minutes(10), std::chrono::minutes(30));
    compare_with_multimap(6, 100ms, std::chrono::hours(100));
}

} // namespace
} // namespace penstock
