// Tapes: what is written can be read, what is damaged is said, and covered bytes are covered.

#include "protocol/payload_with.hpp"
#include "record/mask.hpp"
#include "tests/unit/record_fixture.hpp"

namespace penstock::record {
namespace {

TEST(Tape, HasWhatWasWrittenAtItsTime) {
    const auto written = write([](Tape& tape) {
        tape.add(kFirstOfRole, 2, [](Writer& w) { w.natural(7).bytes("seven"); });
        tape.at(both_at(2s));
        tape.add(kFirstOfRole + 1, 0, [](Writer&) {});
    });
    std::istringstream in(*written);
    TapeReader tape(in);
    EXPECT_EQ(tape.header().role, "ventilator");
    ASSERT_TRUE(tape.next());
    EXPECT_EQ(tape.natural(), 7u);
    EXPECT_EQ(tape.bytes(), "seven");
    EXPECT_EQ(tape.now().at, both_at(0s).at);
    ASSERT_TRUE(tape.next());
    EXPECT_EQ(tape.sort(), kFirstOfRole + 1);
    EXPECT_EQ(tape.now().at, both_at(2s).at);
    EXPECT_EQ(tape.now().wall, both_at(2s).wall);
    EXPECT_FALSE(tape.next());
    EXPECT_FALSE(tape.is_torn());
}

TEST(Tape, MayEndInTheMiddleOfARecord) {
    const auto written = write([](Tape& tape) {
        tape.add(kFirstOfRole, 1, [](Writer& w) { w.natural(1); });
        tape.add(kFirstOfRole, 1, [](Writer& w) { w.bytes("the last"); });
    });
    const std::size_t last = bodies(*written).back().size() + 8;
    for (std::size_t cut = 1; cut < last; ++cut) {
        std::istringstream in(written->substr(0, written->size() - cut));
        TapeReader tape(in);
        ASSERT_TRUE(tape.next());
        EXPECT_FALSE(tape.next()) << cut;
        EXPECT_TRUE(tape.is_torn()) << cut;
    }
}

std::string complaint(const std::string& bytes) {
    try {
        std::istringstream in(bytes);
        TapeReader tape(in);
        while (tape.next()) {}
    } catch (const TapeError& error) {
        return error.what();
    }
    return "";
}

TEST(Tape, SaysWhichRecordIsDamaged) {
    auto written = write([](Tape& tape) {
        tape.add(kFirstOfRole, 1, [](Writer& w) { w.bytes("one"); });
        tape.add(kFirstOfRole, 1, [](Writer& w) { w.bytes("two"); });
    });
    written->at(written->find("one")) ^= 1;
    EXPECT_EQ(complaint(*written).substr(0, 9), "record 1,");
    EXPECT_NE(complaint(*written).find("damaged"), std::string::npos);
}

TEST(Tape, OfAnotherVersionIsRefused) {
    const auto written = write([](Tape&) {});
    auto all = bodies(*written);
    all[0].at(2) = static_cast<char>(kVersion + 1); // behind the array's head and the sort
    EXPECT_NE(complaint(joined(all)).find("version 2"), std::string::npos) << complaint(joined(all));
}

TEST(Tape, IsNoOtherFile) {
    EXPECT_NE(complaint(""), "");
    EXPECT_NE(complaint("GET / HTTP/1.1\r\nHost: here\r\n\r\n"), "");
    EXPECT_NE(complaint(std::string(10'000, '\0')), "");
}

TEST(Tape, StopsAtItsGreatestSizeAndSaysSo) {
    std::string why;
    auto bytes = std::make_shared<std::string>();
    Recording recording = recording_to(bytes);
    recording.bytes_max = 1000;
    recording.stopped = [&](const std::string& sentence) { why += sentence; };
    Tape tape(recording, header());
    for (int i = 0; i < 100; ++i) tape.add(kFirstOfRole, 1, [](Writer& w) { w.bytes("some bytes"); });
    tape.flush();
    EXPECT_TRUE(tape.is_stopped());
    EXPECT_LE(bytes->size(), 1000u);
    EXPECT_EQ(why, "it has reached its greatest size of 1000 bytes");
    std::istringstream in(*bytes);
    TapeReader reader(in);
    std::size_t records = 0;
    while (reader.next()) ++records;
    EXPECT_TRUE(reader.is_stopped());
    EXPECT_GT(records, 20u);
}

TEST(Tape, StopsWhenItCantBeWritten) {
    int told = 0;
    Recording recording;
    recording.append = [](std::string_view) { return false; };
    recording.stopped = [&](const std::string&) { ++told; };
    Tape tape(recording, header());
    tape.add(kFirstOfRole, 0, [](Writer&) {});
    tape.flush();
    EXPECT_EQ(told, 1);
}

std::string covered(const std::string& value, std::uint64_t key = 1) {
    std::string out(value.size(), '?');
    Mask(key, true).cover(value, out.data());
    return out;
}

std::string text_of_size(std::size_t size, char with) {
    std::string out;
    Writer(out).bytes(std::string(size, with));
    return out;
}

TEST(Mask, KeepsTheSizeAndOneValueOfEachSize) {
    for (const std::size_t size : {0, 1, 2, 3, 4, 7, 8, 9, 200, 254, 255, 256, 300, 65'535, 65'536}) {
        const std::string value = text_of_size(size, 'x');
        EXPECT_TRUE(is_one_value(covered(value))) << size;
        EXPECT_EQ(covered(value).find("xx"), std::string::npos) << size;
    }
    for (const char* value : {"\x07", "\xc0", "\xcc\x99", "\xcd\x01\x02"}) {
        EXPECT_TRUE(is_one_value(covered(value))) << value;
    }
}

TEST(Mask, KeepsWhetherTwoAreTheSame) {
    EXPECT_EQ(covered(text_of_size(20, 'x')), covered(text_of_size(20, 'x')));
    EXPECT_NE(covered(text_of_size(20, 'x')), covered(text_of_size(20, 'y')));
    EXPECT_NE(covered(text_of_size(20, 'x')), covered(text_of_size(20, 'x'), 2));
}

TEST(Mask, AMapIsGivenAResultAsBefore) {
    std::string payload;
    Writer(payload).map(3).key("name").text("somebody").key("previous").natural(1000).key("n").nil();
    const std::string value = text_of_size(30, 'v');
    EXPECT_EQ(payload_with(covered(payload), "previous", covered(value)).size(),
              payload_with(payload, "previous", value).size());
    EXPECT_EQ(covered(payload).find("somebody"), std::string::npos);
    EXPECT_EQ(covered("\xc0"), "\xc0"); // without a payload
}

} // namespace
} // namespace penstock::record
