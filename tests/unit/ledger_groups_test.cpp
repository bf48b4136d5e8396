// Groups, chords and chains: what the end of one job is for others.

#include "tests/unit/ledger_groups_fixture.hpp"

#include <algorithm>

namespace penstock::sink {
namespace {

TEST_F(GroupsTest, OffersItsMembersAndTellsHowFarTheyAre) {
    const GroupAnswer opened = open(group(GroupMode::all, {"a", "b", "c"}));
    EXPECT_EQ(opened.found, Found::found);
    EXPECT_EQ(opened.state, State::running);
    EXPECT_EQ(opened.members, 3u);
    EXPECT_EQ(offered(), (Names{"a", "b", "c"}));
    take_all();
    end("b");
    const GroupAnswer seen = look();
    EXPECT_EQ(seen.finished, 1u);
    ASSERT_EQ(seen.jobs.size(), 3u);
    EXPECT_EQ(seen.jobs[1].state, State::succeeded);
    EXPECT_EQ(seen.jobs[1].value, "\x07");
    EXPECT_EQ(seen.jobs[1].group, id("g"));
    EXPECT_EQ(seen.jobs[2].number, 3u);
}

TEST_F(GroupsTest, IsOfferedApartFromOthers) {
    OpenGroup other = group(GroupMode::all, {"c"});
    other.id = id("h");
    machine.ask(3, Request(17), group(GroupMode::all, {"a", "b"}), now, out);
    machine.ask(3, Request(18), other, now, out);
    step();
    ASSERT_EQ(said.takes.size(), 2u);
    EXPECT_EQ(said.takes[0].rows.size(), 2u);
    EXPECT_EQ(said.takes[1].rows.size(), 1u);
}

TEST_F(GroupsTest, SucceedsWhenAllHave) {
    open(group(GroupMode::all, {"a", "b"}));
    take_all();
    end("b");
    EXPECT_EQ(look().state, State::running);
    end("a");
    EXPECT_EQ(look().state, State::succeeded);
}

TEST_F(GroupsTest, CallsBackOnceWithTheResultsInOrder) {
    open(chord({"a", "b"}));
    EXPECT_EQ(status("then").state, State::delayed);
    next_ventilator(); // nobody gets it before its time
    EXPECT_EQ(offered(), (Names{"a", "b"}));
    take_all();
    machine.on(Result{2, "w", "", {{id("b"), 1, 5, Bytes("\x08", 1), {}}}}, now, out);
    machine.on(Result{2, "w", "", {{id("a"), 1, 5, Bytes("\x07", 1), {}}}}, now, out);
    step();
    EXPECT_EQ(offered(), Names{"then"});
    EXPECT_EQ(payload_on_offer("then"), "\x92\x07\x08");
    take_all();
    pass(1s);
    EXPECT_TRUE(offered().empty());
    EXPECT_EQ(status("alas").state, State::cancelled);
    EXPECT_EQ(status("alas").failure.value().code, "not-needed");
}

TEST_F(GroupsTest, TellsAFailureWhatEachMemberCameTo) {
    open(chord({"a", "b"}));
    take_all();
    fail_for_good("a");
    EXPECT_TRUE(offered().empty());
    end("b");
    EXPECT_EQ(offered(), Names{"alas"});
    EXPECT_EQ(look().state, State::failed);
    EXPECT_EQ(status("then").failure.value().code, "not-needed");
}

TEST_F(GroupsTest, AMapOfACallbackGetsItsResults) {
    OpenGroup m = chord({"a"});
    m.then->payload = Bytes("\x81\xa1k\x05", 4);
    open(m);
    take_all();
    end("a");
    EXPECT_EQ(payload_on_offer("then"), "\x82\xa1k\x05\xa7results\x91\x07");
}

TEST_F(GroupsTest, ResultsThatAreTooLargeFailTheCallback) {
    open(chord({"a", "b", "c", "d", "e"}));
    take_all();
    std::string large = "\xc6";
    const std::size_t size = 15u << 20;
    for (int shift = 24; shift >= 0; shift -= 8) large.push_back(static_cast<char>(size >> shift));
    large.append(size, 'x');
    for (const char* job : {"a", "b", "c", "d", "e"}) end(job, {}, large);
    EXPECT_TRUE(offered().empty());
    EXPECT_EQ(status("then").state, State::failed);
    EXPECT_EQ(status("then").failure.value().code, "results-too-large");
    EXPECT_EQ(look(5).state, State::succeeded);
}

TEST_F(GroupsTest, TheFirstSuccessEndsTheOthers) {
    OpenGroup m = chord({"a", "b", "c"});
    m.mode = GroupMode::first;
    open(m);
    take_all();
    fail_for_good("a");
    tell(Started{"w", {{3, 1}}});
    end("b");
    EXPECT_EQ(said.cancel.numbers, std::vector<JobNumber>{3}); // it runs: its worker is told
    EXPECT_EQ(look().state, State::running);
    end("c", Failure{"cancelled", "as it was told", false});
    EXPECT_EQ(look().state, State::succeeded);
    EXPECT_EQ(offered().size(), 0u);
    EXPECT_EQ(status("then").state, State::queued);
}

TEST_F(GroupsTest, AGroupOfWhichNoneWasFirstFails) {
    OpenGroup m = chord({"a", "b"});
    m.mode = GroupMode::first;
    open(m);
    take_all();
    fail_for_good("a");
    fail_for_good("b");
    EXPECT_EQ(look().state, State::failed);
    EXPECT_EQ(status("alas").state, State::queued);
}

TEST_F(GroupsTest, AChainGoesStepByStep) {
    OpenGroup m = group(GroupMode::chain, {"a", "b", "c"});
    m.parts[0].rows[2].payload = Bytes("\x81\xa1k\x05", 4);
    open(m);
    EXPECT_EQ(offered(), Names{"a"});
    take_all();
    end("a");
    EXPECT_EQ(offered(), Names{"b"});
    EXPECT_EQ(payload_on_offer("b"), "\x07");
    take_all();
    end("b", {}, Bytes("\x09", 1));
    EXPECT_EQ(payload_on_offer("c"), "\x82\xa1k\x05\xa8previous\x09");
    take_all();
    end("c");
    EXPECT_EQ(look().state, State::succeeded);
}

TEST_F(GroupsTest, AStepThatFailsEndsItsChain) {
    open(group(GroupMode::chain, {"a", "b", "c"}));
    take_all();
    fail_for_good("a");
    EXPECT_TRUE(offered().empty());
    EXPECT_EQ(look().state, State::failed);
    EXPECT_EQ(status("c").state, State::cancelled);
    EXPECT_EQ(status("c").failure.value().code, "previous-failed");
}

TEST_F(GroupsTest, AStepCancelledAheadOfItsTurnEndsTheChainThere) {
    open(group(GroupMode::chain, {"a", "b", "c"}));
    take_all();
    ask(AskCancel{id("b")});
    EXPECT_EQ(status("a").state, State::queued); // what runs goes on
    end("a");
    EXPECT_EQ(status("c").failure.value().code, "previous-failed");
    EXPECT_EQ(look().state, State::failed);
}

TEST_F(GroupsTest, TheSameGroupAgainIsTheSameGroup) {
    OpenGroup m = group(GroupMode::all, {"a"});
    m.body = 5;
    open(m);
    OpenGroup again = group(GroupMode::all, {"other"});
    again.body = 5;
    EXPECT_EQ(open(again).members, 1u);
    EXPECT_TRUE(offered().empty());
    again.body = 6;
    EXPECT_EQ(open(again).found, Found::conflict);
}

TEST_F(GroupsTest, IsStoredWholeOrNotAtAll) {
    store(terms("echo"), {"taken"});
    EXPECT_EQ(open(group(GroupMode::all, {"a", "b", "taken"})).found, Found::conflict);
    EXPECT_TRUE(offered().empty());
    EXPECT_EQ(open(group(GroupMode::all, {"a", "a"})).found, Found::conflict);
    ask(AskStatus{id("a"), false});
    EXPECT_EQ(answer<JobAnswer>().found, Found::unknown);
    EXPECT_EQ(open(group(GroupMode::all, {"a", "b"})).found, Found::found);
    EXPECT_EQ(offered(), (Names{"a", "b"}));
}

TEST_F(GroupsTest, CancellingItEndsWhatIsOpen) {
    open(chord({"a", "b", "c"}));
    take_all();
    end("a");
    tell(Started{"w", {{2, 1}}});
    ask(CancelGroup{id("g")});
    EXPECT_EQ(answer<GroupAnswer>().finished, 2u);
    EXPECT_EQ(said.cancel.numbers, std::vector<JobNumber>{2});
    end("b", Failure{"cancelled", "as it was told", false});
    EXPECT_EQ(look().state, State::cancelled);
    for (const char* callback : {"then", "alas"}) {
        EXPECT_EQ(status(callback).state, State::cancelled);
        EXPECT_EQ(status(callback).failure.value().code, "cancelled");
    }
}

TEST_F(GroupsTest, HoldsAWaitUntilAllIsFinished) {
    open(group(GroupMode::all, {"a", "b"}));
    take_all();
    AskGroup wait{id("g"), AskGroup::Until::finished, 5s, 0, 10, true};
    ask(wait);
    EXPECT_TRUE(said.replies.empty());
    end("a");
    EXPECT_TRUE(said.replies.empty());
    end("b");
    EXPECT_EQ(answer<GroupAnswer>().jobs.size(), 2u);
}

TEST_F(GroupsTest, HoldsAWaitUntilTheNextIsFinished) {
    open(group(GroupMode::all, {"a", "b", "c"}));
    take_all();
    end("b");
    ask(AskGroup{id("g"), AskGroup::Until::next, 5s, 0, 10, true});
    EXPECT_TRUE(said.replies.empty());
    machine.on(Result{1, "w", "", {{id("a"), 1, 5, Bytes("\x07", 1), {}}}}, now, out);
    step();
    const GroupAnswer both = answer<GroupAnswer>();
    ASSERT_EQ(both.jobs.size(), 2u); // and no unfinished one
    EXPECT_EQ(both.jobs[1].id, id("b"));
}

TEST_F(GroupsTest, EndsAWaitWhenItsTimeIsUp) {
    open(group(GroupMode::all, {"a"}));
    ask(AskGroup{id("g"), AskGroup::Until::finished, 5s, 0, 10, true});
    EXPECT_LE(machine.wake_at(), now.at + 5s);
    pass(5s);
    EXPECT_EQ(answer<GroupAnswer>().found, Found::timed_out);
    pass(5s);
    EXPECT_TRUE(said.replies.empty());
}

TEST_F(GroupsTest, KeepsItsMembersWhileItIsOpenAndLosesThemTogether) {
    open(group(GroupMode::all, {"a", "b"}));
    take_all();
    end("a");
    pass(7200s);
    EXPECT_EQ(status("a").state, State::succeeded);
    end("b");
    pass(3599s);
    EXPECT_EQ(status("a").state, State::succeeded);
    pass(2s);
    for (const char* job : {"a", "b"}) {
        ask(AskStatus{id(job), false});
        EXPECT_EQ(answer<JobAnswer>().found, Found::unknown);
    }
    EXPECT_EQ(look().found, Found::unknown);
    ask(AskStats{});
    const auto stats = answer<SinkStats>();
    EXPECT_EQ(stats.finished_jobs + stats.open_jobs + stats.bytes, 0u);
    EXPECT_EQ(stats.evicted, 2u);
}

TEST_F(GroupsTest, AVentilatorThatDiedWithTheMembersLosesNothing) {
    open(chord({"a", "b"}));
    take_all();
    end("a");
    next_ventilator();
    EXPECT_EQ(offered(), Names{"b"});
    take_all();
    machine.on(Result{2, "w", "", {{id("b"), 1, 5, Bytes("\x08", 1), {}}}}, now, out);
    step();
    EXPECT_EQ(offered(), Names{"then"});
}

} // namespace
} // namespace penstock::sink
