// Results that are kept until they are recorded.

#include "workers/outbox.hpp"
#include "workers/streams.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

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

TEST_F(OutboxTest, two_results_of_a_number_are_settled_one_after_the_other) {
    keep("first", {1});
    keep("second", {1});
    settle(1);
    EXPECT_EQ(kept(), (Names{"second"}));
    settle(1);
    EXPECT_TRUE(outbox.empty());
}

TEST_F(OutboxTest, two_results_of_a_number_in_one_frame_too) {
    keep("both", {1, 1});
    settle(1);
    EXPECT_EQ(kept(), (Names{"both"}));
    settle(1);
    EXPECT_TRUE(outbox.empty());
}

TEST_F(OutboxTest, the_oldest_result_is_meant_also_where_others_behind_it_were_settled) {
    keep("failed", {1});
    keep("fine", {2});
    keep("retried", {1});
    settle(2); // a sink says the failures last
    settle(1);
    EXPECT_EQ(kept(), (Names{"retried"}));
}

TEST_F(OutboxTest, a_range_settles_one_result_of_each_number) {
    keep("a", {1});
    keep("b", {2});
    keep("c", {1});
    outbox.settle({{0, 9}});
    EXPECT_EQ(kept(), (Names{"c"}));
}

TEST_F(OutboxTest, a_result_that_no_join_named_is_not_the_one_that_is_settled) {
    keep("first", {1});
    outbox.asks_to_join();
    keep("second", {1});
    keep("third", {3});
    settle(1);
    EXPECT_EQ(kept(), (Names{"third"}));
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

// The same rules without any haste.
struct PlainOutbox {
    struct Kept {
        std::string name;
        std::vector<JobNumber> rows;
        bool passes = false;
    };

    std::vector<Kept> frames;

    void settle(JobNumber number) {
        for (const bool passes : {false, true}) {
            const auto has_it = [&](const Kept& kept) {
                return kept.passes == passes && std::ranges::count(kept.rows, number) > 0;
            };
            const auto found = std::ranges::find_if(frames, has_it);
            if (found == frames.end()) continue;
            found->rows.erase(std::ranges::find(found->rows, number));
            for (auto before = frames.begin(); before != found && !passes; ++before) {
                if (before->passes) before->rows.clear();
            }
            std::erase_if(frames, [](const Kept& kept) { return kept.rows.empty(); });
            return;
        }
    }

    // Nearly always of the oldest.
    [[nodiscard]] JobNumber any(std::mt19937& random) const {
        if (frames.empty()) return 1;
        const auto& rows = frames[random() % 4 > 0 ? 0 : random() % frames.size()].rows;
        return rows[random() % 4 > 0 ? 0 : random() % rows.size()];
    }
};

// A seeded worker and sink that settle in order, out of order, twice and not at all, attempts of
// the same job and what was sent over lanes before.
TEST(Outbox, holds_what_is_not_settled_whatever_the_order) {
    for (unsigned seed = 1; seed <= 200; ++seed) {
        std::mt19937 random(seed);
        const auto one_in = [&](unsigned n) { return random() % n == 0; };
        Outbox outbox;
        outbox.has_lane(1);
        PlainOutbox model;
        JobNumber next = 1;
        for (int step = 0; step < 300; ++step) {
            if (one_in(50)) {
                outbox.asks_to_join();
                for (auto& frame : model.frames) frame.passes = true;
            } else if (one_in(2)) {
                std::vector<JobNumber> rows;
                for (unsigned i = 0; i <= random() % 6; ++i) {
                    rows.push_back(one_in(8) ? model.any(random) : next++);
                }
                std::shuffle(rows.begin(), rows.end(), random);
                model.frames.push_back({"frame-" + std::to_string(step), rows});
                outbox.keep(std::make_shared<const std::string>(model.frames.back().name), 1, rows);
            } else {
                const Range range{model.any(random), static_cast<std::uint32_t>(1 + random() % 3)};
                outbox.settle({range});
                for (std::uint32_t i = 0; i < range.count; ++i) model.settle(range.first + i);
            }
            std::vector<std::string> left, expected;
            for (const auto& frame : outbox.frames()) left.push_back(*frame);
            for (const auto& frame : model.frames) expected.push_back(frame.name);
            ASSERT_EQ(left, expected) << "seed " << seed << " step " << step;
        }
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
