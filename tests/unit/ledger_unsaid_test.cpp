// What a sink with a store says, and when: nothing before what it rests on is written.

#include "sink/unsaid.hpp"

#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

constexpr Epoch kEpoch = 3;
constexpr std::size_t kUnkeptMax = 100;

// A sink's end of the link on which `arrived` messages have come, and what it holds back.
struct UnsaidTest : ::testing::Test {
    UnsaidTest() {
        link.may_tell(0);
        link.restart(kEpoch, 0);
    }

    void arrive(std::uint64_t messages) {
        for (std::uint64_t i = 0; i < messages; ++i) link.arrived({kEpoch, link.got() + 1, 0});
    }

    void settle(JobNumber number) {
        unsaid.burst().outbox.settled.rows.push_back({number, 1, 0, 0});
    }

    static Changes change() {
        Changes changes;
        changes.epochs.push_back({kEpoch, 1});
        return changes;
    }

    static std::vector<JobNumber> settled(const Burst& burst) {
        std::vector<JobNumber> out;
        for (const auto& row : burst.outbox.settled.rows) out.push_back(row.first);
        return out;
    }

    FrameLink link;
    Unsaid unsaid{kUnkeptMax};
};

using Numbers = std::vector<JobNumber>;

TEST_F(UnsaidTest, SaysNothingOfABatchBeforeItIsWritten) {
    settle(7);
    EXPECT_FALSE(unsaid.end_burst(change(), link).say.has_value());
    EXPECT_EQ(settled(unsaid.written(link)), Numbers{7});
}

TEST_F(UnsaidTest, SaysAtOnceWhatChangesNothing) {
    settle(7);
    const auto next = unsaid.end_burst({}, link);
    ASSERT_TRUE(next.say.has_value());
    EXPECT_EQ(settled(*next.say), Numbers{7});
    EXPECT_FALSE(unsaid.is_writing());
}

TEST_F(UnsaidTest, HasNothingToDoWhenNothingHappened) {
    const auto next = unsaid.end_burst({}, link);
    EXPECT_FALSE(next.say.has_value());
    EXPECT_TRUE(next.write.empty());
}

TEST_F(UnsaidTest, WhatComesWhileABatchIsWrittenWaitsForTheNextOne) {
    (void)unsaid.end_burst(change(), link);
    settle(8);
    EXPECT_EQ(settled(unsaid.written(link)), Numbers{});
    EXPECT_FALSE(unsaid.end_burst(change(), link).say.has_value());
    EXPECT_EQ(settled(unsaid.written(link)), Numbers{8});
}

TEST_F(UnsaidTest, ConfirmsWhatHasArrivedWhenItIsWritten) {
    arrive(2);
    (void)unsaid.end_burst(change(), link);
    arrive(1);
    EXPECT_EQ(link.tellable(), 0u);
    (void)unsaid.written(link);
    EXPECT_EQ(link.tellable(), 2u);
}

TEST_F(UnsaidTest, ConfirmsAtOnceWhatChangedNothing) {
    arrive(2);
    EXPECT_TRUE(unsaid.end_burst({}, link).say.has_value());
    EXPECT_EQ(link.tellable(), 2u);
}

TEST_F(UnsaidTest, ForgetsWhatWasForAVentilatorThatWasReplaced) {
    settle(7);
    (void)unsaid.end_burst(change(), link);
    settle(8);
    HelloAnswer answer;
    answer.epoch = kEpoch + 1;
    unsaid.meet(answer, true, link);
    EXPECT_EQ(settled(unsaid.written(link)), Numbers{});
    EXPECT_EQ(settled(unsaid.burst()), Numbers{});
}

TEST_F(UnsaidTest, KeepsWhatIsForTheVentilatorThatASinkBeforeItKnew) {
    settle(7);
    HelloAnswer answer;
    answer.epoch = kEpoch;
    answer.remembers = true;
    unsaid.meet(answer, true, link);
    EXPECT_EQ(settled(unsaid.burst()), Numbers{7});
}

TEST_F(UnsaidTest, SaysEverythingAgainThatIsNotConfirmedAfterABreak) {
    for (int i = 0; i < 2; ++i) {
        link.number();
        link.push(std::make_shared<const std::string>("frame"));
        link.mark_sent();
    }
    unsaid.meet({}, false, link);
    EXPECT_EQ(link.unconfirmed(), 2u);
    EXPECT_NE(link.unsent(), nullptr);
}

TEST_F(UnsaidTest, ReadsNothingMoreWhenTheDiskIsFarBehind) {
    unsaid.arrived(kUnkeptMax + 1);
    EXPECT_FALSE(unsaid.is_behind());
    (void)unsaid.end_burst(change(), link);
    EXPECT_FALSE(unsaid.is_behind());
    unsaid.arrived(kUnkeptMax + 1);
    EXPECT_TRUE(unsaid.is_behind());
    (void)unsaid.written(link);
    EXPECT_FALSE(unsaid.is_behind());
}

TEST_F(UnsaidTest, AnswersThatWaitForTheDiskCountWithTheirValues) {
    Unsaid roomy(10'000);
    (void)roomy.end_burst(change(), link);
    JobAnswer job;
    roomy.burst().outbox.replies.push_back({1, std::nullopt, job});
    roomy.pause();
    EXPECT_FALSE(roomy.is_behind());
    job.job.value.assign(10'000, 'x');
    roomy.burst().outbox.replies.push_back({2, std::nullopt, job});
    roomy.pause();
    EXPECT_TRUE(roomy.is_behind());
    (void)roomy.written(link);
    (void)roomy.end_burst(change(), link);
    EXPECT_FALSE(roomy.is_behind()) << "the next batch begins with none";
}

} // namespace
} // namespace penstock::sink
