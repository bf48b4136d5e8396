// Jobs that the sink offers: numbered like any other, dispatched when they are stored.

#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

class TakeTest : public DispatcherTest {
protected:
    static Take take(Terms t, std::initializer_list<const char*> ids) {
        Take m{std::move(t), {}, {}};
        for (const char* each : ids) m.rows.push_back({id(each), Bytes("\xa1p", 2), 0, 0, 0s});
        return m;
    }

    std::vector<Taken> taken() const { return all_of<Taken>(said.to_sink); }
};

TEST_F(TakeTest, NumbersThemAndSendsThemWhenTheyAreStored) {
    join_up(join("w", 4, {"echo"}));
    tell(take(terms("echo"), {"a", "b"}));
    ASSERT_EQ(taken().size(), 1u);
    EXPECT_EQ(taken()[0].first, 1u);
    EXPECT_EQ(taken()[0].ids, (std::vector<JobId>{id("a"), id("b")}));
    EXPECT_TRUE(sent.empty());
    tell(Stored{{{1, 2}}, {}, {}});
    EXPECT_EQ(sent_ids(), (Ids{"a", "b"}));
}

TEST_F(TakeTest, NumbersReachTheSinkInOrder) {
    machine.on(submit(terms("echo"), {"s1"}), now, out);
    machine.on(FromSink(take(terms("echo"), {"t1"})), now, out);
    machine.on(submit(terms("echo"), {"s2"}), now, out);
    machine.on(FromSink(take(terms("other"), {"t2"})), now, out);
    machine.on(FromSink(take(terms("echo"), {"t3"})), now, out);
    step();
    ASSERT_EQ(said.to_sink.size(), 4u);
    EXPECT_EQ(std::get<Store>(said.to_sink[0]).first, 1u);
    EXPECT_EQ(std::get<Taken>(said.to_sink[1]).first, 2u);
    EXPECT_EQ(std::get<Store>(said.to_sink[2]).first, 3u);
    EXPECT_EQ(std::get<Taken>(said.to_sink[3]).first, 4u);
    EXPECT_EQ(std::get<Taken>(said.to_sink[3]).ids.size(), 2u);
}

TEST_F(TakeTest, JobsThatCameTogetherTakeTurnsWithOthers) {
    machine.on(FromSink(take(terms("echo"), {"a", "b", "c"})), now, out);
    machine.on(submit(terms("echo"), {"single"}), now, out);
    step();
    tell(Stored{{{1, 4}}, {}, {}});
    join_up(join("w", 1, {"echo"}));
    Ids order;
    while (!sent.empty() && order.size() < 4) {
        order.push_back(sent.at(0).id);
        fail(sent.at(0)); // one attempt each, and no run time is known of failures
    }
    EXPECT_EQ(order, (Ids{"a", "single", "b", "c"}));
}

TEST_F(TakeTest, RefusesNoneOfThem) {
    join_up(join("w", 1, {"echo"})); // now other kinds are unknown
    Take many = take(terms("other"), {});
    for (int i = 0; i < 200; ++i) { // twice what the limit admits
        many.rows.push_back({id("t" + std::to_string(i)), Bytes("\xa1p", 2), 0, 0, 0s});
    }
    tell(many);
    EXPECT_EQ(taken().at(0).ids.size(), 200u);
    EXPECT_TRUE(all_of<Refused>(said.to_sink).empty());
}

TEST_F(TakeTest, GoesOnWithTheAttemptAndTheDeaths) {
    join_up(join("w", 1, {"echo"}));
    Take used = take(terms("echo"), {"a"});
    used.rows[0].attempt = 2;
    tell(used);
    tell(Stored{{{1, 1}}, {}, {}});
    EXPECT_EQ(sent.at(0).attempt, 3u);
    Take deadly = take(terms("echo"), {"b"});
    deadly.rows[0].deaths = kDeathsMax;
    tell(deadly);
    tell(Stored{{{2, 1}}, {}, {}});
    EXPECT_EQ(all_of<Final>(said.to_sink).at(0).outcome, State::quarantined);
}

TEST_F(TakeTest, AnAttemptUnderAnotherVentilatorCounts) {
    join_up(join("w", 1, {"echo"}));
    Terms twice = terms("echo");
    twice.max_attempts = 2;
    Take used = take(twice, {"a"});
    used.rows[0].attempt = 1;
    tell(used);
    tell(Stored{{{1, 1}}, {}, {}});
    fail(sent.at(0));
    EXPECT_EQ(all_of<Final>(said.to_sink).at(0).outcome, State::failed);
}

TEST_F(TakeTest, DelayAndTtlCountFromTheSubmission) {
    join_up(join("w", 4, {"echo"}));
    Terms late = terms("echo");
    late.delay = 10s;
    Take delayed = take(late, {"a"});
    delayed.rows[0].age = 7s;
    tell(delayed);
    tell(Stored{{{1, 1}}, {}, {}});
    EXPECT_TRUE(sent.empty());
    pass(3s + 1ms);
    EXPECT_EQ(sent_ids(), Ids{"a"});
    Terms brief = terms("echo");
    brief.ttl = 5s;
    Take old = take(brief, {"b"});
    old.rows[0].age = 6s;
    tell(old);
    tell(Stored{{{2, 1}}, {}, {}});
    EXPECT_TRUE(sent.empty());
    EXPECT_EQ(all_of<Final>(said.to_sink).at(0).outcome, State::expired);
}

TEST_F(TakeTest, ForgetsOneThatEndedBeforeItWasTaken) {
    join_up(join("w", 4, {"echo"}));
    tell(take(terms("echo"), {"a"}));
    tell(Settled{{{1, 1, 0, 0}}, {}});
    EXPECT_EQ(machine.open_jobs(), 0u);
    EXPECT_TRUE(sent.empty());
}

TEST_F(TakeTest, StoresThemAtANewSinkLikeItsOwn) {
    tell(take(terms("echo"), {"a"}));
    tell(Stored{{{1, 1}}, {}, {}});
    machine.sink_up(8, 2, false, out);
    step();
    EXPECT_EQ(all_of<Store>(said.to_sink).at(0).first, 1u);
    EXPECT_TRUE(taken().empty());
}

} // namespace
} // namespace penstock::ventilator
