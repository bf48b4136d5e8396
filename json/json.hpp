#pragma once
// JSON text as a value, and a value as msgpack, for those who meet JSON at their edge: the gateway and
// the kind `http`. Numbers are what they say: the nearest double, which Boost.JSON's own parser
// misses by one unit for one number of 16 digits in twenty, and one of 17 in six.

#include "protocol/limits.hpp"

#include <boost/json/basic_parser.hpp>
#include <boost/json/monotonic_resource.hpp>
#include <boost/json/value.hpp>
#include <boost/json/value_stack.hpp>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock {

// A payload or a result is carried inside other messages, so it may nest a little less deep than
// a frame.
constexpr std::size_t kPayloadDepthMax = kDepthMax - 4;

struct BadJson {
    std::size_t offset = 0;
    std::string what;
};

// Reads texts one after the other out of one arena. Not for two threads.
class JsonReader {
public:
    JsonReader();

    // One value, nested at most kPayloadDepthMax deep; valid until the next call.
    std::variant<boost::json::value*, BadJson> read(std::string_view text);

private:
    // What the parser calls, part by part.
    struct Builder {
        static constexpr std::size_t max_object_size = boost::json::object::max_size();
        static constexpr std::size_t max_array_size = boost::json::array::max_size();
        static constexpr std::size_t max_key_size = boost::json::string::max_size();
        static constexpr std::size_t max_string_size = boost::json::string::max_size();

        using Error = boost::json::error_code;
        using Text = boost::json::string_view;

        bool on_document_begin(Error&) { return true; }
        bool on_document_end(Error&) { return true; }
        bool on_object_begin(Error&) { return true; }
        bool on_object_end(std::size_t size, Error&) { return stack.push_object(size), true; }
        bool on_array_begin(Error&) { return true; }
        bool on_array_end(std::size_t size, Error&) { return stack.push_array(size), true; }
        bool on_key_part(Text part, std::size_t, Error&) { return stack.push_chars(part), true; }
        bool on_key(Text part, std::size_t, Error&) { return stack.push_key(part), true; }
        bool on_string_part(Text part, std::size_t, Error&) { return stack.push_chars(part), true; }
        bool on_string(Text part, std::size_t, Error&) { return stack.push_string(part), true; }
        bool on_number_part(Text, Error&) { return true; }
        bool on_int64(std::int64_t number, Text, Error&) { return stack.push_int64(number), true; }
        bool on_uint64(std::uint64_t number, Text, Error&) { return stack.push_uint64(number), true; }
        bool on_double(double about, Text text, Error&);
        bool on_bool(bool value, Error&) { return stack.push_bool(value), true; }
        bool on_null(Error&) { return stack.push_null(), true; }
        bool on_comment_part(Text, Error&) { return true; }
        bool on_comment(Text, Error&) { return true; }

        boost::json::value_stack stack;
    };

    void forget();

    std::vector<unsigned char> block_; // the arena's first block
    std::optional<boost::json::monotonic_resource> arena_;
    boost::json::basic_parser<Builder> parser_;
    std::optional<boost::json::value> value_;
};

// REQUIRES: `value` is nested at most kPayloadDepthMax deep (a JsonReader sees to that).
void append_msgpack(std::string& out, const boost::json::value& value);

} // namespace penstock
