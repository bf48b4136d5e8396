// Reader and Writer: shapes, and values that are carried as they came.

#include "protocol/codec.hpp"

#include <gtest/gtest.h>

namespace penstock {
namespace {

using namespace std::string_literals;

Node read(Reader& reader, std::string_view frame) {
    return reader.read(frame, Reader::Values::step_over);
}

std::string error_of(std::string_view frame) {
    Reader reader;
    EXPECT_FALSE(read(reader, frame));
    return reader.error();
}

std::string nested(std::size_t depth, char opener) {
    std::string out(depth, opener);
    out.push_back('\xc0');
    return out;
}

// {"type": "submit", "kind": "k", "id": "a", "payload": <value>, "priority": 7}
std::string submit_with(const std::string& value) {
    std::string out;
    Writer w(out);
    w.map(5).key("type").text("submit").key("kind").text("k").key("id").text("a").key("payload");
    out += value;
    w.key("priority").natural(7);
    return out;
}

const std::vector<std::string> kValues = {
    "\xc0"s,
    "\xc3"s,
    "\x00"s,
    "\x7f"s,
    "\xe0"s,
    "\xcf\xff\xff\xff\xff\xff\xff\xff\xff"s,
    "\xd3\x80\x00\x00\x00\x00\x00\x00\x00"s,
    "\xca\x7f\xc0\x00\x00"s, // NaN
    "\xcb\x40\x09\x21\xfb\x54\x44\x2d\x18"s,
    "\xa0"s,
    "\xa5hello"s,
    "\xd9\x05hello"s, // longer than it need be: kept as it came
    "\xc4\x03\x00\x01\x02"s,
    "\xd4\x05x"s, // ext
    "\xc7\x03\x01xyz"s,
    "\x90"s,
    "\x93\x01\x02\x03"s,
    "\x80"s,
    "\x82\xa7payload\xa5value\xa5value\x81\xa7payload\xc0"s, // the same keys deeper down
    "\x81\x81\xa1k\x01\x02"s,                                // a map whose key is a map
};

TEST(Wire, ShapesOfEveryKind) {
    std::string frame;
    Writer w(frame);
    w.array(9).nil().boolean(true).natural(5).integer(-5).real(1.5).text("t").bytes("b").array(0);
    w.map(1).key("k").nil();
    Reader reader;
    const Node root = read(reader, frame);
    ASSERT_TRUE(root);
    std::vector<Shape> shapes;
    Node at = root.first();
    for (std::uint32_t i = 0; i < root.size(); ++i) {
        shapes.push_back(at.shape());
        if (i + 1 < root.size()) at = at.after();
    }
    EXPECT_EQ(shapes, (std::vector<Shape>{Shape::nil, Shape::boolean, Shape::natural,
                                          Shape::integer, Shape::real, Shape::text, Shape::bytes,
                                          Shape::array, Shape::map}));
}

TEST(Wire, NumbersKeepTheirSize) {
    for (const std::uint64_t n : {0ull, 127ull, 128ull, 65'536ull, 1ull << 32, ~0ull}) {
        std::string frame;
        Writer(frame).natural(n);
        Reader reader;
        EXPECT_EQ(read(reader, frame).natural(), n);
    }
    for (const std::int64_t n : {std::int64_t{-1}, std::int64_t{-33}, INT64_MIN}) {
        std::string frame;
        Writer(frame).integer(n);
        Reader reader;
        EXPECT_EQ(read(reader, frame).integer(), n);
    }
}

TEST(Wire, APayloadIsCarriedByteForByte) {
    for (const std::string& value : kValues) {
        const std::string frame = submit_with(value);
        Reader reader;
        const auto decoded = decode_ventilator_door(reader, frame);
        ASSERT_EQ(decoded.error, "");
        const auto& submit = std::get<Submit>(decoded.messages.at(0));
        EXPECT_EQ(submit.rows.at(0).payload, value);
        EXPECT_EQ(submit.terms.priority, 7); // what stands behind it is found

        const JobBatch batch{1, "k", Duration(1), "", {{1, submit.rows[0].id, 1, value}}};
        const std::string job = encode_plain(batch, batch.rows[0]);
        Reader other;
        const auto lane = decode_lane(other, job);
        ASSERT_EQ(lane.error, "");
        EXPECT_EQ(std::get<JobBatch>(lane.messages.at(0)).rows.at(0).payload, value);
    }
}

TEST(Wire, AResultIsCarriedByteForByteToWhoeverAsks) {
    for (const std::string& value : kValues) {
        JobAnswer answer{Found::found, "", {}};
        answer.job.id = JobId::parse("a").value();
        answer.job.kind = "k";
        answer.job.value = value;
        const std::string frame = join_frames(
            {encode(Request(1), StatusAnswer{answer}), encode(Request(2), StatusAnswer{answer})});
        Reader reader;
        const auto decoded = decode_status_answer(reader, frame);
        ASSERT_EQ(decoded.error, "");
        EXPECT_EQ(std::get<JobAnswer>(decoded.messages.at(1).question).job.value, value);
    }
}

TEST(Wire, BytesThatAreNoValueGoOutAsBin) {
    for (const std::string& bytes :
         {""s, "\xc1"s, "\xa5hel"s, "\x01\x02"s, "\xdd\xff\xff\xff\xff"s}) {
        EXPECT_FALSE(is_one_value(bytes));
        std::string out;
        Writer(out).value(bytes);
        Reader reader;
        const Node node = read(reader, out);
        ASSERT_TRUE(node.is(Shape::bytes));
        EXPECT_EQ(node.text(), bytes);
    }
    for (const std::string& value : kValues) EXPECT_TRUE(is_one_value(value));
}

TEST(Wire, TheDeepestValueFitsIntoEveryMessage) {
    const std::string deepest = nested(kDepthMax, '\x91');
    EXPECT_TRUE(is_one_value(deepest));
    EXPECT_FALSE(is_one_value(nested(kDepthMax + 1, '\x91')));
    const std::string submit = submit_with(deepest);
    Reader reader;
    EXPECT_EQ(decode_ventilator_door(reader, join_frames({submit, submit})).error, "");
    JobAnswer answer{Found::found, "", {}};
    answer.job.id = JobId::parse("a").value();
    answer.job.value = deepest;
    const std::string job = encode(Request(1), StatusAnswer{answer});
    const auto decoded = decode_status_answer(reader, join_frames({job, job}));
    EXPECT_EQ(decoded.error, "");
    EXPECT_EQ(std::get<JobAnswer>(decoded.messages.at(0).question).job.value, deepest);
}

TEST(Wire, AValueThatIsTooDeepIsRefusedWhereItComesIn) {
    for (const char opener : {'\x91', '\x81'}) {
        std::string value;
        for (std::size_t i = 0; i <= kDepthMax; ++i) {
            value.push_back(opener);
            if (opener == '\x81') value.push_back('\x01'); // a key
        }
        value.push_back('\xc0');
        Reader reader;
        for (const auto& frame : {submit_with(value), join_frames({submit_with(value)})}) {
            EXPECT_EQ(decode_ventilator_door(reader, frame).error,
                      "the frame is nested deeper than 64");
        }
    }
}

TEST(Wire, TheFirstOfTwoEqualKeysCounts) {
    std::string frame;
    Writer w(frame);
    w.map(3).key("a").natural(1).key("a").natural(2).key("b").natural(3);
    Reader reader;
    const Node root = read(reader, frame);
    EXPECT_EQ(root.find("a").natural(), 1u);
    EXPECT_EQ(root.find("b").natural(), 3u);
    EXPECT_FALSE(root.find("c"));
}

TEST(Wire, KeysThatAreNoStringsArePassedOver) {
    const std::string frame = "\x84\x01\x02\xc0\xc0\x91\x01\x81\xa1k\x01\xa1k\x07"s;
    Reader reader;
    const Node root = read(reader, frame);
    ASSERT_TRUE(root.is(Shape::map));
    EXPECT_EQ(root.find("k").natural(), 7u);
}

TEST(Wire, SaysWhatIsWrongWithAFrame) {
    EXPECT_EQ(error_of(""), "is empty");
    EXPECT_EQ(error_of("\x81\xa1"), "ends in the middle of a value");
    EXPECT_EQ(error_of("\xc1"), "is not msgpack at byte 0");
    EXPECT_EQ(error_of("\x01\x02"), "has bytes behind its value");
    EXPECT_EQ(error_of(nested(2'000'000, '\x91')), "is nested deeper than 64");
    EXPECT_EQ(error_of(nested(2'000'000, '\x81')), "is nested deeper than 64");
    std::string crowd;
    Writer(crowd).array(kTokensMax);
    crowd.append(kTokensMax, '\x01');
    EXPECT_EQ(error_of(crowd), "has more than 4000000 elements");
}

TEST(Wire, AReaderForgetsTheFrameBefore) {
    Reader reader;
    EXPECT_FALSE(read(reader, "\xc1"));
    const Node node = read(reader, "\x2a");
    ASSERT_TRUE(node);
    EXPECT_EQ(reader.error(), "");
    EXPECT_EQ(node.natural(), 42u);
}

TEST(WireDeathTest, AskingForTheWrongShapeIsAMistakeOfTheProgrammer) {
    Reader reader;
    const Node node = read(reader, "\xa1t");
    EXPECT_DEATH(static_cast<void>(node.natural()), "check failed");
}

} // namespace
} // namespace penstock
