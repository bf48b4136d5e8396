#include "protocol/payload_with.hpp"
#include "protocol/wire.hpp"

#include <gtest/gtest.h>

namespace penstock {
namespace {

using namespace std::literals;

const std::string kValue = "\x93\x01\x02\x03"; // [1, 2, 3]

TEST(PayloadWith, WithoutAPayloadItIsTheValue) {
    EXPECT_EQ(payload_with("", "results", kValue), kValue);
    EXPECT_EQ(payload_with("\xc0", "results", kValue), kValue);
}

TEST(PayloadWith, AMapGetsTheKey) {
    EXPECT_EQ(payload_with("\x81\xa1" "a\x05", "results", kValue),
              "\x82\xa1" "a\x05\xa7results" + kValue);
    EXPECT_EQ(payload_with("\x80", "previous", kValue), "\x81\xa8previous" + kValue);
}

TEST(PayloadWith, WhatStandsBehindTheKeyIsReplaced) {
    EXPECT_EQ(payload_with("\x83\xa1" "a\x05\xa7results\xa3old\xa1" "b\x06", "results", kValue),
              "\x83\xa1" "a\x05\xa1" "b\x06\xa7results" + kValue);
}

TEST(PayloadWith, KeysNeedNotBeTexts) {
    EXPECT_EQ(payload_with("\x82\x01\x91\x07\xc3\x08"s, "results", kValue),
              "\x83\x01\x91\x07\xc3\x08\xa7results" + kValue);
}

TEST(PayloadWith, ALongMapKeepsItsPairs) {
    std::string payload;
    Writer w(payload);
    w.map(20);
    for (std::uint64_t i = 0; i < 20; ++i) w.natural(i).natural(i);
    const std::string out = payload_with(payload, "results", kValue);
    Reader reader;
    const Node root = reader.read(out, Reader::Values::read);
    ASSERT_TRUE(root.is(Shape::map));
    EXPECT_EQ(root.size(), 21u);
    EXPECT_TRUE(root.find("results").is(Shape::array));
}

TEST(PayloadWith, AnythingElseStaysAsItIs) {
    for (const std::string payload : {"\x05", "\xa1" "a", "\x91\x05", "\x81\xa1"}) {
        EXPECT_EQ(payload_with(payload, "results", kValue), payload);
    }
}

} // namespace
} // namespace penstock
