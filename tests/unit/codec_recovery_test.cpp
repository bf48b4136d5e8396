// What peers say so that nothing is lost or done twice when one of them begins again.

#include "tests/support/frames.hpp"

#include <functional>
#include <gtest/gtest.h>

namespace penstock {
namespace {

using namespace penstock::testing;

template <class Message, class Decode>
Message back(Decode decode, const std::string& frame) {
    Reader reader;
    const auto decoded = decode(reader, frame);
    EXPECT_EQ(decoded.error, "");
    return std::get<Message>(decoded.messages.at(0));
}

template <class Message>
Message to_sink(const Message& message) {
    return std::get<Message>(
        back<Linked<ToSink>>(decode_sink_door, encode(kHead, ToSink(message))).message);
}

template <class Message>
Message from_sink(const Message& message) {
    return std::get<Message>(
        back<Linked<FromSink>>(decode_ventilator_door, encode(kHead, FromSink(message))).message);
}

Join join_and_back(const Join& join) {
    Reader reader;
    const auto decoded = decode_control(reader, encode(Request(), ControlQuestion(join)));
    EXPECT_EQ(decoded.error, "");
    return std::get<Join>(decoded.messages.at(0).question);
}

HelloAnswer answer_and_back(const HelloAnswer& answer) {
    Reader reader;
    const auto decoded = decode_status_answer(reader, encode(Request(), StatusAnswer(answer)));
    EXPECT_EQ(decoded.error, "");
    return std::get<HelloAnswer>(decoded.messages.at(0).question);
}

std::string error_of(Socket socket, const std::function<void(Writer&)>& write) {
    std::string frame;
    Writer w(frame);
    write(w);
    return decode_at(socket, frame).error;
}

// ---- there and back -----------------------------------------------------------------------

TEST(CodecRecovery, AJoinNamesWhatRunsWithItsTokens) {
    Join join;
    join.kinds = {"add"};
    join.outbox = true;
    join.runs = {{kUuid, kMost64, kMost32, kMost64}, {kWord, 1, 2, 3}};
    const Join read = join_and_back(join);
    EXPECT_TRUE(read.outbox);
    ASSERT_EQ(read.runs.size(), 2u);
    EXPECT_EQ(read.runs[0].id, kUuid);
    EXPECT_EQ(read.runs[0].epoch, kMost64);
    EXPECT_EQ(read.runs[0].attempt, kMost32);
    EXPECT_EQ(read.runs[0].number, kMost64);
    EXPECT_EQ(read.runs[1].id, kWord);
    EXPECT_EQ(read.runs[1].number, 3u);
}

TEST(CodecRecovery, AHeartbeatSaysWhoseNumbersItHas) {
    const auto epoch_of = [](const Heartbeat& beat) {
        return back<Heartbeat>(decode_ventilator_door, encode(beat)).epoch;
    };
    EXPECT_EQ(epoch_of({"w", {1}, 0, 0, kMost64}), kMost64);
    EXPECT_EQ(epoch_of({"w", {1}, 0, 0}), 0u);
}

TEST(CodecRecovery, AWorkerHearsWhatIsSettled) {
    const std::vector<Range> rows = {{kMost64, kMost32}, {0, 1}};
    EXPECT_EQ(back<SettledJobs>(decode_lane, encode(SettledJobs{rows})).rows, rows);
    JobBatch batch{3, "add", std::chrono::seconds(1), "", {{1, kUuid, 1, kMapValue}}};
    batch.settled = rows;
    EXPECT_EQ(back<JobBatch>(decode_lane, encode(batch)).settled, rows);
    batch.settled.clear();
    EXPECT_TRUE(back<JobBatch>(decode_lane, encode(batch)).settled.empty());
}

TEST(CodecRecovery, ASinkThatBeganAgainIsToldSo) {
    Store store{1, plain_terms(), {{kUuid, kMapValue, 0, 0}}};
    EXPECT_FALSE(to_sink(store).again);
    store.again = true;
    EXPECT_TRUE(to_sink(store).again);
    const std::vector<Range> rows = {{kMost64, kMost32}, {1, 0}};
    EXPECT_EQ(to_sink(Holds{rows}).rows, rows);
    EXPECT_FALSE(to_sink(Holds{rows}).more);
    EXPECT_TRUE(to_sink(Holds{rows, true}).more);
    EXPECT_EQ(from_sink(Stored{{}, {}, {}, {}, rows}).unknown, rows);
    EXPECT_EQ(to_sink(Started{"w", {{1, 1}}, kMost64}).token, kMost64);
    EXPECT_EQ(to_sink(Started{"w", {{1, 1}}}).token, 0u);
}

TEST(CodecRecovery, ASinkSaysWhatItRemembersAndWhatItCanNotKeep) {
    EXPECT_TRUE(answer_and_back({"", 5, 6, 7, "", true}).remembers);
    EXPECT_FALSE(answer_and_back({"", 5, 6, 7, ""}).remembers);
    EXPECT_EQ(from_sink(Stored{{}, {}, {}, {kMost64}}).refused, std::vector<JobNumber>{kMost64});
    const Take taken = from_sink(
        Take{plain_terms(), {{kUuid, kMapValue, 1, 0, {}, true}, {kWord, kMapValue, 1, 0, {}}}});
    EXPECT_TRUE(taken.rows.at(0).runs);
    EXPECT_FALSE(taken.rows.at(1).runs);
}

// ---- from people who mean harm ------------------------------------------------------------

TEST(CodecRecovery, WhatIsSettledComesInPairs) {
    const auto jobs = [](std::initializer_list<std::uint64_t> numbers) {
        return error_of(Socket::lane, [&](Writer& w) {
            w.map(2).key("type").text("settled").key("jobs").array(numbers.size());
            for (const auto n : numbers) w.natural(n);
        });
    };
    EXPECT_EQ(jobs({}), "");
    EXPECT_EQ(jobs({1, 2}), "");
    EXPECT_EQ(jobs({1}), "settled: `jobs` must be pairs of a number and a count");
    EXPECT_EQ(jobs({1, 2, 3}), "settled: `jobs` must be pairs of a number and a count");
    EXPECT_EQ(jobs({1, kMost64}), "settled: `jobs` must be pairs of a number and a count");
    EXPECT_NE(error_of(Socket::lane,
                       [](Writer& w) {
                           w.map(2).key("type").text("settled").key("jobs").array(2);
                           w.text("1").natural(1);
                       }),
              "");
}

TEST(CodecRecovery, ARunThatLacksItsTokenIsRefused) {
    const auto join = [](std::size_t elements, bool is_row) {
        return error_of(Socket::control, [&](Writer& w) {
            w.map(3).key("type").text("join").key("kinds").array(1).text("add");
            w.key("runs").array(1);
            if (!is_row) return void(w.natural(7));
            w.array(elements);
            if (elements > 0) w.id(kUuid);
            for (std::size_t i = 1; i < elements; ++i) w.natural(1);
        });
    };
    const std::string must = "join: `runs` must be an array of [id, epoch, attempt, number]";
    EXPECT_EQ(join(4, true), "");
    EXPECT_EQ(join(5, true), ""); // of a version to come
    for (const std::size_t elements : {0u, 1u, 3u}) EXPECT_EQ(join(elements, true), must);
    EXPECT_EQ(join(0, false), must);
}

TEST(CodecRecovery, ARunsNumbersAreInTheirRanges) {
    const auto join = [](std::uint64_t attempt) {
        return error_of(Socket::control, [&](Writer& w) {
            w.map(3).key("type").text("join").key("kinds").array(1).text("add");
            w.key("runs").array(1).array(4).id(kUuid).natural(1).natural(attempt).natural(1);
        });
    };
    EXPECT_EQ(join(kMost32), "");
    EXPECT_NE(join(std::uint64_t(kMost32) + 1), "");
}

TEST(CodecRecovery, RowsOfHoldsHaveACount) {
    const auto holds = [](std::size_t elements) {
        return error_of(Socket::sink_door, [&](Writer& w) {
            w.map(5).key("type").text("holds").key("epoch").natural(3);
            w.key("seq").natural(1).key("got").natural(0).key("rows").array(1).array(elements);
            for (std::size_t i = 0; i < elements; ++i) w.natural(1);
        });
    };
    EXPECT_EQ(holds(2), "");
    EXPECT_NE(holds(1), "");
}

} // namespace
} // namespace penstock
