// When a job will start, of a kind that is limited.

#include "tests/support/virtual_house.hpp"
#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

using testing::VirtualHouse;

class EstimatesOfALimitedKind : public ::testing::Test {
protected:
    // 100 jobs of 100 ms each; 16 slots, of which the kind may use two.
    EstimatesOfALimitedKind() {
        house.worker(join("w", 16, {"a"}));
        limit_to(2);
        house.submit(0s, terms("a"), 100, 100ms);
        house.run_until(2s);
    }

    void limit_to(std::uint32_t most) {
        settings.max_running = most;
        house.set("a", settings);
    }

    double last_starts_in() {
        return house.machine().positions({{100}}, house.now()).rows.at(0).start_in;
    }

    KindSettings settings;
    VirtualHouse house;
};

TEST_F(EstimatesOfALimitedKind, CountNoSlotsThatItMayNotUse) {
    const double said = last_starts_in();
    house.run_until(1000s);
    EXPECT_NEAR(said, seconds(house.trips().at(99).started - at(2s)), 0.1);
}

TEST_F(EstimatesOfALimitedKind, FollowAChangeOfTheLimitAtOnce) {
    const double before = last_starts_in();
    limit_to(8);
    EXPECT_NEAR(last_starts_in(), before / 4, before / 100);
}

TEST_F(EstimatesOfALimitedKind, AreNoFasterThanItsRate) {
    const double jobs_ahead = last_starts_in() * 20;
    settings.rate = 1;
    limit_to(2);
    EXPECT_NEAR(last_starts_in(), jobs_ahead, 1);
}

TEST_F(EstimatesOfALimitedKind, KnowWhenTheNextOneMayStart) {
    settings.rate = 0.1;
    limit_to(2);
    house.run_until(60s); // one has started since
    const Instant asked = house.now();
    const double said = last_starts_in();
    house.run_until(2000s);
    EXPECT_NEAR(said, seconds(house.trips().at(99).started - asked), 0.1);
}

TEST_F(EstimatesOfALimitedKind, AreNotMadeWhileItIsPaused) {
    settings.paused = true;
    limit_to(2);
    EXPECT_LT(last_starts_in(), 0);
}

TEST_F(EstimatesOfALimitedKind, AreNoSlowerAfterAPause) {
    const double before = last_starts_in();
    settings.paused = true;
    limit_to(2);
    house.run_until(60s);
    settings.paused = false;
    limit_to(2);
    house.run_until(60s);
    house.run_until(60s + 450ms); // five rounds
    EXPECT_NEAR(last_starts_in(), before - 0.5, 0.05);
}

} // namespace
} // namespace penstock::ventilator
