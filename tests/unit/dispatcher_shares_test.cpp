// Who gets the workers' time while more is asked of them than they can do. Seeded, in virtual time.

#include "tests/support/virtual_house.hpp"
#include "tests/unit/dispatcher_fixture.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

namespace penstock::ventilator {
namespace {

using testing::VirtualHouse;
using Trip = VirtualHouse::Trip;

Terms terms_of(const std::string& kind, int priority = 4, const std::string& tenant = "") {
    Terms t = terms(kind);
    t.priority = priority;
    t.tenant = tenant;
    return t;
}

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

double busy_seconds(const VirtualHouse& house, const std::string& kind, Instant until) {
    double all = 0;
    for (const Trip& trip : house.trips()) {
        if (trip.terms.kind == kind && trip.ended <= until) all += seconds(trip.run);
    }
    return all;
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

// ---- whatever the seed ----------------------------------------------------------------------

class Draw { // of one seed
public:
    explicit Draw(std::uint64_t seed) : random_(seed) {}

    int operator()(int low, int high) {
        return std::uniform_int_distribution<int>(low, high)(random_);
    }

    // Workers that take all of these kinds; how many slots they have together.
    std::uint32_t workers(VirtualHouse& house, const std::vector<std::string>& kinds) {
        std::uint32_t slots = 0;
        for (int i = (*this)(1, 3); i > 0; --i) {
            const auto own = static_cast<std::uint32_t>((*this)(1, 3));
            Join worker = join("w" + std::to_string(i), own, {});
            worker.kinds = kinds;
            house.worker(worker);
            slots += own;
        }
        return slots;
    }

private:
    std::mt19937_64 random_;
};

constexpr std::uint64_t kSeeds = 50;

TEST(SharesOfAnySeed, KindsHaveTheTimeThatTheirWeightsSay) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Draw draw(seed);
        VirtualHouse house;
        const std::vector<std::string> names = {"a", "b", "c", "d"};
        const std::vector<std::string> kinds(names.begin(), names.begin() + draw(2, 4));
        const double slots = draw.workers(house, kinds);
        std::vector<double> weights;
        for (const auto& kind : kinds) {
            weights.push_back(0.5 * draw(1, 8));
            house.weight(kind, weights.back());
            const Duration run = std::chrono::milliseconds(draw(5, 40));
            house.submit(0s, terms_of(kind), static_cast<int>(slots * 10s / run) + 100, run);
        }
        house.run_until(10s);
        const double weight = std::accumulate(weights.begin(), weights.end(), 0.0);
        double busy = 0;
        for (std::size_t k = 0; k < kinds.size(); ++k) {
            const double own = busy_seconds(house, kinds[k], at(10s));
            EXPECT_NEAR(own / (10 * slots), weights[k] / weight, 0.05) << "kind " << kinds[k];
            busy += own;
        }
        EXPECT_GT(busy, 10 * slots * 0.95) << "no slot stands idle";
    }
}

TEST(SharesOfAnySeed, TenantsHaveEqualTurnsHoweverMuchEachWants) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Draw draw(seed);
        VirtualHouse house;
        const std::uint32_t slots = draw.workers(house, {"a"});
        const int tenants = draw(2, 6);
        const Duration run = std::chrono::milliseconds(draw(2, 40)); // a turn is one job
        const auto fits = static_cast<int>(slots * 5s / run);
        for (int t = 0; t < tenants; ++t) { // each wants at least its share, some all of the time
            const Terms own = terms_of("a", 4, "t" + std::to_string(t));
            for (int left = draw(fits / tenants + 1, 2 * fits); left > 0;) {
                const int part = std::min(left, draw(1, 500));
                house.submit(0s, own, part, run);
                left -= part;
            }
        }
        house.run_until(5s);
        std::map<std::string, int> started;
        for (const std::size_t trip : house.started()) ++started[house.trips()[trip].terms.tenant];
        const auto [least, most] = std::minmax_element(
            started.begin(), started.end(),
            [](const auto& x, const auto& y) { return x.second < y.second; });
        EXPECT_EQ(started.size(), static_cast<std::size_t>(tenants));
        // The first one's first jobs found every slot free.
        EXPECT_LE(most->second - least->second, static_cast<int>(slots) + 1);
    }
}

TEST(SharesOfAnySeed, ASingleJobWaitsForOneTurnOfEachRequestBeforeIt) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Draw draw(seed);
        VirtualHouse house;
        const std::uint32_t slots = draw.workers(house, {"a"});
        const Duration run = std::chrono::milliseconds(draw(2, 40));
        const int bulks = draw(1, 6);
        for (int b = 0; b < bulks; ++b) {
            house.submit(std::chrono::milliseconds(draw(0, 200)), terms_of("a"),
                         static_cast<int>(slots * 10s / run), run);
        }
        Terms single = terms_of("a");
        single.tags = {"single"};
        const int singles = draw(5, 30);
        for (int i = 0; i < singles; ++i) {
            house.submit(std::chrono::milliseconds(draw(300, 4'000)), single, 1, run);
        }
        house.run_until(5s);
        for (std::size_t mine = 0; mine < house.trips().size(); ++mine) {
            const Trip& trip = house.trips()[mine];
            if (trip.terms.tags.empty()) continue;
            ASSERT_NE(trip.started, kNever);
            const auto before = std::count_if(
                house.started().begin(), house.started().end(), [&](std::size_t other) {
                    const Trip& t = house.trips()[other];
                    return t.started >= trip.arrived && t.started < trip.started;
                });
            // One of each bulk in the round under way and one in its own, the other singles, and what
            // was on its way to a slot.
            EXPECT_LE(before, 2 * bulks + singles + static_cast<int>(slots));
        }
    }
}

// ---- ageing ---------------------------------------------------------------------------------

// When a job of low priority starts beside more jobs of a high one than there is room for.
Instant start_of_the_last(Duration ageing, Duration end, int low = 0, int high = 9) {
    VirtualHouse house(ageing);
    house.worker(join("w", 1, {"a", "b"}));
    for (Duration when = 0s; when < end; when += 900ms) {
        house.submit(when, terms_of("a", high), 1, 1s);
    }
    house.submit(1s, terms_of("b", low), 1, 1s);
    house.run_until(end);
    for (const Trip& trip : house.trips()) {
        if (trip.terms.kind == "b") return trip.started;
    }
    return kNever;
}

TEST(Ageing, AJobOfTheLowestPriorityStartsWhenItHasWaitedNineSteps) {
    // Those of priority 9 wait too, as there are more than fit: it overtakes what came nine steps
    // after it.
    const Instant start = start_of_the_last(10s, 300s);
    EXPECT_GT(start, at(89s));
    EXPECT_LT(start, at(110s));
}

TEST(Ageing, AnyTwoPrioritiesAreAsManyStepsApart) {
    for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Draw draw(seed);
        const int low = draw(0, 8), high = draw(low + 1, 9);
        const double step = draw(5, 30);
        const double apart = (high - low) * step;
        const Instant start = start_of_the_last(from_seconds(step), from_seconds(2 * apart + 20), low, high);
        ASSERT_NE(start, kNever);
        const double waited = seconds(start - at(1s));
        EXPECT_GT(waited, apart - step / 4 - 1);
        // Those of the high priority wait longer and longer: a second in ten.
        EXPECT_LT(waited, apart / 0.9 + step / 2 + 3);
    }
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
