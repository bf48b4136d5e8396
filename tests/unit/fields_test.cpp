// Every field says what it must be, by its name.

#include "protocol/fields.hpp"

#include "tests/support/frames.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <set>

namespace penstock {
namespace {

using namespace penstock::testing;
using namespace std::string_literals;

const std::string kNoFieldTakesThis = "\xd4\x05x"; // ext

// The sample with the value of `key` in its place exchanged.
std::string exchange(const std::string& frame, Bytes old_value, const std::string& value) {
    const auto at = static_cast<std::size_t>(old_value.data() - frame.data());
    return frame.substr(0, at) + value + frame.substr(at + old_value.size());
}

std::vector<Node> keys_of(Node map) {
    std::vector<Node> out;
    Node at = map.first();
    for (std::uint32_t i = 0; i < map.size(); ++i) {
        out.push_back(at);
        if (i + 1 < map.size()) at = at.after().after();
    }
    return out;
}

// One message as a map that a test writes down.
class Map {
public:
    explicit Map(std::string_view type) { text("type", type); }

    Map& raw(std::string_view key, std::string_view encoded) {
        Writer(body_).key(key);
        body_ += encoded;
        ++pairs_;
        return *this;
    }

    Map& text(std::string_view key, std::string_view value) {
        std::string encoded;
        Writer(encoded).text(value);
        return raw(key, encoded);
    }

    Map& natural(std::string_view key, std::uint64_t value) {
        std::string encoded;
        Writer(encoded).natural(value);
        return raw(key, encoded);
    }

    Map& real(std::string_view key, double value) {
        std::string encoded;
        Writer(encoded).real(value);
        return raw(key, encoded);
    }

    Map& integer(std::string_view key, std::int64_t value) {
        std::string encoded;
        Writer(encoded).integer(value);
        return raw(key, encoded);
    }

