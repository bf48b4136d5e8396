// Pieces of results, and times, as a worker says them to the sink.

#include "tests/unit/worker_fake_pipeline.hpp"
#include "workers/kinds/kinds.hpp"

#include <future>

namespace penstock::testing {
namespace {

using worker::Completion;
using worker::Job;
using worker::Reply;

class PiecesTest : public ::testing::Test {
protected:
    FakePipeline pipeline{Carrier::tcp};
    RunningWorker run{pipeline, 1};

    void start() {
        run.start();
        pipeline.next_join(1);
    }
};

TEST_F(PiecesTest, pieces_come_in_order_and_before_the_result) {
    run.worker.on("pieces", [](Job& job) {
        for (int i = 0; i < 100; ++i) job.partial(integer_value(i));
        return Reply::nil();
    });
    start();
    pipeline.send_jobs("pieces", 1, 1, 20, "\xc0");
    for (const GotRow& row : pipeline.results(20)) {
        ASSERT_EQ(row.pieces.size(), 100u);
        for (int i = 0; i < 100; ++i) EXPECT_EQ(row.pieces[i], integer_value(i));
    }
}

TEST_F(PiecesTest, a_piece_is_sent_while_its_handler_runs) {
    std::atomic<bool> goes_on{false};
    run.worker.on("pieces", [&](Job& job) {
        job.partial(integer_value(1));
        goes_on.wait(false);
        return Reply::nil();
    });
    start();
    pipeline.send_jobs("pieces", 1, 1, 1, "\xc0");
    EXPECT_EQ(pipeline.next_piece(), integer_value(1));
    EXPECT_FALSE(pipeline.result_if_any());
    goes_on = true;
    goes_on.notify_all();
    pipeline.results(1);
}

TEST_F(PiecesTest, an_asynchronous_job_may_say_pieces_from_any_thread) {
    using Started = std::pair<std::shared_ptr<Job>, Completion>;
    std::promise<Started> started;
    run.worker.on_async("pieces", [&](const std::shared_ptr<Job>& job, const Completion& done) {
        started.set_value({job, done});
    });
    start();
    pipeline.send_jobs("pieces", 1, 1, 1, "\xc0");
    auto [job, done] = started.get_future().get();
    std::jthread elsewhere([job = job, done = done] {
        job->partial(integer_value(1));
        done(Reply::nil());
    });
    EXPECT_EQ(pipeline.results(1)[0].pieces.size(), 1u);
}

TEST_F(PiecesTest, what_is_no_value_is_no_piece) {
    run.worker.on("pieces", [](Job& job) {
        const std::string large(2u << 20, 'x');
        const bool any = job.partial("") || job.partial("\x01\x02") || job.partial(text_value(large));
        return Reply::integer(any ? 1 : 0);
    });
    start();
    pipeline.send_jobs("pieces", 1, 1, 1, "\xc0");
    const GotRow row = pipeline.results(1)[0];
    EXPECT_EQ(row.value, integer_value(0));
    EXPECT_TRUE(row.pieces.empty());
}

TEST_F(PiecesTest, count_says_each_number_and_how_far_it_is) {
    worker::register_kinds(run.worker, {});
    start();
    std::string payload;
    Writer(payload).map(1).key("to").integer(3);
    pipeline.send_jobs("count", 1, 1, 1, payload);
    const GotRow row = pipeline.results(1)[0];
    EXPECT_EQ(row.value, integer_value(3));
    EXPECT_EQ(row.pieces, (std::vector{integer_value(1), integer_value(2), integer_value(3)}));
    const Progress last = pipeline.next_progress();
    EXPECT_EQ(last.progress, 1.0);
    EXPECT_EQ(last.note, "3 of 3");
}

TEST_F(PiecesTest, count_takes_no_nonsense) {
    worker::register_kinds(run.worker, {});
    start();
    std::string negative, text;
    Writer(negative).map(1).key("to").integer(-1);
    Writer(text).map(2).key("to").integer(1).key("every").text("soon");
    for (const auto& payload : {negative, text, std::string("\xc0")}) {
        pipeline.send_jobs("count", 1, 1, 1, payload);
        EXPECT_EQ(pipeline.results(1)[0].failure.value().code, "bad-payload");
    }
}

TEST_F(PiecesTest, says_how_long_its_jobs_were_queued_and_how_long_they_waited_here) {
    worker::register_kinds(run.worker, {});
    start();
    pipeline.queued_us = 1'234;
    std::string payload;
    Writer(payload).map(1).key("seconds").real(0.02);
    pipeline.send_jobs("sleep", 1, 1, 3, payload); // one slot: one after the other
    const auto rows = pipeline.results(3);
    EXPECT_EQ(rows[0].queued_us, 1'234u);
    EXPECT_EQ(rows[2].queued_us, 1'234u);
    EXPECT_GE(rows[1].waited_us, 20'000u);
    EXPECT_GE(rows[2].waited_us, 40'000u);
}

} // namespace
} // namespace penstock::testing
