// Frames from people who mean harm, and from cables that do: nothing crashes, nothing is allocated
// from a claim, and every frame is either understood or refused with a reason.

#include "tests/support/allocations.hpp"
#include "tests/support/frames.hpp"

#include <gtest/gtest.h>

namespace penstock {
namespace {

using namespace penstock::testing;
using namespace std::string_literals;

constexpr std::size_t kMegabyte = 1u << 20;

constexpr Socket kSockets[] = {Socket::ventilator_door, Socket::sink_door,      Socket::lane,
                               Socket::control,         Socket::control_answer, Socket::status,
                               Socket::status_answer,   Socket::events};

// Decodes it at every socket and says how much memory the greediest took.
std::size_t decode_everywhere(std::string_view frame) {
    std::size_t most = 0;
    for (const Socket socket : kSockets) {
        const std::size_t before = allocated().bytes;
        const Outcome out = decode_at(socket, frame);
        most = std::max(most, allocated().bytes - before);
        EXPECT_TRUE(out.error.empty() || out.forms.empty());
    }
    return most;
}

TEST(Hostile, EveryTruncationOfEveryMessageIsAnError) {
    for (const Sample& sample : all_samples()) {
        for (std::size_t size = 0; size < sample.frame.size(); ++size) {
            const Outcome out = decode_at(sample.socket, sample.frame.substr(0, size));
            EXPECT_NE(out.error, "") << sample.name << " cut to " << size;
        }
    }
}

TEST(Hostile, BytesBehindAMessageAreAnError) {
    for (const Sample& sample : all_samples()) {
        EXPECT_EQ(decode_at(sample.socket, sample.frame + "\xc0").error,
                  "the frame has bytes behind its value");
    }
}

// Nobody reads these rows: they are looked at all the same.
TEST(Hostile, RowsThatNobodyReadsAreWholeToo) {
    const std::string bye = "\x83\xa4type\xa3" "bye\xa6worker\xa1w\xa4rows";
    const std::string ping = "\x82\xa4type\xa4ping\xa4rows";
    const std::string progress = "\x85\xa4type\xa8progress\xa2id\xa1" "a\xa7" "attempt\x01\xa8progress\x01\xa4rows";
    const std::string unknown = "\x82\xa4type\xa6" "future\xa4rows";
    const std::pair<Socket, std::string> cases[] = {
        {Socket::ventilator_door, bye}, {Socket::ventilator_door, unknown}, {Socket::lane, ping},
        {Socket::lane, unknown},        {Socket::sink_door, progress},      {Socket::sink_door, unknown}};
    for (const auto& [socket, frame] : cases) {
        EXPECT_EQ(decode_at(socket, frame + "\x91\x01").error, "");
        EXPECT_EQ(decode_at(socket, frame).error, "the frame ends in the middle of a value");
        EXPECT_EQ(decode_at(socket, frame + "\x92\x01").error, "the frame ends in the middle of a value");
        EXPECT_EQ(decode_at(socket, frame + "\x91\x01\xc0").error, "the frame has bytes behind its value");
        EXPECT_NE(decode_at(socket, frame + "\xc1").error.find("is not msgpack at byte"), std::string::npos);
    }
}

TEST(Hostile, AnyByteOfAnyMessageMayBeAnother) {
    const std::vector<char> others = {'\x00', '\x7f', '\x80', '\xc0',
                                      '\xc1', '\xd9', '\xdd', '\xff'};
    Reader reader;
    for (const Sample& sample : all_samples()) {
        std::string frame = sample.frame;
        for (char& byte : frame) {
            const char was = byte;
            for (int bit = 0; bit < 8; ++bit) {
                byte = static_cast<char>(was ^ (1 << bit));
                decode_at(sample.socket, reader, frame);
            }
            for (const char other : others) {
                byte = other;
                decode_at(sample.socket, reader, frame);
            }
            byte = was;
        }
    }
}

TEST(Hostile, AMessageMayComeToAnySocket) {
    for (const Sample& sample : all_samples()) decode_everywhere(sample.frame);
}

TEST(Hostile, RandomBytesAreUnderstoodOrRefused) {
    std::uint64_t seed = 1;
    const auto next = [&seed] {
        return seed = seed * 6364136223846793005ull + 1442695040888963407ull;
    };
    for (int i = 0; i < 20'000; ++i) {
        std::string frame(1 + (next() >> 60), '\0');
        for (char& c : frame) c = static_cast<char>(next() >> 56);
        decode_everywhere(frame);
    }
}

TEST(Hostile, AClaimedSizeIsNotBelieved) {
    for (const char opener : {'\xdd', '\xdf', '\xdb', '\xc6', '\xc9'}) {
        for (const auto& size : {"\xff\xff\xff\xff"s, "\x7f\xff\xff\xff"s, "\x00\x01\x00\x00"s}) {
            const std::string claim = opener + size;
            EXPECT_LT(decode_everywhere(claim), kMegabyte);
            // As an element of a list, as a field, as a payload, and as rows.
            EXPECT_LT(decode_everywhere("\x91" + claim), kMegabyte);
            for (const auto& key : {"\xa4type"s, "\xa7payload"s, "\xa5value"s, "\xa4rows"s}) {
                EXPECT_LT(decode_everywhere("\x81" + key + claim), kMegabyte);
            }
            EXPECT_LT(decode_everywhere("\x82\xa4type\xa6submit\xa4rows" + claim), kMegabyte);
        }
    }
}

TEST(Hostile, DepthCostsNothing) {
    for (const auto& opener : {"\x91"s, "\x81"s, "\x81\xa1k"s, "\xdd\x00\x00\x00\x01"s}) {
        std::string bomb;
        while (bomb.size() < 2 * kMegabyte) bomb += opener;
        EXPECT_LT(decode_everywhere(bomb), kMegabyte);
        EXPECT_LT(decode_everywhere("\x81\xa7payload" + bomb), kMegabyte);
    }
}

TEST(Hostile, WhatOneFrameTookIsGivenBack) {
    std::string crowd;
    Writer(crowd).array(3'000'000);
    crowd.append(3'000'000, '\xc0');
    Reader reader;
    decode_at(Socket::lane, reader, crowd);
    const std::size_t before = allocated().bytes;
    EXPECT_EQ(decode_at(Socket::lane, reader, encode(Ping{})).error, "");
    EXPECT_GT(allocated().bytes, before); // a small table again, instead of the large one kept
    EXPECT_LT(allocated().bytes - before, kMegabyte);
}

TEST(Hostile, UnknownKeysAndTypesAreIgnored) {
    for (const Sample& sample : all_samples()) {
        // One more pair in the map: a key from a version to come.
        std::string more = sample.frame;
        if ((static_cast<unsigned char>(more[0]) & 0xf0u) != 0x80u || more[0] == '\x8f') continue;
        more[0] = static_cast<char>(more[0] + 1);
        more += "\xa6"
                "future\x91\x82\xa1"
                "a\x01\xa1"
                "b\x02";
        const Outcome plain = decode_at(sample.socket, sample.frame);
        EXPECT_EQ(decode_at(sample.socket, more).forms, plain.forms) << sample.name;
    }
    const std::string future = "\x81\xa4type\xa6"
                               "future";
    for (const Socket s : {Socket::ventilator_door, Socket::sink_door, Socket::lane,
                           Socket::control_answer, Socket::status_answer, Socket::events}) {
        EXPECT_EQ(decode_at(s, future).error, "");
        EXPECT_EQ(decode_at(s, future).messages, 0u);
    }
}

TEST(Hostile, AQuestionOfAnUnknownTypeIsAnsweredWithTheKnownOnes) {
    const std::string future = "\x81\xa4type\xa6"
                               "future";
    EXPECT_EQ(decode_at(Socket::control, future).error,
              "`type` must be join, room, workers, stats, position or explain here");
    EXPECT_EQ(decode_at(Socket::status, future).error,
              "`type` must be status, wait, stored, list, stats, cancel, hello, kind, retry, "
              "partials, many, group, members or cancel_group here");
}

TEST(Hostile, AMessageIsAMapWithAType) {
    for (const Socket s : kSockets) {
        EXPECT_EQ(decode_at(s, "\x01").error, "a message must be a map");
        EXPECT_EQ(decode_at(s, "\x91\x91\x80").error, "a message must be a map");
        EXPECT_EQ(decode_at(s, "\x80").error, "a message needs `type`, a string");
        EXPECT_EQ(decode_at(s, "\x81\xa4type\x01").error, "a message needs `type`, a string");
        EXPECT_EQ(decode_at(s, "\x90").error, "");
    }
}

TEST(Hostile, OneWrongMessageRefusesItsWholeFrame) {
    const std::string ping = encode(Ping{});
    const std::string wrong = "\x81\xa4type\xa6"
                              "cancel";
    const Outcome out = decode_at(Socket::lane, join_frames({ping, wrong, ping}));
    EXPECT_EQ(out.error, "cancel: `id` must be there");
}

} // namespace
} // namespace penstock
