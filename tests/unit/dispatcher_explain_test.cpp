// Where a job stands, when it will start, and why it does not run yet.

#include "tests/support/virtual_house.hpp"
#include "tests/unit/dispatcher_fixture.hpp"

#include <cmath>
#include <map>
#include <random>

namespace penstock::ventilator {
namespace {

using testing::VirtualHouse;

class ExplainTest : public DispatcherTest {
protected:
    Explanation explain(JobNumber number) { return machine.explain(number, now); }

    std::uint64_t position(JobNumber number) {
        return machine.positions({{number}}, now).rows.at(0).position;
    }

    Terms with(int priority, const std::string& tenant = "") {
        Terms t = terms("echo");
        t.priority = priority;
        t.tenant = tenant;
        return t;
    }
};

TEST_F(ExplainTest, PositionsCountFromOneInTheOrderOfService) {
    submit_stored(with(4), {"a", "b"});
    submit_stored(with(4), {"c"});
    submit_stored(with(9), {"d"});
    submit_stored(with(4, "T"), {"e"});
    // d first; then tenants take turns, and in the first one's turns requests do: a e c b
    EXPECT_EQ(position(4), 1u);
    EXPECT_EQ(position(1), 2u);
    EXPECT_EQ(position(5), 3u);
    EXPECT_EQ(position(3), 4u);
    EXPECT_EQ(position(2), 5u);
    join_up(join("w", 5, {"echo"}));
    EXPECT_EQ(sent_ids(), (Ids{"d", "a", "e", "c", "b"}));
    EXPECT_EQ(position(1), 0u) << "it is not queued any more";
    EXPECT_EQ(position(99), 0u);
}

TEST_F(ExplainTest, NobodyCanSayWhenAJobStartsThatNoWorkerTakes) {
    submit_stored(with(4), {"a"});
    EXPECT_LT(explain(1).start_in, 0);
}

TEST_F(ExplainTest, SaysWhatIsMissing) {
    submit_stored(with(4), {"a"});
    EXPECT_EQ(explain(1).why, "no-worker");
    EXPECT_NE(explain(1).text.find("--kinds echo"), std::string::npos);

    Join urgent = join("urgent", 1, {"echo"});
    urgent.min_priority = 7;
    join_up(urgent);
    EXPECT_EQ(explain(1).why, "no-worker");
    EXPECT_NE(explain(1).text.find("no priority below 7"), std::string::npos);

    Terms needy = with(8);
    needy.needs = {"eu", "gpu"};
    submit_stored(needy, {"b"});
    EXPECT_EQ(explain(2).why, "no-worker");
    EXPECT_NE(explain(2).text.find("--labels eu,gpu"), std::string::npos);
}

TEST_F(ExplainTest, SaysWhereAJobStands) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(with(4), {"a", "b", "c"});
    EXPECT_EQ(explain(3).why, "position");
    EXPECT_EQ(explain(3).position, 2u);
    EXPECT_NE(explain(3).text.find("number 2 of 2"), std::string::npos);
    EXPECT_EQ(explain(1).why, "running");
    EXPECT_NE(explain(1).text.find("`w`"), std::string::npos);
}

TEST_F(ExplainTest, SaysWhatAJobWaitsFor) {
    machine.on(submit(with(4), {"a"}), now, out);
    step();
    ++next_number;
    EXPECT_EQ(explain(1).why, "storing");
    Terms later = with(4);
    later.delay = 30s;
    submit_stored(later, {"b"});
    EXPECT_EQ(explain(2).why, "delayed");
    EXPECT_NEAR(explain(2).start_in, 30, 0.01);
    submit_stored(with(4), {"c"});
    machine.sink_down();
    EXPECT_EQ(explain(3).why, "sink-away");
    EXPECT_FALSE(explain(77).known);
}

TEST_F(ExplainTest, SaysThatAKindIsPausedOrAtItsLimit) {
    join_up(join("w", 2, {"echo"}));
    submit_stored(with(4), {"a", "b", "c"});
    KindSettings settings;
    settings.max_running = 2;
    tell(Kinds{{{"echo", settings}}});
    EXPECT_EQ(explain(3).why, "max-running");
    settings.paused = true;
    tell(Kinds{{{"echo", settings}}});
    EXPECT_EQ(explain(3).why, "paused");
    EXPECT_NE(explain(3).text.find("penstock resume echo"), std::string::npos);
}

TEST_F(ExplainTest, CountsInWords) {
    join_up(join("w", 1, {"echo"}));
    submit_stored(with(4), {"a", "b"});
    EXPECT_NE(explain(2).text.find("wait for the one slot of its kind"), std::string::npos);
    KindSettings settings;
    settings.max_running = 1;
    tell(Kinds{{{"echo", settings}}});
    EXPECT_NE(explain(2).text.find("1 job of the kind runs, and no more may"), std::string::npos);
    Terms needy = with(8);
    needy.needs = {"gpu"};
    submit_stored(needy, {"c"});
    EXPECT_NE(explain(3).text.find("The one worker with the kind `echo` has not all the labels"),
              std::string::npos);
}

TEST_F(ExplainTest, SaysARateAsItWasSet) {
    KindSettings settings;
    settings.rate = 0.5;
    tell(Kinds{{{"echo", settings}}});
    join_up(join("w", 2, {"echo"}));
    submit_stored(with(4), {"a", "b"});
    EXPECT_EQ(explain(2).why, "rate");
    EXPECT_NE(explain(2).text.find("may start 0.5 a second"), std::string::npos) << explain(2).text;
}

TEST_F(ExplainTest, SaysThatASuspectWaitsForAWorkerOfItsOwn) {
    const LaneId first = join_up(join("w", 1, {"echo"}));
    submit_stored(with(4), {"a"});
    machine.lane_down(first, out);
    join_up(join("v", 1, {"echo"}));
    submit_stored(with(4), {"b"});
    tell(Open{{{1, 1}}});
    EXPECT_EQ(explain(1).why, "suspect");
    EXPECT_EQ(explain(1).position, 1u);
}

TEST_F(ExplainTest, SaysThatWorkersAreSilentOrThatTheVentilatorLeaves) {
    Join sdk = join("w", 1, {"echo"});
    sdk.heartbeats = true;
    join_up(sdk);
    submit_stored(with(4), {"a", "b"});
    for (int i = 0; i < 8; ++i) pass(250ms);
    EXPECT_EQ(explain(2).why, "workers-silent");
    machine.drain();
    EXPECT_EQ(explain(2).why, "draining");
}

// What was said of each job, against what then happened to it: kinds beside each other, priorities,
// tenants, bulks. Nobody comes later.
class Estimates : public ::testing::Test {
protected:
    Estimates() {
        house.worker(join("w", 6, {"a", "b"}));
        house.worker(join("v", 2, {"a"}));
        for (int i = 0; i < 200; ++i) {
            Terms t = terms(random() % 2 == 0 ? "a" : "b");
            t.tenant = std::string(1, static_cast<char>('A' + random() % 3));
            t.priority = static_cast<int>(4 + random() % 2);
            house.submit(0s, t, 1 + static_cast<int>(random() % 40), [this] {
                return std::chrono::milliseconds(50 + static_cast<int>(random() % 100));
            });
        }
        house.run_until(10s); // it has measured by now
        asked = house.now();
        begun = house.started().size();
        AskPosition all;
        for (JobNumber n = 1; n <= house.trips().size(); ++n) all.numbers.push_back(n);
        said = house.machine().positions(all, asked);
        house.run_until(1000s);
    }