    [[nodiscard]] std::string frame() const {
        std::string out;
        Writer(out).map(pairs_);
        return out + body_;
    }

private:
    std::string body_;
    std::size_t pairs_ = 0;
};

Map submit() {
    return Map("submit").text("kind", "k").text("id", "a").raw("payload", "\xc0");
}

Map result() {
    return Map("result").text("id", "a").natural("attempt", 1).natural("epoch", 1);
}

std::string at_door(const Map& map) {
    return decode_at(Socket::ventilator_door, map.frame()).error;
}

std::string at_sink(const Map& map) {
    return decode_at(Socket::sink_door, map.frame()).error;
}

// ---- types --------------------------------------------------------------------------------

TEST(Fields, AWrongTypeIsSaidByTheNameOfItsField) {
    const std::set<std::string> any = {"payload", "value"}; // any value at all
    // Lists that are only shown to people are taken as empty.
    const std::set<std::string> lists = {"workers", "kinds", "jobs"};
    std::size_t checked = 0;
    for (const Sample& sample : all_samples()) {
        Reader reader;
        const Node root = reader.read(sample.frame, Reader::Values::read);
        for (const Node key : keys_of(root)) {
            const std::string name(key.text());
            const bool shown =
                (sample.socket == Socket::control_answer || sample.socket == Socket::status_answer);
            if (name == "type" || any.contains(name) || (shown && lists.contains(name))) continue;
            const auto frame = exchange(sample.frame, key.raw_after(), kNoFieldTakesThis);
            const std::string error = decode_at(sample.socket, frame).error;
            const bool named = error.starts_with(sample.name) || name == "job";
            EXPECT_TRUE(named) << sample.name << " " << name << ": " << error;
            EXPECT_TRUE(name == "job" || error.find("`" + name + "`") != std::string::npos)
                << sample.name << " " << name << ": " << error;
            EXPECT_NE(error, "");
            ++checked;
        }
    }
    EXPECT_GT(checked, 150u);
}

TEST(Fields, AFieldThatMustBeThereIsMissed) {
    EXPECT_EQ(at_door(Map("submit")), "submit: `kind` must be there");
    EXPECT_EQ(at_door(Map("submit").text("kind", "k")), "submit: `payload` must be there");
    EXPECT_EQ(at_door(Map("submit").text("kind", "k").raw("payload", "\xc0")),
              "submit: `id` must be there");
    EXPECT_EQ(at_sink(Map("result")), "result: `epoch` must be there");
    EXPECT_EQ(at_sink(Map("progress").text("id", "a")), "progress: `attempt` must be there");
    EXPECT_EQ(decode_at(Socket::control, Map("join").frame()).error,
              "join: `kinds` must be an array of at least one kind");
    EXPECT_EQ(decode_at(Socket::status, Map("hello").frame()).error,
              "hello: `instance` must be there");
    EXPECT_EQ(at_sink(Map("confirm")), "confirm: `epoch` must be there");
}

TEST(Fields, NilIsAsGoodAsAbsent) {
    EXPECT_EQ(at_door(submit().raw("priority", "\xc0").raw("tags", "\xc0")), "");
    EXPECT_EQ(at_sink(result().raw("error", "\xc0").raw("worker", "\xc0")), "");
    EXPECT_EQ(at_door(Map("submit").raw("kind", "\xc0")), "submit: `kind` must be there");
}

// ---- ranges -------------------------------------------------------------------------------

TEST(Fields, NumbersHaveTheirRange) {
    EXPECT_EQ(at_door(submit().natural("priority", 9)), "");
    EXPECT_EQ(at_door(submit().natural("priority", 10)),
              "submit: `priority` must be a whole number from 0 to 9");
    EXPECT_EQ(at_door(submit().integer("priority", -1)),
              "submit: `priority` must be a whole number from 0 to 9");
    EXPECT_EQ(at_door(submit().real("priority", 4.5)),
              "submit: `priority` must be a whole number from 0 to 9");
    EXPECT_EQ(at_door(submit().natural("max_attempts", 0)),
              "submit: `max_attempts` must be at least 1");
    EXPECT_EQ(at_door(submit().natural("max_attempts", 1'001)),
              "submit: `max_attempts` must be a whole number from 0 to 1000");
}

TEST(Fields, DurationsAreFiniteAndNotNegative) {
    for (const char* key : {"delay", "ttl", "timeout", "backoff"}) {
        const std::string must = "submit: `"s + key + "` must be a number from 0 to 315360000";
        EXPECT_EQ(at_door(submit().real(key, std::nan(""))), must);
        EXPECT_EQ(at_door(submit().real(key, std::numeric_limits<double>::infinity())), must);
        EXPECT_EQ(at_door(submit().real(key, -0.001)), must);
        EXPECT_EQ(at_door(submit().integer(key, -1)), must);
        EXPECT_EQ(at_door(submit().real(key, kSecondsMax * 1.01)), must);
        EXPECT_EQ(at_door(submit().natural(key, 60)), "");
        EXPECT_EQ(at_door(submit().real(key, kSecondsMax)), "");
    }
    EXPECT_EQ(at_door(submit().natural("timeout", 0)),
              "submit: `timeout` must be more than 0 seconds");
}

TEST(Fields, NamesAndIdsHaveTheirCharacters) {
    EXPECT_EQ(at_door(Map("submit").text("kind", "a b")),
              "submit: `kind` must be 1-128 characters of [A-Za-z0-9._-]");
    EXPECT_EQ(at_door(Map("submit").text("kind", std::string(129, 'k'))),
              "submit: `kind` must be 1-128 characters of [A-Za-z0-9._-]");
    const std::string must = "submit: `id` must be 1-64 characters of [A-Za-z0-9._-], or the 16 "
                             "bytes of a UUID";
    for (const std::string& id : {"\xa0"s, "\xa1/"s, "\xc4\x0f" + std::string(15, 'x'), "\x05"s,
                                  "\xd9\x41" + std::string(65, 'x')}) {
        EXPECT_EQ(at_door(Map("submit").text("kind", "k").raw("payload", "\xc0").raw("id", id)),
                  must);
    }
}

TEST(Fields, TextIsUtf8AndNotTooLong) {
    const std::string must = "submit: `tenant` must be a UTF-8 string of at most 128 bytes";
    EXPECT_EQ(at_door(submit().text("tenant", "caf\xc3\xa9")), "");
    EXPECT_EQ(at_door(submit().text("tenant", "caf\xc3")), must);
    EXPECT_EQ(at_door(submit().text("tenant", std::string(129, 't'))), must);
}

TEST(Fields, ListsHaveTheirLength) {
    std::string tags;
    Writer w(tags);
    w.array(kTagsMax + 1);
    for (std::size_t i = 0; i <= kTagsMax; ++i) w.text("t");
    EXPECT_EQ(at_door(submit().raw("tags", tags)),
              "submit: `tags` must be an array of at most 16 strings");
    EXPECT_EQ(at_door(submit().raw("tags", "\x91\x05")),
              "submit: `tags` must be a UTF-8 string of at most 128 bytes");
    std::string rows;
    Writer(rows).array(kRowsMax + 1);
    rows.append(kRowsMax + 1, '\x90');
    EXPECT_EQ(at_door(Map("submit").text("kind", "k").raw("rows", rows)),
              "submit: `rows` must be an array of at most 65536 rows");
}

TEST(Fields, RowsAreWideEnough) {
    EXPECT_EQ(at_door(Map("submit")
                          .text("kind", "k")
                          .raw("rows", "\x91\x91\xa1"
                                       "a")),
              "submit: `rows` must be rows of at least 2 elements");
    EXPECT_EQ(at_door(Map("submit").text("kind", "k").raw("rows", "\x91\x05")),
              "submit: `rows` must be rows of at least 2 elements");
    EXPECT_EQ(at_sink(Map("result")
                          .natural("epoch", 1)
                          .raw("rows", "\x91\x93\xa1"
                                       "a\x01\x02")),
              "result: `rows` must be rows of at least 4 elements");
    EXPECT_EQ(at_sink(Map("result")
                          .natural("epoch", 1)
                          .raw("rows", "\x91\x94\xa1"
                                       "a\x01\x02\xc0")),
              "result: the value of a row must be bin: one encoded msgpack value");
    // A message that is no text is none, whatever it holds.
    for (const auto& message : {"\x91\xc3"s, "\x81\xa1k\xc3"s, "\x05"s}) {
        EXPECT_EQ(at_sink(Map("result")
                              .natural("epoch", 1)
                              .raw("rows", "\x91\x97\xa1" "a\x01\x02\xc0\xa4" "code" + message + "\xc2")),
                  "");
    }
    // A row may have more than is known today.
    EXPECT_EQ(at_door(Map("submit")
                          .text("kind", "k")
                          .raw("rows", "\x91\x93\xa1"
                                       "a\xc4\x01\xc0\x05")),
              "");
}

TEST(Fields, AWaitHasItsLimits) {
    const auto wait = [] { return Map("wait").text("id", "a"); };
    EXPECT_EQ(decode_at(Socket::status, wait().natural("timeout", 301).frame()).error,
              "wait: `timeout` must be a number from 0 to 300");
    EXPECT_EQ(decode_at(Socket::status, wait().text("until", "sometime").frame()).error,
              "wait: `until` must be stored or finished");
    Reader reader;
    const std::string frame = wait().frame();
    const auto asked = decode_status(reader, frame);
    const auto& question = std::get<AskWait>(asked.messages.at(0).question);
    EXPECT_EQ(question.until, Until::finished);
    EXPECT_EQ(question.timeout, std::chrono::seconds(30));
}

// ---- failures -----------------------------------------------------------------------------

std::optional<Failure> failure_of(const std::string& error) {
    Reader reader;
    const std::string frame = result().raw("error", error).frame();
    const auto decoded = decode_sink_door(reader, frame);
    EXPECT_EQ(decoded.error, "");
    return std::get<Result>(decoded.messages.at(0)).rows.at(0).failure;
}

TEST(Fields, AFailureMayBeAsShortAsAString) {
    EXPECT_EQ(failure_of("\xa4oops"), (Failure{"handler-error", "oops", true}));
    EXPECT_EQ(failure_of("\x80"), (Failure{"handler-error", "", true}));
    EXPECT_EQ(failure_of("\x82\xa4"
                         "code\xa3"
                         "bad\xa9retryable\xc2"),
              (Failure{"bad", "", false}));
    EXPECT_EQ(at_sink(result().raw("error", "\x05")),
              "result: `error` must be a string, or a map of `code`, `message` and `retryable`");
    EXPECT_EQ(at_sink(result().raw("error", "\x81\xa4"
                                            "code\xa1/")),
              "result: `error`: `code` must be 1-128 characters of [A-Za-z0-9._-]");
}

TEST(Fields, WordsOfAFailureAreTidiedNotRefused) {
    EXPECT_EQ(failure_of("\xa3"
                         "a\xff"
                         "b")
                  ->message,
              "a?b");
    EXPECT_EQ(tidy_text(std::string(kErrorTextMax + 10, 'x')), std::string(kErrorTextMax, 'x'));
    // Not cut inside of a character.
    const std::string text = std::string(kErrorTextMax - 1, 'x') + "\xc3\xa9";
    EXPECT_EQ(tidy_text(text), std::string(kErrorTextMax - 1, 'x'));
}

TEST(Fields, NoValueIsNil) {
    Reader reader;
    const std::string frame = result().frame();
    const auto decoded = decode_sink_door(reader, frame);
    EXPECT_EQ(std::get<Result>(decoded.messages.at(0)).rows.at(0).value, Bytes("\xc0", 1));
}

TEST(Fields, ValuesHaveTheirSize) {
    std::string large;
    Writer(large).bytes(std::string(kPayloadBytesMax, 'x'));
    EXPECT_EQ(at_door(Map("submit").text("kind", "k").text("id", "a").raw("payload", large)),
              "submit: `payload` must be at most 16 MiB");
    EXPECT_EQ(at_sink(result().raw("value", large)), "result: `value` must be at most 16 MiB");
    std::string row = "\x91\x92\xa1"
                      "a\xc6";
    const std::string body(kPayloadBytesMax + 1, '\xc0');
    row += "\x01\x00\x00\x01"s + body;
    EXPECT_EQ(at_door(Map("submit").text("kind", "k").raw("rows", row)),
              "submit: `rows` must be of payloads of at most 16 MiB");
}

// ---- text ---------------------------------------------------------------------------------

TEST(Text, Utf8AsTheStandardHasIt) {
    for (const auto& good : {""s, "a"s, "\xc2\x80"s, "\xed\x9f\xbf"s, "\xee\x80\x80"s,
                             "\xf0\x90\x80\x80"s, "\xf4\x8f\xbf\xbf"s, "\0"s}) {
        EXPECT_TRUE(is_utf8(good));
    }
    for (const auto& bad : {"\x80"s, "\xc0\x80"s, "\xc1\xbf"s, "\xc2"s, "\xc2\x20"s,
                            "\xe0\x80\x80"s, "\xe2\x82"s, "\xed\xa0\x80"s, "\xf0\x80\x80\x80"s,
                            "\xf4\x90\x80\x80"s, "\xf5\x80\x80\x80"s, "\xff"s, "a\xf0\x9f\x98"s}) {
        EXPECT_FALSE(is_utf8(bad));
    }
}

} // namespace
} // namespace penstock
