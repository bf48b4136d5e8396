// Submits leave at once while nothing is under way, else together.

#include "gateway/bursts.hpp"

#include <gtest/gtest.h>

namespace penstock::gateway {
namespace {

using Until = Bursts::Until;

constexpr Instant kStart{};
constexpr Instant kSoon = kStart + std::chrono::microseconds(10);

TEST(GatewayBursts, TheFirstLeavesAtOnce) {
    Bursts bursts;
    EXPECT_EQ(bursts.due_at(), kNever);
    bursts.collect(Until::stored, kStart);
    EXPECT_EQ(bursts.due_at(), kStart);
}

TEST(GatewayBursts, OthersWaitUntilItIsAnswered) {
    Bursts bursts;
    const auto first = bursts.collect(Until::stored, kStart);
    const auto beside = bursts.collect(Until::stored, kStart);
    bursts.leave();
    bursts.collect(Until::stored, kSoon);
    bursts.answered(first);
    EXPECT_GT(bursts.due_at(), kSoon);
    bursts.answered(beside);
    EXPECT_EQ(bursts.due_at(), kSoon);
}

TEST(GatewayBursts, NobodyWaitsLongForAnAnswerThatDoesNotCome) {
    Bursts bursts;
    const auto lost = bursts.collect(Until::stored, kStart);
    bursts.leave();
    bursts.collect(Until::stored, kSoon);
    EXPECT_EQ(bursts.due_at(), kSoon + Bursts::kHoldMost);
    bursts.leave();
    bursts.answered(lost); // counts no more
    bursts.collect(Until::stored, kSoon);
    EXPECT_EQ(bursts.due_at(), kSoon + Bursts::kHoldMost);
}

TEST(GatewayBursts, AHandlersTimeHoldsNobodyUp) {
    Bursts bursts;
    EXPECT_EQ(bursts.collect(Until::finished, kStart), Bursts::kNone);
    bursts.leave();
    bursts.collect(Until::stored, kSoon);
    EXPECT_EQ(bursts.due_at(), kSoon);
}

TEST(GatewayBursts, AFullBurstLeaves) {
    Bursts bursts;
    bursts.collect(Until::stored, kStart);
    bursts.leave();
    for (std::uint32_t i = 0; i < Bursts::kRowsMost; ++i) bursts.collect(Until::stored, kSoon);
    EXPECT_EQ(bursts.due_at(), kSoon);
}

TEST(GatewayBursts, WaitsForTheNextRoundWhileEachBringsMore) {
    Bursts bursts;
    EXPECT_FALSE(bursts.leaves(kStart)) << "there is nothing";
    bursts.collect(Until::stored, kStart);
    EXPECT_FALSE(bursts.leaves(kStart)) << "the next round may bring more";
    bursts.collect(Until::stored, kStart);
    EXPECT_FALSE(bursts.leaves(kStart)) << "it did";
    EXPECT_TRUE(bursts.leaves(kStart)) << "this one brought nothing";
    bursts.leave();
    EXPECT_FALSE(bursts.leaves(kSoon));
}

TEST(GatewayBursts, DoesNotWaitForLongWhileEachRoundBringsMore) {
    Bursts bursts;
    bursts.collect(Until::stored, kStart);
    EXPECT_TRUE(bursts.leaves(kStart + Bursts::kHoldMost));
    for (std::uint32_t i = 1; i < Bursts::kRowsMost; ++i) bursts.collect(Until::stored, kStart);
    EXPECT_TRUE(bursts.leaves(kStart));
}

TEST(GatewayBursts, AsksForAnotherRoundWhenTheOneBeforeItIsStored) {
    Bursts bursts;
    const auto first = bursts.collect(Until::stored, kStart);
    bursts.leave();
    bursts.collect(Until::stored, kSoon);
    EXPECT_FALSE(bursts.leaves(kSoon));
    bursts.answered(first);
    EXPECT_FALSE(bursts.leaves(kSoon)) << "whoever was answered may have something new to say";
    EXPECT_TRUE(bursts.leaves(kSoon));
}

TEST(GatewayBursts, WhatIsGivenUpBeforeItLeftIsNotWaitedFor) {
    Bursts bursts;
    bursts.collect(Until::stored, kStart);
    bursts.leave();
    bursts.answered(bursts.collect(Until::stored, kSoon));
    bursts.leave();
    bursts.collect(Until::stored, kSoon);
    EXPECT_EQ(bursts.due_at(), kSoon);
}

} // namespace
} // namespace penstock::gateway
