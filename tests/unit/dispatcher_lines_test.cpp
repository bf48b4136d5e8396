// What counts as waiting, and what jobs with different needs may cost.

#include "tests/unit/dispatcher_fixture.hpp"

namespace penstock::ventilator {
namespace {

Terms of(int priority, Duration delay = 0s) {
    Terms t = terms("echo");
    t.priority = priority;
    t.delay = delay;
    return t;
}

Terms needing(const char* label) {
    Terms t = terms("echo");
    t.needs = {label};
    return t;
}

TEST_F(DispatcherTest, ADelayIsNoWaitingThatLiftsAJob) {
    submit_stored(of(0, 1h), {"later"}); // sixty steps
    pass(1h);
    submit_stored(of(9), {"urgent"});
    pass(2s); // ages are looked at again
    join_up(join("w", 1, {"echo"}));
    EXPECT_EQ(sent_ids(), Ids{"urgent"});
}

TEST_F(DispatcherTest, AnAttemptThatRanIsNoWaitingEither) {
    const LaneId lane = join_up(join("w", 1, {"echo"}));
    submit_stored(of(0), {"long"});
    for (int i = 0; i < 3600; ++i) pass(1s);
    machine.lane_down(lane, out);
    step();
    tell(Open{{{1, 0}}}); // it did not run, and nobody blames it
    submit_stored(of(9), {"urgent"});
    pass(2s);
    join_up(join("v", 1, {"echo"}));
    EXPECT_EQ(sent_ids(), Ids{"urgent"});
}

class FewLines : public DispatcherTest {
protected:
    static Limits few() {
        Limits l = limits();
        l.lines_max = 3; // one of them is that of jobs without needs
        return l;
    }

    FewLines() : DispatcherTest(few()) {}

    std::size_t refused(const Terms& t, const char* job) {
        machine.on(submit(t, {job}), now, out);
        step();
        const auto all = all_of<Refused>(said.to_sink);
        if (!all.empty()) {
            EXPECT_EQ(all[0].reason, "needs-full");
        } else {
            ++next_number;
        }
        return all.size();
    }
};

TEST_F(FewLines, AreCountedFromTheSubmissionOn) {
    Terms later = needing("a");
    later.delay = 1h;
    EXPECT_EQ(refused(later, "1"), 0u);
    later.needs = {"b"};
    EXPECT_EQ(refused(later, "2"), 0u);
    later.needs = {"c"};
    EXPECT_EQ(refused(later, "3"), 1u);
    EXPECT_EQ(refused(terms("echo"), "4"), 0u) << "without needs there is always one";
}

TEST_F(FewLines, AreFreeAgainWhenTheirJobsAreOver) {
    for (const char* label : {"a", "b", "c", "d", "e"}) {
        submit_stored(needing(label), {label});
        tell(Settled{{{next_number - 1, 1, 0, 0}}, {}}); // cancelled at the sink
    }
    EXPECT_EQ(refused(needing("f"), "f"), 0u);
}

TEST_F(FewLines, AreFreeAgainAfterASuspect) {
    for (const char* label : {"a", "b", "c", "d"}) {
        Join able = join("w", 1, {"echo"});
        able.labels = {label};
        const LaneId lane = join_up(able);
        submit_stored(needing(label), {label});
        machine.lane_down(lane, out);
        tell(Open{{{next_number - 1, 1}}});
        tell(Settled{{{next_number - 1, 1, 0, 0}}, {}});
    }
    EXPECT_EQ(refused(needing("f"), "f"), 0u);
}

TEST_F(DispatcherTest, WorkersWithLabelsAreLeftToThoseThatNeedThemWhileAnotherSlotIsFree) {
    Join able = join("able", 1, {"echo"});
    able.labels = {"gpu"};
    const LaneId gpu = join_up(able);
    join_up(join("p", 1, {"echo"}));
    join_up(join("q", 1, {"echo"}));
    submit_stored(terms("echo"), {"x", "y"});
    ASSERT_EQ(sent.size(), 2u);
    for (const Sent& each : sent) EXPECT_NE(each.lane, gpu);
    submit_stored(needing("gpu"), {"z"});
    ASSERT_EQ(sent_ids(), Ids{"z"});
    EXPECT_EQ(sent[0].lane, gpu);
}

TEST_F(DispatcherTest, ASlotThatHangsEndsItsLaneWhateverTheOthersDo) {
    Terms quick = terms("echo");
    quick.timeout = 1s;
    const LaneId lane = join_up(join("w", 2, {"echo"}));
    submit_stored(quick, {"hangs"});
    bool ended = false;
    for (int i = 0; i < 70 && !ended; ++i) { // another attempt is given up, and answers late
        Terms other = quick;
        submit_stored(other, {("j" + std::to_string(i)).c_str()});
        const Sent job = sent.empty() ? Sent{} : sent[0];
        for (int k = 0; k < 6; ++k) {
            pass(250ms);
            for (const LaneId each : said.close_lanes) ended |= each == lane;
        }
        if (job.number != 0 && !ended) fail(job);
    }
    EXPECT_TRUE(ended);
}

TEST_F(DispatcherTest, ASuspectThatRunsOnOverARejoinKeepsTheWorkerToItself) {
    const LaneId first = join_up(join("dies", 1, {"echo"}));
    submit_stored(terms("echo"), {"bad"});
    machine.lane_down(first, out);
    Join sdk = join("w", 4, {"echo"});
    sdk.heartbeats = true;
    join_up(sdk);
    tell(Open{{{1, 1}}});
    ASSERT_EQ(sent_ids(), Ids{"bad"});
    sdk.running = {1};
    sdk.epoch = 1;
    join_up(sdk);
    submit_stored(terms("echo"), {"good"});
    EXPECT_TRUE(sent.empty());
}

TEST_F(DispatcherTest, AWorkerThatASuspectHasToItselfIsNotSilent) {
    const LaneId first = join_up(join("dies", 1, {"echo"}));
    submit_stored(terms("echo"), {"bad"});
    machine.lane_down(first, out);
    join_up(join("w", 4, {"echo"}));
    tell(Open{{{1, 1}}});
    submit_stored(terms("echo"), {"good"});
    EXPECT_EQ(machine.explain(2, now).why, "position");
}

} // namespace
} // namespace penstock::ventilator
