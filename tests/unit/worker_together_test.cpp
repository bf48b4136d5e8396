// Batch handlers: several jobs in one call, each with an outcome of its own.

#include "tests/unit/worker_fake_pipeline.hpp"

#include <algorithm>
#include <atomic>
#include <latch>
#include <map>

namespace penstock::testing {
namespace {

using worker::BatchOptions;
using worker::Job;
using worker::Reply;
using worker::Retry;

using Jobs = std::span<Job* const>;

class WorkerTogetherTest : public ::testing::Test {
protected:
    void serve(worker::BatchHandler handler, std::uint32_t slots = 1) {
        run.emplace(pipeline, slots);
        run->worker.on_batch("sum", {16, 20ms}, std::move(handler));
        run->start();
        join = pipeline.next_join(1);
    }

    void send(JobNumber first, int count) {
        JobBatch batch;
        batch.epoch = 1;
        batch.kind = "sum";
        batch.timeout = 30s;
        batch.together = true;
        const std::string payload = integer_value(7);
        for (JobNumber n = first; n < first + static_cast<JobNumber>(count); ++n) {
            batch.rows.push_back({n, FakePipeline::id_of(n), 1, payload});
        }
        pipeline.send(encode(batch));
    }

    std::map<std::string, GotRow> results(std::size_t count) {
        std::map<std::string, GotRow> out;
        for (auto& row : pipeline.results(count)) out.emplace(row.id, row);
        return out;
    }

    static std::vector<Reply> sizes(Jobs jobs) {
        std::vector<Reply> out;
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            out.push_back(Reply::integer(static_cast<std::int64_t>(jobs.size())));
        }
        return out;
    }

    FakePipeline pipeline{Carrier::tcp};
    std::optional<RunningWorker> run;
    Join join;
};

TEST_F(WorkerTogetherTest, a_join_says_what_is_taken_together) {
    serve(sizes);
    EXPECT_EQ(join.kinds, std::vector<std::string>{"sum"});
    EXPECT_EQ(join.batching, (std::vector<Batching>{{"sum", 16, 20ms}}));
}

TEST_F(WorkerTogetherTest, jobs_that_came_together_are_one_call) {
    serve(sizes, 4); // however many slots are free
    send(1, 5);
    for (const auto& [id, row] : results(5)) EXPECT_EQ(row.value, integer_value(5)) << id;
}

TEST_F(WorkerTogetherTest, rows_that_only_share_a_message_are_calls_of_their_own) {
    serve(sizes);
    pipeline.send_jobs("sum", 1, 1, 3, integer_value(7));
    for (const auto& [id, row] : results(3)) EXPECT_EQ(row.value, integer_value(1)) << id;
}

TEST_F(WorkerTogetherTest, replies_belong_to_jobs_in_their_order) {
    serve([](Jobs jobs) {
        std::vector<Reply> out;
        for (const Job* job : jobs) out.push_back(Reply::text(job->id().text()));
        return out;
    });
    send(1, 3);
    for (const auto& [id, row] : results(3)) EXPECT_EQ(row.value, text_value(id));
}

TEST_F(WorkerTogetherTest, one_that_fails_does_not_fail_its_neighbours) {
    serve([](Jobs jobs) {
        std::vector<Reply> out = sizes(jobs);
        out[1] = Reply::failure("bad-image", "not an image", Retry::pointless);
        return out;
    });
    send(1, 3);
    auto rows = results(3);
    EXPECT_EQ(rows["job-2"].failure.value().code, "bad-image");
    EXPECT_FALSE(rows["job-1"].failure || rows["job-3"].failure);
}

TEST_F(WorkerTogetherTest, what_the_handler_throws_fails_all_of_them) {
    serve([](Jobs) -> std::vector<Reply> { throw std::runtime_error("out of memory"); });
    send(1, 2);
    for (const auto& [id, row] : results(2)) {
        EXPECT_EQ(*row.failure, (Failure{"handler-error", "out of memory", true})) << id;
    }
}

TEST_F(WorkerTogetherTest, a_wrong_number_of_replies_fails_all_of_them) {
    serve([](Jobs) { return std::vector<Reply>(1); });
    send(1, 2);
    for (const auto& [id, row] : results(2)) {
        EXPECT_EQ(row.failure.value().code, "wrong-reply-count") << id;
        EXPECT_EQ(row.failure->message, "the batch handler gave 1 replies for 2 jobs");
        EXPECT_FALSE(row.failure->retryable);
    }
}

TEST_F(WorkerTogetherTest, one_of_them_can_be_cancelled_while_they_run) {
    serve([](Jobs jobs) {
        FakePipeline::until("a cancel", [&] { return jobs[1]->cancelled(); });
        EXPECT_FALSE(jobs[0]->cancelled());
        std::vector<Reply> out = sizes(jobs);
        out[1] = Reply::failure("stopped", "", Retry::allowed);
        return out;
    });
    send(1, 2);
    pipeline.heartbeat_with(2);
    pipeline.send(encode(CancelJob{2, FakePipeline::id_of(2)}));
    auto rows = results(2);
    EXPECT_FALSE(rows["job-1"].failure);
    EXPECT_EQ(rows["job-2"].failure.value().code, "cancelled");
}

TEST_F(WorkerTogetherTest, one_that_was_cancelled_before_is_left_out) {
    std::latch go(1);
    serve([&](Jobs jobs) {
        go.wait();
        return sizes(jobs);
    });
    send(1, 1);
    pipeline.heartbeat_with(1);
    send(2, 3);
    pipeline.send(encode(CancelJob{3, FakePipeline::id_of(3)}));
    EXPECT_EQ(pipeline.results(1)[0].failure.value().code, "cancelled");
    go.count_down();
    auto rows = results(3);
    EXPECT_EQ(rows["job-2"].value, integer_value(2));
    EXPECT_EQ(rows["job-4"].value, integer_value(2));
}

TEST_F(WorkerTogetherTest, a_call_takes_one_slot) {
    std::atomic<int> inside{0}, most{0};
    std::latch both(2);
    serve(
        [&](Jobs jobs) {
            const int here = ++inside;
            for (int seen = most; seen < here && !most.compare_exchange_weak(seen, here);) {}
            both.arrive_and_wait();
            --inside;
            return sizes(jobs);
        },
        2);
    send(1, 3);
    send(4, 3);
    for (const auto& [id, row] : results(6)) EXPECT_EQ(row.value, integer_value(3)) << id;
    EXPECT_EQ(most, 2);
}

TEST_F(WorkerTogetherTest, a_drain_hands_back_a_batch_that_waits) {
    std::latch go(1);
    serve([&](Jobs jobs) {
        go.wait();
        return sizes(jobs);
    });
    send(1, 2);
    EXPECT_EQ(pipeline.heartbeat_with(2).running, (std::vector<JobNumber>{1, 2}));
    send(3, 2);
    pipeline.send(encode(Drain{})); // behind the jobs, on the same lane
    EXPECT_EQ(pipeline.next_bye().waiting, (std::vector<JobNumber>{3, 4}));
    go.count_down();
    EXPECT_EQ(results(2).size(), 2u);
    run->join_thread();
}

} // namespace
} // namespace penstock::testing
