// Groups where little is kept: what is over a limit, and what goes before its group does.

#include "tests/unit/ledger_groups_fixture.hpp"

namespace penstock::sink {
namespace {

struct LargeResultsTest : GroupsTest {
    static Limits small() {
        Limits limits;
        limits.finished_bytes_max = 100;
        return limits;
    }

    LargeResultsTest() : GroupsTest(small()) {}
};

TEST_F(LargeResultsTest, MoreThanMayBeKeptEndTheGroup) {
    open(chord({"a", "b", "c"}));
    take_all();
    const std::string value = std::string("\xc4\x80", 2) + std::string(128, 'x');
    machine.on(Result{1, "w", "", {{id("a"), 1, 5, value, {}}}}, now, out);
    step();
    // What is open of it is stopped, and its callback hears why. The group itself is let go of.
    EXPECT_EQ(offered(), Names{"alas"});
    EXPECT_NE(payload_on_offer("alas").find("results-too-large"), std::string::npos);
}

struct SmallGroupsTest : GroupsTest {
    static Limits small(std::size_t finished_max = 0) {
        Limits limits;
        limits.open_max = 3;
        limits.finished_max = finished_max;
        return limits;
    }

    explicit SmallGroupsTest(const Limits& limits = small()) : GroupsTest(limits) {}
};

struct KeepsOneTest : SmallGroupsTest {
    KeepsOneTest() : SmallGroupsTest(small(1)) {}
};

TEST_F(KeepsOneTest, ACallbackThatGoesWhileTheOtherIsCancelledIsLeftAlone) {
    open(chord({"a"}));
    ask(AskCancel{id("alas")});
    ASSERT_EQ(answer<CancelAnswer>().result, CancelResult::cancelled);
    ask(CancelGroup{id("g")}); // `then` ends, and takes `alas` out of memory
    ask(AskStatus{id("alas"), false});
    EXPECT_EQ(answer<JobAnswer>().found, Found::unknown);
    EXPECT_EQ(machine.open_jobs(), 0u);
}

TEST_F(KeepsOneTest, ACallbackThatGoesWhileTheOtherFailsIsLeftAlone) {
    open(chord({"a"}));
    ask(AskCancel{id("alas")});
    take_all();
    const std::string deep = std::string(kDepthMax, '\x91') + '\xc0';
    machine.on(Result{1, "w", "", {{id("a"), 1, 5, deep, {}}}}, now, out);
    step(); // too deep for `then`, in an array: it ends, and takes `alas` out of memory
    ask(AskStatus{id("alas"), false});
    EXPECT_EQ(answer<JobAnswer>().found, Found::unknown);
    EXPECT_EQ(machine.open_jobs(), 0u);
}

TEST_F(SmallGroupsTest, RefusesWhatIsOverTheLimits) {
    const GroupAnswer refused = open(chord({"a", "b"}));
    EXPECT_EQ(refused.found, Found::refused);
    EXPECT_EQ(refused.why, "jobs-full");
    EXPECT_EQ(open(group(GroupMode::all, {"a", "b", "c"})).found, Found::found);
}

TEST_F(SmallGroupsTest, ACallbackOutlivesItsGroup) {
    OpenGroup m = group(GroupMode::all, {"a"});
    m.then = OpenGroup::Callback{id("then"), terms("sum"), {}};
    open(m);
    take_all();
    end("a"); // nothing finished is kept here
    EXPECT_EQ(offered(), Names{"then"});
    EXPECT_EQ(look().found, Found::unknown);
    EXPECT_TRUE(status("then").group.empty());
    take_all();
    end("then");
    ask(AskStats{});
    EXPECT_EQ(answer<SinkStats>().finished_jobs, 0u);
}

TEST_F(SmallGroupsTest, EndingAtOnceIsNoTrouble) {
    OpenGroup m = group(GroupMode::chain, {"a", "b"});
    m.then = OpenGroup::Callback{id("then"), terms("sum"), {}};
    open(m);
    ask(CancelGroup{id("g")});
    EXPECT_EQ(answer<GroupAnswer>().found, Found::found);
    pass(1s);
    ask(AskStats{});
    const auto stats = answer<SinkStats>();
    EXPECT_EQ(stats.open_jobs + stats.finished_jobs, 0u);
}

} // namespace
} // namespace penstock::sink