    template <class Each>
    void for_each_that_waited(Each each) { // in the order in which they then started
        for (std::size_t i = begun; i < house.started().size(); ++i) {
            const std::size_t job = house.started()[i];
            each(house.trips()[job], said.rows[job]);
        }
    }

    std::mt19937_64 random{11};
    VirtualHouse house;
    Instant asked{};
    std::size_t begun = 0;
    Positions said;
};

TEST_F(Estimates, ThePositionIsTheOneInWhichTheJobIsStarted) {
    std::map<std::string, std::uint64_t> place; // of a kind
    for_each_that_waited([&](const VirtualHouse::Trip& trip, const Positions::Row& row) {
        EXPECT_EQ(row.position, ++place[trip.terms.kind]) << trip.id;
    });
    EXPECT_GT(place["a"], 500u);
    EXPECT_GT(place["b"], 500u);
}

// Afterwards the kind that has jobs of the highest priority left has all workers to itself, which
// nobody knew when the estimate was made.
TEST_F(Estimates, TheStartIsNearWhatWasSaidAsLongAsTheSameKindsWaitAtTheTop) {
    std::map<std::string, Instant> last;
    for_each_that_waited([&](const VirtualHouse::Trip& trip, const Positions::Row&) {
        if (trip.terms.priority == 5) last[trip.terms.kind] = trip.started;
    });
    const Instant until = std::min(last["a"], last["b"]);
    double worst = 0;
    int checked = 0;
    for_each_that_waited([&](const VirtualHouse::Trip& trip, const Positions::Row& row) {
        if (trip.started > until) return;
        const double waited = seconds(trip.started - asked);
        worst = std::max(worst, std::abs(row.start_in - waited) / std::max(waited, 1.0));
        ++checked;
    });
    EXPECT_GT(checked, 400);
    EXPECT_LT(worst, 0.2);
}

} // namespace
} // namespace penstock::ventilator
