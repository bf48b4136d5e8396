// Shares, turns and ageing, whatever the seed draws: weights, run times, workers, tenants, requests.

#include "tests/support/shares.hpp"
#include "tests/unit/dispatcher_fixture.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <random>

namespace penstock::ventilator {
namespace {

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

// Each of fifty seeds with an empty house.
template <class Test>
void with_any_seed(Test test) {
    for (std::uint64_t seed = 1; seed <= 50; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Draw draw(seed);
        VirtualHouse house;
        test(draw, house);
    }
}

TEST(SharesOfAnySeed, KindsHaveTheTimeThatTheirWeightsSay) {
    with_any_seed([](Draw& draw, VirtualHouse& house) {
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
    });
}

TEST(SharesOfAnySeed, TenantsHaveEqualTurnsHoweverMuchEachWants) {
    with_any_seed([](Draw& draw, VirtualHouse& house) {
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
    });
}

TEST(SharesOfAnySeed, ASingleJobWaitsForOneTurnOfEachRequestBeforeIt) {
    with_any_seed([](Draw& draw, VirtualHouse& house) {
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
    });
}

TEST(AgeingOfAnySeed, TwoPrioritiesAreAsManyStepsApart) {
    with_any_seed([](Draw& draw, VirtualHouse&) {
        const int low = draw(0, 8), high = draw(low + 1, 9);
        const double step = draw(5, 30);
        const double apart = (high - low) * step;
        const Duration end = from_seconds(2 * apart + 20);
        const Instant start = start_of_the_last(from_seconds(step), end, low, high);
        ASSERT_NE(start, kNever);
        const double waited = seconds(start - at(1s));
        EXPECT_GT(waited, apart - step / 4 - 1);
        // Those of the high priority wait longer and longer: a second in ten.
        EXPECT_LT(waited, apart / 0.9 + step / 2 + 3);
    });
}

} // namespace
} // namespace penstock::ventilator
