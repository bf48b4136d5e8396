// Results that are kept until they are recorded.

#include "workers/outbox.hpp"
#include "workers/streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <set>

namespace penstock::worker {
namespace {

class OutboxTest : public ::testing::Test {
protected:
    Outbox outbox;
    using Names = std::vector<std::string>;

    void SetUp() override { outbox.has_lane(1); }

    void keep(const std::string& name, const std::vector<JobNumber>& jobs, Epoch epoch = 1) {
        outbox.keep(std::make_shared<const std::string>(name), epoch, jobs);
    }

    void settle(JobNumber first, std::uint32_t count = 1) { outbox.settle({{first, count}}); }

    [[nodiscard]] Names kept() const {
        Names out;
        for (const auto& frame : outbox.frames()) out.push_back(*frame);
        return out;
    }
};

TEST_F(OutboxTest, a_frame_goes_when_all_of_its_rows_are_settled) {
    keep("a", {1, 2});
    keep("b", {3});
    settle(1);
    EXPECT_EQ(kept(), (Names{"a", "b"}));
    settle(2, 2);
    EXPECT_TRUE(outbox.empty());
}

TEST_F(OutboxTest, one_range_may_be_of_many_frames_and_one_frame_of_many_ranges) {
    keep("a", {1, 5, 2});
    keep("b", {3, 6, 7});
    outbox.settle({{1, 1}, {5, 1}, {2, 2}, {6, 2}});
    EXPECT_TRUE(outbox.empty());
}

TEST_F(OutboxTest, what_is_settled_out_of_order_is_found) {
    keep("a", {1});
    keep("b", {2, 4});
    keep("c", {3});
    settle(3);
    EXPECT_EQ(kept(), (Names{"a", "b"}));
    settle(4);
    settle(1);
    EXPECT_EQ(kept(), (Names{"b"}));
    settle(2);
    EXPECT_TRUE(outbox.empty());
}

TEST_F(OutboxTest, what_was_never_sent_from_here_changes_nothing) {
    keep("a", {5});
    settle(1, 4);
    settle(6, 0xffffffff); // whatever a ventilator says, it is read at once
    settle(~JobNumber{0}, 0xffffffff);
    EXPECT_EQ(kept(), (Names{"a"}));
    settle(5);
    settle(5);
    EXPECT_TRUE(outbox.empty());
}

TEST_F(OutboxTest, a_number_means_a_job_of_the_newest_epoch) {
    keep("old", {7}, 1);
    outbox.has_lane(2);
    settle(7);
    EXPECT_EQ(kept(), (Names{"old"}));
}

TEST_F(OutboxTest, frames_of_an_older_epoch_go_with_the_first_settled_row_behind_them) {
    keep("old", {7}, 1);
    outbox.asks_to_join();
    outbox.has_lane(2);
    keep("new", {1, 2}, 2);
    keep("kept-on", {8}, 1); // it ran when its ventilator died
    settle(2);
    EXPECT_EQ(kept(), (Names{"new", "kept-on"}));
    settle(1);
    keep("newer", {3}, 2);
    settle(3);
    EXPECT_TRUE(outbox.empty());
}

TEST_F(OutboxTest, what_no_join_named_goes_with_the_first_settled_row_behind_it) {
    keep("before", {7});
    outbox.asks_to_join();
    keep("named", {8});
    outbox.has_lane(1);
    keep("after", {9});
    settle(9);
    EXPECT_EQ(kept(), (Names{"named"}));
}

TEST_F(OutboxTest, what_no_join_named_is_found_by_its_number_too) {
    keep("before", {7});
    outbox.asks_to_join();
    settle(7);
    EXPECT_TRUE(outbox.empty());
}

TEST(Outbox, beyond_its_bound_the_oldest_go) {
    Outbox outbox(10'000);
    outbox.has_lane(1);
    const auto frame = [](char c) { return std::make_shared<const std::string>(4'000, c); };
    const std::vector<JobNumber> one = {1}, two = {2}, three = {3};
    outbox.keep(frame('a'), 1, one);
    outbox.keep(frame('b'), 1, two);
    EXPECT_EQ(outbox.given_up(), 0u);
    outbox.keep(frame('c'), 1, three);
    EXPECT_EQ(outbox.given_up(), 1u);
    EXPECT_EQ(outbox.frames().at(0)->front(), 'b');
    outbox.settle({{2, 2}});
    EXPECT_TRUE(outbox.empty());
}

// A seeded worker and sink that settle in order, out of order, twice and not at all.
TEST(Outbox, holds_what_is_not_settled_whatever_the_order) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        const auto upto = [&](std::size_t n) { return static_cast<std::size_t>(random() % n); };
        Outbox outbox;
        outbox.has_lane(1);
        std::vector<std::pair<std::string, std::set<JobNumber>>> model;
        std::vector<JobNumber> open;
        JobNumber next = 1;
        for (int step = 0; step < 300; ++step) {
            if (upto(2) == 0) {
                std::vector<JobNumber> rows;
                for (std::size_t i = 0; i <= upto(5); ++i) rows.push_back(next++);
                std::shuffle(rows.begin(), rows.end(), random);
                model.emplace_back("frame-" + std::to_string(next),
                                   std::set<JobNumber>(rows.begin(), rows.end()));
                outbox.keep(std::make_shared<const std::string>(model.back().first), 1, rows);
                open.insert(open.end(), rows.begin(), rows.end());
            } else if (!open.empty()) {
                const std::size_t at = upto(4) > 0 ? 0 : upto(open.size());
                const Range range{open[at], static_cast<std::uint32_t>(1 + upto(3))};
                outbox.settle({range});
                const auto is_in = [&](JobNumber n) {
                    return n >= range.first && n < range.first + range.count;
                };
                std::erase_if(open, is_in);
                for (auto& frame : model) std::erase_if(frame.second, is_in);
                std::erase_if(model, [](const auto& frame) { return frame.second.empty(); });
            }
            ASSERT_EQ(outbox.size(), model.size()) << "seed " << seed << " step " << step;
        }
        std::vector<std::string> left;
        for (const auto& frame : outbox.frames()) left.push_back(*frame);
        for (std::size_t i = 0; i < model.size(); ++i) EXPECT_EQ(left[i], model[i].first);
    }
}

TEST(Streams, a_piece_that_is_lost_ends_those_of_its_attempt) {
    using Room = Streams::Room;
    const JobId one = *JobId::parse("one"), other = *JobId::parse("other");
    Streams streams;
    EXPECT_TRUE(streams.admit(one, 1, Room::some));
    EXPECT_FALSE(streams.admit(one, 1, Room::none));
    EXPECT_FALSE(streams.admit(one, 1, Room::some)) << "a gap is worse than an early end";
    EXPECT_TRUE(streams.admit(other, 1, Room::some));
    EXPECT_TRUE(streams.admit(one, 2, Room::some));
    streams.cut_all();
    EXPECT_FALSE(streams.admit(other, 1, Room::some));
    streams.ended(other, 1);
    streams.ended(one, 1);
    streams.ended(one, 2);
    EXPECT_FALSE(streams.any());
}

} // namespace
} // namespace penstock::worker
