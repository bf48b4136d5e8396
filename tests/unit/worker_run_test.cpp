// A whole worker between a ventilator and a sink that the test plays.

#include "tests/unit/worker_fake_pipeline.hpp"

#include <atomic>
#include <latch>

namespace penstock::testing {
namespace {

using worker::Completion;
using worker::Job;
using worker::Reply;
using worker::Retry;

class WorkerTest : public ::testing::TestWithParam<Carrier> {
protected:
    FakePipeline pipeline{GetParam()};

    static Reply echo(Job& job) { return Reply::same_as_payload(job); }

    // Until somebody cancels the job.
    static Reply wait_for_cancel(Job& job) {
        FakePipeline::until("a cancel", [&] { return job.cancelled(); });
        return Reply::failure("gave-up", "", Retry::allowed);
    }
};

// ThreadSanitizer doesn't see how libzmq, which is not built with it, hands a message from one
// thread to another, and over inproc that is the same memory.
#if defined(__SANITIZE_THREAD__)
const auto kCarriers = ::testing::Values(Carrier::tcp);
#else
const auto kCarriers = ::testing::Values(Carrier::inproc, Carrier::tcp);
#endif

INSTANTIATE_TEST_SUITE_P(Carriers, WorkerTest, kCarriers, [](const auto& carrier) {
    return carrier.param == Carrier::tcp ? "tcp" : "inproc";
});

TEST_P(WorkerTest, joins_with_its_kinds_and_answers_every_job) {
    RunningWorker run(pipeline, 2);
    run.worker.on("echo", echo);
    run.worker.on("other", echo);
    run.start();
    const Join join = pipeline.next_join(1);
    EXPECT_EQ(join.kinds, (std::vector<std::string>{"echo", "other"}));
    EXPECT_TRUE(join.batch && join.heartbeats);
    EXPECT_EQ(join.same_process, GetParam() == Carrier::inproc);
    EXPECT_EQ(pipeline.heartbeat_with(0).worker, join.worker);

    constexpr int kJobs = 500;
    pipeline.send_jobs("echo", 1, 1, kJobs, text_value("hello"));
    std::vector<std::string> ids;
    for (const auto& row : pipeline.results(kJobs)) {
        EXPECT_EQ(row.value, text_value("hello"));
        EXPECT_EQ(row.epoch, 1u);
        EXPECT_EQ(row.worker, join.worker);
        ids.push_back(row.id);
    }
    std::sort(ids.begin(), ids.end());
    EXPECT_EQ(std::unique(ids.begin(), ids.end()), ids.end());
}

TEST_P(WorkerTest, answers_jobs_that_come_as_one_map_each) {
    RunningWorker run(pipeline, 1);
    run.worker.on("greet", [](Job& job) {
        return Reply::text(job.id().text() + " " + std::string(job.read().text()));
    });
    run.start();
    pipeline.next_join(1);
    JobBatch batch;
    batch.epoch = 1;
    batch.kind = "greet";
    const std::string payload = text_value("world");
    pipeline.send(encode_plain(batch, {1, FakePipeline::id_of(1), 2, payload}));
    const auto row = pipeline.results(1)[0];
    EXPECT_EQ(row.value, text_value("job-1 world"));
    EXPECT_EQ(row.attempt, 2u);
}

TEST_P(WorkerTest, what_a_handler_throws_is_a_failure) {
    RunningWorker run(pipeline, 1);
    run.worker.on("throw", [](Job&) -> Reply { throw std::runtime_error("no such file"); });
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("throw", 1, 1, 1, text_value("x"));
    const auto row = pipeline.results(1)[0];
    ASSERT_TRUE(row.failure);
    EXPECT_EQ(*row.failure, (Failure{"handler-error", "no such file", true}));
}

TEST_P(WorkerTest, a_kind_without_a_handler_is_answered) {
    RunningWorker run(pipeline, 1);
    run.worker.on("echo", echo);
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("unheard-of", 1, 1, 2, text_value("x"));
    for (const auto& row : pipeline.results(2)) {
        ASSERT_TRUE(row.failure);
        EXPECT_EQ(row.failure->code, "unknown-kind");
        EXPECT_FALSE(row.failure->retryable);
    }
}

TEST_P(WorkerTest, bytes_travel_with_their_content_type) {
    RunningWorker run(pipeline, 1);
    run.worker.on("image", [](Job&) { return Reply::bytes("image/png", "\x89PNG"); });
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("image", 1, 1, 1, text_value("x"));
    EXPECT_EQ(pipeline.results(1)[0].content_type, "image/png");
}

TEST_P(WorkerTest, a_cancel_reaches_waiting_and_running_jobs) {
    RunningWorker run(pipeline, 1);
    run.worker.on("wait", wait_for_cancel);
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("wait", 1, 1, 2, text_value("x"));
    pipeline.heartbeat_with(1);
    pipeline.send(encode(CancelJob{2, FakePipeline::id_of(2)}));
    const auto waiting = pipeline.results(1)[0];
    EXPECT_EQ(waiting.id, "job-2");
    EXPECT_EQ(waiting.failure.value().code, "cancelled");
    pipeline.send(encode(CancelJob{1, FakePipeline::id_of(1)}));
    const auto running = pipeline.results(1)[0];
    EXPECT_EQ(running.id, "job-1");
    EXPECT_EQ(running.failure.value().code, "cancelled");
    EXPECT_FALSE(running.failure.value().retryable);
}

TEST_P(WorkerTest, a_drain_hands_back_what_waits_and_finishes_what_runs) {
    RunningWorker run(pipeline, 1);
    std::latch go(1);
    run.worker.on("slow", [&](Job&) {
        go.wait();
        return Reply::integer(1);
    });
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("slow", 1, 1, 3, text_value("x"));
    EXPECT_EQ(pipeline.heartbeat_with(1).running, std::vector<JobNumber>{1});
    run.stop.request();
    EXPECT_EQ(pipeline.next_bye().waiting, (std::vector<JobNumber>{2, 3}));
    pipeline.send_jobs("slow", 1, 4, 2, text_value("x")); // crossed the bye
    EXPECT_EQ(pipeline.next_bye().waiting, (std::vector<JobNumber>{4, 5}));
    go.count_down();
    EXPECT_EQ(pipeline.results(1)[0].id, "job-1");
    run.join_thread();
    EXPECT_FALSE(pipeline.result_if_any());
}

TEST_P(WorkerTest, the_ventilator_can_ask_for_the_drain) {
    RunningWorker run(pipeline, 1);
    run.worker.on("echo", echo);
    run.start();
    pipeline.next_join(1);
    pipeline.send(encode(Drain{}));
    EXPECT_TRUE(pipeline.next_bye().waiting.empty());
    run.join_thread();
}

TEST_P(WorkerTest, the_second_request_to_stop_returns_at_once) {
    RunningWorker run(pipeline, 1);
    run.worker.on("wait", wait_for_cancel);
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("wait", 1, 1, 1, text_value("x"));
    pipeline.heartbeat_with(1);
    run.stop.request();
    run.stop.request();
    run.join_thread();
}

TEST_P(WorkerTest, jobs_of_an_older_epoch_are_dropped) {
    RunningWorker run(pipeline, 1);
    run.worker.on("echo", echo);
    run.start();
    pipeline.next_join(5);
    pipeline.send_jobs("echo", 4, 1, 1, text_value("x"));
    pipeline.send_jobs("echo", 5, 2, 1, text_value("x"));
    EXPECT_EQ(pipeline.results(1)[0].id, "job-2");
}

TEST_P(WorkerTest, progress_is_told_and_the_latest_counts) {
    RunningWorker run(pipeline, 1);
    std::latch seen(1);
    run.worker.on("steps", [&](Job& job) {
        for (int i = 1; i <= 100; ++i) job.progress(i / 100.0, "step " + std::to_string(i));
        seen.wait();
        return Reply::nil();
    });
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("steps", 1, 1, 1, text_value("x"));
    int messages = 0;
    Progress progress;
    do {
        progress = pipeline.next_progress();
        ++messages;
    } while (progress.progress < 1);
    EXPECT_EQ(progress.note, "step 100");
    EXPECT_LT(messages, 20);
    seen.count_down();
    pipeline.results(1);
}

TEST_P(WorkerTest, an_asynchronous_job_takes_a_slot_and_no_thread) {
    RunningWorker run(pipeline, 3);
    std::mutex mutex;
    std::vector<Completion> open;
    run.worker.on_async("later", [&](const std::shared_ptr<Job>&, const Completion& done) {
        const std::lock_guard lock(mutex);
        open.push_back(done);
    });
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("later", 1, 1, 5, text_value("x"));
    EXPECT_EQ(pipeline.heartbeat_with(3).running, (std::vector<JobNumber>{1, 2, 3}));
    for (int answered = 0; answered < 5; ++answered) {
        FakePipeline::until("a start", [&] {
            const std::lock_guard lock(mutex);
            return open.size() > static_cast<std::size_t>(answered);
        });
        const std::lock_guard lock(mutex);
        open[static_cast<std::size_t>(answered)](Reply::integer(answered));
    }
    EXPECT_EQ(pipeline.results(5)[4].value, integer_value(4));
}

TEST_P(WorkerTest, an_asynchronous_job_that_is_dropped_is_a_failure) {
    RunningWorker run(pipeline, 1);
    run.worker.on_async("forget", [](const std::shared_ptr<Job>&, const Completion&) {});
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("forget", 1, 1, 1, text_value("x"));
    EXPECT_EQ(pipeline.results(1)[0].failure.value().code, "handler-error");
}

TEST_P(WorkerTest, jobs_of_one_message_run_on_all_slots) {
    RunningWorker run(pipeline, 4);
    std::latch all(4);
    run.worker.on("meet", [&](Job&) {
        all.arrive_and_wait();
        return Reply::nil();
    });
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("meet", 1, 1, 4, text_value("x"));
    pipeline.results(4);
}

TEST_P(WorkerTest, a_small_job_that_turns_out_slow_holds_up_nobody) {
    RunningWorker run(pipeline, 2);
    std::atomic<bool> blocks{false};
    std::latch go(1);
    run.worker.on("small", [&](Job& job) {
        if (blocks && job.id() == FakePipeline::id_of(1001)) go.wait();
        return Reply::nil();
    });
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("small", 1, 1, 1000, text_value("x")); // it is known to be small now
    pipeline.results(1000);
    blocks = true;
    pipeline.send_jobs("small", 1, 1000, 10, text_value("x"));
    for (const auto& row : pipeline.results(9)) EXPECT_NE(row.id, "job-1001");
    go.count_down();
    EXPECT_EQ(pipeline.results(1)[0].id, "job-1001");
}

TEST_P(WorkerTest, a_refused_worker_asks_again) {
    RunningWorker run(pipeline, 1);
    run.worker.on("echo", echo);
    run.start();
    Lane refusal;
    refusal.error = "the sink is away";
    const Join first = pipeline.answer_join(refusal);
    EXPECT_EQ(pipeline.next_join(1).worker, first.worker);
}

TEST(WorkerTcp, a_broken_lane_is_replaced_and_running_jobs_are_kept) {
    FakePipeline pipeline(Carrier::tcp);
    RunningWorker run(pipeline, 1);
    std::latch go(1);
    run.worker.on("slow", [&](Job&) {
        go.wait();
        return Reply::integer(1);
    });
    run.start();
    pipeline.next_join(1);
    pipeline.send_jobs("slow", 1, 1, 3, text_value("x"));
    pipeline.heartbeat_with(1);
    pipeline.break_lane();
    const Join again = pipeline.next_join(1);
    EXPECT_EQ(again.running, std::vector<JobNumber>{1});
    EXPECT_EQ(again.epoch, 1u);
    go.count_down();
    EXPECT_EQ(pipeline.results(1)[0].id, "job-1");
    run.stop.request();
    EXPECT_TRUE(pipeline.next_bye().waiting.empty()) << "what waited was dropped with its lane";
    run.join_thread();
    EXPECT_FALSE(pipeline.result_if_any());
}

TEST(WorkerTcp, a_silent_lane_is_replaced) {
    FakePipeline pipeline(Carrier::tcp);
    pipeline.ping = 50ms;
    RunningWorker run(pipeline, 1);
    run.worker.on("echo", [](Job& job) { return Reply::same_as_payload(job); });
    run.start();
    const Join first = pipeline.next_join(1);
    EXPECT_EQ(pipeline.next_join(1).worker, first.worker);
}

TEST(WorkerTcp, it_waits_for_a_ventilator_that_is_not_there_yet) {
    FakePipeline pipeline(Carrier::tcp);
    RunningWorker run(pipeline, 1);
    run.worker.on("echo", [](Job& job) { return Reply::same_as_payload(job); });
    run.start();
    run.stop.request(); // and can be stopped while it does
    run.join_thread();
}

TEST(WorkerTcp, an_address_that_is_none_is_said_at_the_start) {
    FakePipeline pipeline(Carrier::tcp);
    pipeline.control = "nowhere";
    RunningWorker run(pipeline, 1);
    run.worker.on("echo", [](Job& job) { return Reply::same_as_payload(job); });
    EXPECT_THROW(run.worker.run(pipeline.context(), run.stop), transport::StartError);
}

} // namespace
} // namespace penstock::testing
