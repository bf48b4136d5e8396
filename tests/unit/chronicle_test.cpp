// What is written down of what happens, and how it is numbered.

#include "sink/chronicle.hpp"

#include <gtest/gtest.h>

namespace penstock::sink {
namespace {

void happen(Chronicle& chronicle, int times) {
    for (int i = 0; i < times; ++i) {
        if (chronicle.happened()) chronicle.write().what = Event::What::stored;
    }
}

TEST(Chronicle, WritesNothingWhileNobodyListens) {
    Chronicle chronicle;
    happen(chronicle, 5);
    EXPECT_TRUE(chronicle.empty());
    EXPECT_EQ(chronicle.take().first, 6u);
}

TEST(Chronicle, NumbersWhatHappensFromTheFirstThatIsHeard) {
    Chronicle chronicle;
    happen(chronicle, 5);
    chronicle.listen(true);
    happen(chronicle, 3);
    const Events heard = chronicle.take();
    EXPECT_EQ(heard.first, 6u);
    EXPECT_EQ(heard.rows.size(), 3u);
    happen(chronicle, 1);
    EXPECT_EQ(chronicle.take().first, 9u);
}

TEST(Chronicle, WhatIsTooMuchForOneFrameIsAGap) {
    Chronicle chronicle;
    chronicle.listen(true);
    happen(chronicle, Chronicle::kKeptMax + 7);
    EXPECT_EQ(chronicle.take().rows.size(), Chronicle::kKeptMax);
    happen(chronicle, 1);
    EXPECT_EQ(chronicle.take().first, Chronicle::kKeptMax + 8);
}

TEST(Chronicle, ForgetsWhatNobodyHasTaken) {
    Chronicle chronicle;
    chronicle.listen(true);
    happen(chronicle, 2);
    chronicle.listen(false);
    chronicle.listen(true);
    happen(chronicle, 1);
    EXPECT_EQ(chronicle.take().first, 3u);
}

} // namespace
} // namespace penstock::sink
