// Every promise is kept once.

#include "gateway/pending.hpp"

#include <gtest/gtest.h>

namespace penstock::gateway {
namespace {

constexpr Instant kStart{};
const Instant kLater = kStart + std::chrono::seconds(1);

JobAnswer found() {
    JobAnswer answer;
    answer.found = Found::found;
    return answer;
}

class GatewayPending : public testing::Test {
protected:
    std::uint64_t open(Pending::Form form, std::uint32_t rows) {
        return pending_.open(Promise(), form, rows, kLater);
    }

    Pending pending_;
    std::vector<Completed> done_;
};

TEST_F(GatewayPending, AnswersOnce) {
    const auto number = open(Pending::Form::single, 1);
    EXPECT_GE(number, Pending::kFirstNumber);
    pending_.answer(number, found(), done_);
    pending_.answer(number, found(), done_);
    EXPECT_EQ(done_.size(), 1u);
}

TEST_F(GatewayPending, ALateAnswerFindsNobodyElse) {
    const auto first = open(Pending::Form::single, 1);
    pending_.answer(first, found(), done_);
    const auto second = open(Pending::Form::single, 1); // in the same slot
    pending_.answer(first, found(), done_);
    EXPECT_EQ(done_.size(), 1u);
    EXPECT_EQ(pending_.waiting(second), 1u);
}

TEST_F(GatewayPending, ABulkIsCompleteWhenAllOfItIs) {
    const auto number = open(Pending::Form::bulk, 3);
    pending_.answer(number + 2, found(), done_);
    pending_.answer(number + 2, found(), done_);
    JobAnswer refused;
    refused.found = Found::refused;
    pending_.answer(number + 1, JobAnswer(refused), done_);
    EXPECT_TRUE(done_.empty());
    pending_.answer(number, found(), done_);
    ASSERT_EQ(done_.size(), 1u);
    const auto* bulk = done_.front().answer.get<BulkAnswer>();
    ASSERT_EQ(bulk->failed.size(), 1u);
    EXPECT_EQ(bulk->failed.front().row, 1u);
}

TEST_F(GatewayPending, ABulkIsCompleteByNumbersAlone) {
    const auto number = open(Pending::Form::bulk, 2);
    pending_.answer(number + 1, IsStored{}, done_);
    EXPECT_TRUE(done_.empty());
    pending_.answer(number, IsStored{}, done_);
    ASSERT_EQ(done_.size(), 1u);
    EXPECT_TRUE(done_[0].answer.get<BulkAnswer>()->failed.empty());
}

TEST_F(GatewayPending, SilenceEndsAQuestion) {
    open(Pending::Form::single, 1);
    const auto bulk = open(Pending::Form::bulk, 2);
    pending_.answer(bulk, found(), done_);
    pending_.expire(kStart, done_);
    EXPECT_TRUE(done_.empty());
    pending_.expire(kLater, done_);
    ASSERT_EQ(done_.size(), 2u);
    EXPECT_EQ(done_[0].answer.what, Answer::What::silent);
    EXPECT_EQ(done_[1].answer.get<BulkAnswer>()->failed.front().answer.found, Found::timed_out);
}

TEST_F(GatewayPending, MovingOnBuysTime) {
    const auto number = open(Pending::Form::bulk, 1);
    pending_.extend(number, kLater + std::chrono::seconds(1));
    pending_.expire(kLater, done_);
    EXPECT_TRUE(done_.empty());
}

TEST_F(GatewayPending, IgnoresNumbersThatItNeverGave) {
    for (const std::uint64_t number : {0ull, 1ull, 1ull << 20, ~0ull}) {
        pending_.answer(number, found(), done_);
    }
    EXPECT_TRUE(done_.empty());
}

} // namespace
} // namespace penstock::gateway
