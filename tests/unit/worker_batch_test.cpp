// Jobs of one message, shared between slots; and outcomes gathered into messages.

#include "tests/support/jobs.hpp"
#include "workers/batch.hpp"
#include "workers/results.hpp"

#include <gtest/gtest.h>

#include <thread>

namespace penstock::worker {
namespace {

using namespace penstock::testing;

std::shared_ptr<Batch> batch_of(std::uint32_t count) {
    JobBatch jobs;
    jobs.epoch = 3;
    jobs.kind = "echo";
    for (std::uint32_t i = 0; i < count; ++i) {
        jobs.rows.push_back({10 + i, id("j" + std::to_string(i)), 1, Bytes("\xa1p", 2)});
    }
    return std::make_shared<Batch>(nullptr, std::move(jobs), std::make_shared<Kind>(),
                                   std::make_shared<Desk>());
}

std::vector<JobNumber> collected(Batch& batch) {
    std::vector<JobNumber> out;
    batch.collect([&](const JobRow& row, const Outcome&) { out.push_back(row.number); });
    return out;
}

std::vector<JobNumber> running(const Batch& batch) {
    std::vector<JobNumber> out;
    batch.each_running([&](const JobRow& row) { out.push_back(row.number); });
    return out;
}

using Numbers = std::vector<JobNumber>;

TEST(Batch, gives_each_job_once) {
    const auto batch = batch_of(2);
    EXPECT_EQ(batch->claim(), 0u);
    EXPECT_EQ(batch->claim(), 1u);
    EXPECT_EQ(batch->claim(), std::nullopt);
}

TEST(Batch, outcomes_are_collected_once_and_in_any_order) {
    const auto batch = batch_of(3);
    for (int i = 0; i < 3; ++i) batch->claim();
    batch->finish(2, Reply::nil(), 1us);
    EXPECT_EQ(collected(*batch), Numbers{12});
    EXPECT_EQ(running(*batch), (Numbers{10, 11}));
    batch->finish(0, Reply::nil(), 1us);
    batch->finish(1, Reply::nil(), 1us);
    EXPECT_EQ(collected(*batch), (Numbers{10, 11}));
    EXPECT_TRUE(batch->empty());
    EXPECT_TRUE(collected(*batch).empty());
}

TEST(Batch, a_withdrawn_job_never_starts) {
    const auto batch = batch_of(3);
    batch->claim();
    EXPECT_EQ(batch->withdraw(), (std::vector<std::uint32_t>{1, 2}));
    EXPECT_EQ(batch->claim(), std::nullopt);
    EXPECT_FALSE(batch->empty());
    batch->finish(0, Reply::nil(), 1us);
    EXPECT_EQ(collected(*batch), Numbers{10});
    EXPECT_TRUE(batch->empty());
}

TEST(Batch, a_waiting_job_that_is_cancelled_is_passed_over) {
    const auto batch = batch_of(2);
    EXPECT_EQ(batch->cancel(0), Batch::Cancelled::before_start);
    EXPECT_EQ(batch->claim(), 1u);
    EXPECT_EQ(batch->withdraw().size(), 0u);
}

TEST(Batch, a_running_job_that_is_cancelled_sees_it_in_both_ways) {
    const auto batch = batch_of(1);
    batch->claim();
    const auto token = batch->stop_token(0);
    EXPECT_EQ(batch->cancel(0), Batch::Cancelled::running);
    EXPECT_TRUE(batch->cancelled(0));
    EXPECT_TRUE(token.stop_requested());
    EXPECT_TRUE(batch->stop_token(0).stop_requested());
}

TEST(Batch, a_failure_after_a_cancel_is_the_cancel) {
    const auto batch = batch_of(1);
    batch->claim();
    batch->cancel(0);
    batch->finish(0, Reply::failure("other", "text", Retry::allowed), 1us);
    batch->collect([](const JobRow&, const Outcome& outcome) {
        EXPECT_EQ(outcome.reply.why()->code, "cancelled");
        EXPECT_FALSE(outcome.reply.why()->retryable);
    });
}

TEST(Batch, a_value_after_a_cancel_stays_a_value) {
    const auto batch = batch_of(1);
    batch->claim();
    batch->cancel(0);
    batch->finish(0, Reply::integer(1), 1us);
    batch->collect([](const JobRow&, const Outcome& o) { EXPECT_FALSE(o.reply.failed()); });
    EXPECT_EQ(batch->cancel(0), Batch::Cancelled::too_late);
}

TEST(Batch, many_threads_share_it_without_a_job_lost_or_run_twice) {
    constexpr std::uint32_t kJobs = 20'000;
    const auto batch = batch_of(kJobs);
    const auto work = [&] {
        while (const auto row = batch->claim()) batch->finish(*row, Reply::integer(*row), 1us);
    };
    std::size_t collected_rows = 0;
    {
        std::jthread one(work), two(work), three(work);
        while (collected_rows < kJobs) collected_rows += collected(*batch).size();
    }
    EXPECT_EQ(collected_rows, kJobs);
    EXPECT_TRUE(batch->empty());
}

TEST(Reply, what_is_no_msgpack_value_is_a_failure) {
    EXPECT_EQ(Reply::value("\x01\x02").why()->code, "bad-value");
    EXPECT_FALSE(Reply::value("\x01").failed());
}

TEST(Reply, codes_that_the_sink_would_refuse_are_replaced) {
    EXPECT_EQ(Reply::failure("no such code!", "", Retry::allowed).why()->code, "handler-error");
}

std::vector<std::string> taken(Results& results) {
    std::vector<std::string> out;
    results.take([&](std::string message, Epoch, std::span<const JobNumber>) {
        out.push_back(std::move(message));
    });
    return out;
}

TEST(Results, rows_that_share_epoch_and_content_type_share_a_message) {
    Results results("w");
    const JobRow row{1, id("a"), 1, {}};
    const Outcome one{Reply::integer(1), 5us};
    const Outcome failed{Reply::failure("c", "m", Retry::allowed), 5us};
    const Outcome png{Reply::bytes("image/png", "x"), 5us};
    results.add(1, 0, row, one);
    results.add(1, 0, row, failed);
    results.add(2, 0, row, one);
    results.add(2, 0, row, png);
    EXPECT_EQ(taken(results).size(), 3u);
    EXPECT_TRUE(taken(results).empty());
}

TEST(Results, rows_that_were_queued_for_about_as_long_share_a_message) {
    Results results("w");
    const JobRow row{1, id("a"), 1, {}};
    const Outcome one{Reply::integer(1), 5us};
    results.add(1, 50'000, row, one);
    results.add(1, 55'900, row, one); // a tenth and a millisecond
    results.add(1, 56'100, row, one);
    results.add(1, 0, row, one); // nobody knows
    const auto messages = taken(results);
    ASSERT_EQ(messages.size(), 3u);
    Reader reader;
    const auto decoded = decode_sink_door(reader, messages[0]);
    EXPECT_EQ(std::get<Result>(decoded.messages.at(0)).queued_us, 50'000u);
}

TEST(Results, a_wait_in_the_worker_is_said_from_a_millisecond_on) {
    Results results("w");
    const JobRow row{1, id("a"), 1, {}};
    const Outcome at_once{Reply::integer(1), 5us, 999us}, late{Reply::integer(1), 5us, 1'000us};
    results.add(1, 0, row, at_once); // they outlive the message
    results.add(1, 0, row, late);
    const auto messages = taken(results);
    Reader reader;
    const auto decoded = decode_sink_door(reader, messages.at(0));
    EXPECT_EQ(std::get<Result>(decoded.messages.at(0)).rows.at(0).waited_us, 0u);
    EXPECT_EQ(std::get<Result>(decoded.messages.at(0)).rows.at(1).waited_us, 1'000u);
}

TEST(Results, each_message_comes_with_its_epoch_and_the_numbers_of_its_jobs) {
    Results results("w");
    const Outcome one{Reply::integer(1), 5us};
    const auto add = [&](Epoch epoch, JobNumber n) { results.add(epoch, 0, {n, id("a"), 1, {}}, one); };
    using Said = std::vector<std::pair<Epoch, Numbers>>;
    const auto said = [&] {
        Said out;
        results.take([&](const std::string&, Epoch epoch, std::span<const JobNumber> jobs) {
            out.emplace_back(epoch, Numbers(jobs.begin(), jobs.end()));
        });
        return out;
    };
    add(1, 7);
    add(1, 3);
    add(2, 3);
    EXPECT_EQ(said(), (Said{{1, {7, 3}}, {2, {3}}}));
    add(2, 9);
    EXPECT_EQ(said(), (Said{{2, {9}}}));
}

TEST(Results, a_message_holds_1024_rows_at_most) {
    Results results("w");
    const JobRow row{1, id("a"), 1, {}};
    const Outcome outcome{Reply::integer(1), 0us};
    for (int i = 0; i < 1025; ++i) results.add(1, 0, row, outcome);
    const auto messages = taken(results);
    ASSERT_EQ(messages.size(), 2u);
    Reader reader;
    const auto decoded = decode_sink_door(reader, messages[0]);
    EXPECT_EQ(std::get<Result>(decoded.messages.at(0)).rows.size(), 1024u);
}

} // namespace
} // namespace penstock::worker
