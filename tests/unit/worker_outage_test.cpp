// A worker whose sink or ventilator dies and comes back, both played by the test.

#include "tests/unit/worker_fake_pipeline.hpp"

#include <atomic>
#include <latch>

namespace penstock::testing {
namespace {

using worker::Job;
using worker::Reply;

class OutageTest : public ::testing::Test {
protected:
    FakePipeline pipeline{Carrier::tcp};
    RunningWorker run{pipeline, 1};
    std::atomic<int> calls{0};

    void start() {
        pipeline.settles = false;
        run.worker.on("count", [this](Job&) { return Reply::integer(++calls); });
        run.start();
        pipeline.next_join(1);
    }

    // It has sent one result, of which nobody says that it is settled. Returns when it was told to drain.
    std::chrono::steady_clock::time_point drain_after_a_result() {
        start();
        pipeline.send_jobs("count", 1, 1, 1, "\xc0");
        ids(1);
        const auto now = std::chrono::steady_clock::now();
        run.stop.request();
        return now;
    }

    // The job "pieces" has said one, which came; then the sink is gone. The result of another job will
    // say that the new one is there.
    void kill_sink_behind_the_first_piece() {
        start();
        pipeline.send_jobs("count", 1, 1, 1, "\xc0");
        ids(1);
        pipeline.send_jobs("pieces", 1, 2, 1, "\xc0");
        EXPECT_EQ(pipeline.next_piece(), integer_value(1));
        pipeline.kill_sink();
    }

