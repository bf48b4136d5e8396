// Who gets the workers' time while more is asked of them than they can do. Seeded, in virtual time.

#include "tests/support/shares.hpp"
#include "tests/unit/dispatcher_fixture.hpp"

#include <algorithm>
#include <random>

namespace penstock::ventilator {
namespace {

// Jobs of somebody patient: one after the other at random moments, as often as that.
void trickle(VirtualHouse& house, const Terms& terms, Duration every, Duration until,
             Duration run) {
    std::mt19937_64 random(5);
    std::exponential_distribution<double> gap(1 / seconds(every));
    std::uniform_real_distribution<double> spread(0.5, 1.5);
    for (Duration when = 1s; when < until; when += from_seconds(gap(random))) {
        house.submit(when, terms, 1, [run, spread, random]() mutable {
            return from_seconds(seconds(run) * spread(random));
        });
    }
}

Duration p99(const VirtualHouse& house, const std::function<bool(const Trip&)>& is_own) {
    std::vector<Duration> took;
    for (const Trip& trip : house.trips()) {
        if (is_own(trip)) took.push_back(trip.took());
    }
    std::sort(took.begin(), took.end());
    return took.at(took.size() * 99 / 100);
}

// The trickle's p99 with a flood beside it, by that without.
double slowdown(const Terms& own, const Terms& flood, Duration flood_run) {
    Duration took[2];
    for (const bool flooded : {false, true}) {
        VirtualHouse house;
        house.worker(join("w", 8, {"a", "b"}));
        trickle(house, own, 50ms, 60s, 20ms);
        if (flooded) {
            const auto count = static_cast<int>(8 * 100s / flood_run);
            house.submit(0s, flood, count, flood_run);
        }
        house.run_until(70s);
        took[flooded] = p99(house, [&](const Trip& t) { return t.terms == own; });
    }
    return seconds(took[1]) / seconds(took[0]);
}

TEST(Shares, AKindIsHardlySlowedByAnotherThatFloods) {
    EXPECT_LT(slowdown(terms_of("b"), terms_of("a"), 20ms), 2.0);
    EXPECT_LT(slowdown(terms_of("b"), terms_of("a"), 5ms), 2.0);
}

TEST(Shares, ATenantIsHardlySlowedByAnotherThatFloods) {
    EXPECT_LT(slowdown(terms_of("a", 4, "B"), terms_of("a", 4, "A"), 20ms), 2.0);
}

TEST(Shares, SingleJobsAreHardlySlowedByABulkOfTheSameTenant) {
    Terms bulk = terms_of("a");
    bulk.tags = {"bulk"}; // so that they can be told apart
    EXPECT_LT(slowdown(terms_of("a"), bulk, 20ms), 2.0);
}

TEST(Shares, KindsShareTheTimeOfWorkersByWeightAndNotByTheNumberOfJobs) {
    VirtualHouse house;
    house.worker(join("w", 4, {"a", "b"}));
    house.weight("b", 3);
    house.submit(0s, terms_of("a"), 30'000, 10ms);
    house.submit(0s, terms_of("b"), 10'000, 40ms);
    house.run_until(60s);
    const double a = busy_seconds(house, "a", at(60s)), b = busy_seconds(house, "b", at(60s));
    EXPECT_GT(a + b, 4 * 60 * 0.95) << "no slot stands idle";
    EXPECT_NEAR(b / a, 3, 0.15);
}

TEST(Shares, AKindThatWasIdleHasSavedNothingUp) {
    VirtualHouse house;
    house.worker(join("w", 4, {"a", "b"}));
    house.submit(0s, terms_of("a"), 30'000, 10ms);
    house.submit(30s, terms_of("b"), 30'000, 10ms);
    house.run_until(60s);
    EXPECT_NEAR(busy_seconds(house, "b", at(60s)), 4 * 15, 4);
}

TEST(Shares, TenantsOfAKindHaveEqualShares) {
    VirtualHouse house;
    house.worker(join("w", 4, {"a"}));
    house.submit(0s, terms_of("a", 4, "greedy"), 9'000, 10ms);
    house.submit(0s, terms_of("a", 4, "modest"), 1'000, 10ms);
    house.run_until(5s); // 2,000 jobs of time
    int modest = 0;
    for (const Trip& trip : house.trips()) {
        modest += trip.terms.tenant == "modest" && trip.ended <= at(5s);
    }
    EXPECT_NEAR(modest, 980, 30);
}

// ---- ageing ---------------------------------------------------------------------------------

TEST(Ageing, AJobOfTheLowestPriorityStartsWhenItHasWaitedNineSteps) {
    // Those of priority 9 wait too, as there are more than fit: it overtakes what came nine steps
    // after it.
    const Instant start = start_of_the_last(10s, 300s);
    EXPECT_GT(start, at(89s));
    EXPECT_LT(start, at(110s));
}

TEST(Ageing, WithoutItPrioritiesAreStrict) {
    EXPECT_EQ(start_of_the_last(0s, 300s), kNever);
}

TEST(Ageing, LiftsAllOfAPrioritySoThatSharesHoldAmongThem) {
    VirtualHouse house(1s);
    house.worker(join("w", 4, {"a", "b"}));
    house.submit(0s, terms_of("a"), 40'000, 10ms); // its jobs get very old
    trickle(house, terms_of("b"), 100ms, 60s, 10ms);
    house.run_until(70s);
    EXPECT_LT(p99(house, [](const Trip& t) { return t.terms.kind == "b"; }), 40ms);
}

TEST(Ageing, WhatNobodyCanTakeLiftsNothing) {
    VirtualHouse house(1s);
    house.worker(join("w", 1, {"a"}));
    Terms gpu = terms_of("a", 0);
    gpu.needs = {"gpu"};
    house.submit(0s, gpu, 1, 1s);
    house.submit(100s, terms_of("a", 4), 1, 1s); // keeps the slot
    house.submit(100s, terms_of("a", 0), 1, 1s);
    house.submit(100s, terms_of("a", 4), 1, 1s);
    house.run_until(110s);
    EXPECT_LT(house.trips()[3].started, house.trips()[2].started);
}

// ---- who may take what ----------------------------------------------------------------------

TEST_F(DispatcherTest, AJobGoesOnlyToAWorkerWithTheLabelsThatItNeeds) {
    Join plain = join("plain", 4, {"echo"}), able = join("able", 4, {"echo"});
    able.labels = {"eu", "gpu"};
    const LaneId to_plain = join_up(plain);
    Terms needy = terms("echo");
    needy.needs = {"gpu"};
    submit_stored(needy, {"needy"});
    EXPECT_TRUE(sent.empty());
    submit_stored(terms("echo"), {"any"}); // it is not in the way of others
    ASSERT_EQ(sent_ids(), Ids{"any"});
    EXPECT_EQ(sent[0].lane, to_plain);
    const LaneId to_able = join_up(able);
    ASSERT_EQ(sent_ids(), Ids{"needy"});
    EXPECT_EQ(sent[0].lane, to_able);
}

TEST_F(DispatcherTest, JobsWithoutNeedsLeaveWorkersWithLabelsToThoseThatHaveSome) {
    Join able = join("able", 1, {"echo"});
    able.labels = {"gpu"};
    join_up(able);
    const LaneId plain = join_up(join("plain", 1, {"echo"}));
    submit_stored(terms("echo"), {"any"});
    ASSERT_EQ(sent.size(), 1u);
    EXPECT_EQ(sent[0].lane, plain);
}

TEST_F(DispatcherTest, AWorkerWithALeastPriorityTakesNothingBelowIt) {
    Join urgent = join("urgent", 1, {"echo"});
    urgent.min_priority = 7;
    const LaneId lane = join_up(urgent);
    submit_stored(terms_of("echo", 6), {"low"});
    EXPECT_TRUE(sent.empty());
    submit_stored(terms_of("echo", 7), {"high"});
    ASSERT_EQ(sent_ids(), Ids{"high"});
    EXPECT_EQ(sent[0].lane, lane);
    EXPECT_EQ(machine.workers(now).workers.at(0).min_priority, 7);
}

TEST_F(DispatcherTest, ASuspectToo) {
    Join urgent = join("urgent", 1, {"echo"});
    urgent.min_priority = 7;
    const LaneId lane = join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    machine.lane_down(lane, out);
    join_up(urgent);
    tell(Open{{{1, 1}}});
    EXPECT_TRUE(sent.empty());
    join_up(join("v", 1, {"echo"}));
    EXPECT_EQ(sent_ids(), Ids{"a"});
}

TEST_F(DispatcherTest, ASuspectThatIsCancelledLetsTheWorkerGoThatWasEmptiedForIt) {
    const LaneId first = join_up(join("w", 1, {"echo"}));
    submit_stored(terms("echo"), {"a"});
    join_up(join("v", 2, {"echo"}));
    submit_stored(terms("echo"), {"b"});
    machine.lane_down(first, out);
    tell(Open{{{1, 1}}}); // v is being emptied for it
    submit_stored(terms("echo"), {"c"});
    EXPECT_TRUE(sent.empty());
    tell(Cancel{{1}});
    EXPECT_EQ(sent_ids(), Ids{"c"});
}

TEST_F(DispatcherTest, JobsAreSpreadOverWorkersWithDifferentLabels) {
    for (const char* name : {"x", "y"}) {
        Join j = join(name, 2, {"echo"});
        j.labels = {name};
        join_up(j);
    }
    submit_stored(terms("echo"), {"a", "b"});
    ASSERT_EQ(sent.size(), 2u);
    EXPECT_NE(sent[0].lane, sent[1].lane);
}

// ---- requests -------------------------------------------------------------------------------

TEST_F(DispatcherTest, RowsThatAreApartAreNoRequest) {
    machine.on(submit(terms("echo"), {"a", "b", "c"}), now, out);
    Submit apart = submit(terms("echo"), {"x", "y"});
    apart.apart = true;
    machine.on(std::move(apart), now, out);
    step();
    tell(Stored{{{1, 5}}, {}, {}});
    join_up(join("w", 5, {"echo"}));
    EXPECT_EQ(sent_ids(), (Ids{"a", "x", "y", "b", "c"}));
}

TEST_F(DispatcherTest, PartsOfABulkAreOneRequest) {
    machine.on(submit(terms("echo"), {"a", "b"}), now, out);
    machine.on(submit(terms("echo"), {"x", "y", "z"}), now, out);
    Submit more = submit(terms("echo"), {"c", "d"});
    more.part = 2;
    machine.on(std::move(more), now, out);
    step();
    tell(Stored{{{1, 7}}, {}, {}});
    join_up(join("w", 7, {"echo"}));
    EXPECT_EQ(sent_ids(), (Ids{"a", "x", "b", "y", "z", "c", "d"}));
}

} // namespace
} // namespace penstock::ventilator