    std::vector<std::string> ids(std::size_t count) {
        std::vector<std::string> out;
        for (const GotRow& row : pipeline.results(count)) out.push_back(row.id);
        return out;
    }
};

TEST_F(OutageTest, a_sink_that_comes_back_gets_every_result_again_in_order) {
    start();
    pipeline.send_jobs("count", 1, 1, 50, "\xc0");
    const auto before = ids(50);
    pipeline.kill_sink();
    pipeline.restart_sink();
    EXPECT_EQ(ids(50), before);
    EXPECT_EQ(calls, 50) << "nothing ran twice";
}

TEST_F(OutageTest, what_ended_while_the_sink_was_away_comes_behind_what_it_may_have_lost) {
    start();
    pipeline.send_jobs("count", 1, 1, 2, "\xc0");
    ids(2);
    pipeline.kill_sink();
    pipeline.send_jobs("count", 1, 3, 1, "\xc0");
    FakePipeline::until("the third", [&] { return calls == 3; });
    pipeline.restart_sink();
    EXPECT_EQ(ids(3), (std::vector<std::string>{"job-1", "job-2", "job-3"}));
    pipeline.send_jobs("count", 1, 4, 1, "\xc0");
    EXPECT_EQ(ids(1), std::vector<std::string>{"job-4"}) << "nothing came twice";
}

TEST_F(OutageTest, what_is_settled_is_not_sent_again) {
    start();
    pipeline.send_jobs("count", 1, 1, 2, "\xc0");
    ids(2);
    pipeline.settle(1, 1);
    pipeline.send_jobs("count", 1, 3, 1, "\xc0", {{2, 1}}); // the other way to say it
    ids(1);
    pipeline.kill_sink();
    pipeline.restart_sink();
    EXPECT_EQ(ids(1), std::vector<std::string>{"job-3"});
    pipeline.send_jobs("count", 1, 4, 1, "\xc0");
    EXPECT_EQ(ids(1), std::vector<std::string>{"job-4"}) << "the others did not come";
}

TEST_F(OutageTest, it_asks_to_be_told_what_is_settled) {
    run.worker.on("count", [](Job&) { return Reply::nil(); });
    run.start();
    EXPECT_TRUE(pipeline.next_join(1).outbox);
}

TEST(WorkerInproc, nothing_is_kept_for_a_sink_in_the_same_process) {
    FakePipeline pipeline(Carrier::inproc);
    pipeline.settles = false;
    RunningWorker run(pipeline, 1);
    run.worker.on("nil", [](Job&) { return Reply::nil(); });
    run.start();
    EXPECT_FALSE(pipeline.next_join(1).outbox);
    pipeline.send_jobs("nil", 1, 1, 1, "\xc0");
    pipeline.results(1);
    const auto began = std::chrono::steady_clock::now();
    run.stop.request();
    run.join_thread();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 4s) << "it waited for nobody";
}

TEST_F(OutageTest, names_all_that_runs_of_whichever_ventilator) {
    std::latch go(1);
    run.worker.on("slow", [&](Job&) {
        go.wait();
        return Reply::integer(1);
    });
    start();
    pipeline.send_jobs("slow", 1, 7, 2, "\xc0");
    EXPECT_EQ(pipeline.heartbeat_with(1).epoch, 1u);
    pipeline.break_lane();
    const Join second = pipeline.next_join(2);
    ASSERT_EQ(second.runs.size(), 1u);
    EXPECT_EQ(second.runs[0].id, FakePipeline::id_of(7));
    EXPECT_EQ(second.runs[0].number, 7u);
    EXPECT_EQ(second.runs[0].attempt, 1u);
    EXPECT_EQ(second.runs[0].epoch, 1u);
    FakePipeline::until("a heartbeat to the second", [&] {
        const Heartbeat beat = pipeline.heartbeat_with(0);
        return beat.epoch == 2; // and names none of the first one's numbers
    });
    pipeline.break_lane();
    const Join third = pipeline.next_join(3);
    ASSERT_EQ(third.runs.size(), 1u);
    EXPECT_EQ(third.runs[0].epoch, 1u);
    EXPECT_EQ(third.epoch, 2u);
    EXPECT_TRUE(third.running.empty()) << "the second never gave it a number";
    go.count_down();
    EXPECT_EQ(pipeline.results(1)[0].epoch, 1u) << "the sink knows it by that";
}

TEST_F(OutageTest, a_drain_waits_until_what_it_sent_is_recorded) {
    drain_after_a_result();
    pipeline.next_bye();
    for (int beats = 0; beats < 5; ++beats) pipeline.heartbeat_with(0); // it is still there
    pipeline.settle(1, 1);
    run.join_thread();
}

TEST_F(OutageTest, a_sink_that_dies_in_a_drain_gets_the_result_again) {
    drain_after_a_result();
    pipeline.next_bye();
    pipeline.kill_sink();
    pipeline.restart_sink();
    EXPECT_EQ(ids(1), std::vector<std::string>{"job-1"});
    pipeline.settle(1, 1);
    run.join_thread();
}

TEST_F(OutageTest, a_drain_waits_five_seconds_at_most) {
    const auto began = drain_after_a_result();
    run.join_thread();
    EXPECT_GE(std::chrono::steady_clock::now() - began, 4900ms);
}

TEST_F(OutageTest, the_second_request_waits_for_nobody) {
    const auto began = drain_after_a_result();
    pipeline.next_bye();
    run.stop.request();
    run.join_thread();
    EXPECT_LT(std::chrono::steady_clock::now() - began, 4s);
}

TEST_F(OutageTest, pieces_end_where_some_were_lost_and_the_result_comes) {
    std::atomic<int> may_say{1};
    run.worker.on("pieces", [&](Job& job) {
        for (int i = 1; i <= 3; ++i) {
            FakePipeline::until("a word", [&] { return may_say >= i; });
            job.partial(integer_value(i));
        }
        return Reply::nil();
    });
    kill_sink_behind_the_first_piece();
    pipeline.restart_sink();
    EXPECT_EQ(ids(1), std::vector<std::string>{"job-1"});
    may_say = 3;
    const GotRow row = pipeline.results(1)[0];
    EXPECT_EQ(row.id, "job-2");
    EXPECT_TRUE(row.pieces.empty()) << "the first was lost, so the others mean nothing";
    pipeline.send_jobs("pieces", 1, 3, 1, "\xc0");
    EXPECT_EQ(pipeline.results(1)[0].pieces.size(), 3u);
}

TEST_F(OutageTest, a_piece_that_is_said_while_the_sink_is_away_leaves_no_hole) {
    std::latch lost(1), over(1);
    std::atomic<bool> said{false};
    run.worker.on("pieces", [&](Job& job) {
        job.partial(integer_value(1));
        lost.wait();
        said = job.partial(integer_value(2));
        over.wait();
        return Reply::nil();
    });
    kill_sink_behind_the_first_piece();
    lost.count_down();
    FakePipeline::until("the second piece", [&] { return said.load(); });
    pipeline.restart_sink();
    EXPECT_EQ(ids(1), std::vector<std::string>{"job-1"});
    over.count_down();
    EXPECT_TRUE(pipeline.results(1)[0].pieces.empty());
}

TEST_F(OutageTest, a_drain_without_a_sink_waits_five_seconds_at_most) {
    start();
    pipeline.kill_sink();
    pipeline.send_jobs("count", 1, 1, 1, "\xc0");
    FakePipeline::until("the first", [&] { return calls == 1; });
    run.stop.request();
    run.join_thread();
}

} // namespace
} // namespace penstock::testing
