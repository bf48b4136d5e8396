#include "json/json.hpp"

#include "protocol/wire.hpp"

#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>

namespace penstock {
namespace {

namespace json = boost::json;

constexpr std::size_t kArenaBytes = 16 * 1024;

json::parse_options parse_options() {
    json::parse_options options;
    options.max_depth = kPayloadDepthMax;
    return options;
}

void write_value(Writer& w, const json::value& value) {
    switch (value.kind()) {
    case json::kind::null:
        w.nil();
        break;
    case json::kind::bool_:
        w.boolean(value.get_bool());
        break;
    case json::kind::int64:
        w.integer(value.get_int64());
        break;
    case json::kind::uint64:
        w.natural(value.get_uint64());
        break;
    case json::kind::double_:
        w.real(value.get_double());
        break;
    case json::kind::string:
        w.text(value.get_string());
        break;
    case json::kind::array:
        w.array(value.get_array().size());
        for (const auto& element : value.get_array()) write_value(w, element);
        break;
    case json::kind::object:
        w.map(value.get_object().size());
        for (const auto& [key, element] : value.get_object()) {
            w.text(key);
            write_value(w, element);
        }
        break;
    }
}

} // namespace

// `text` is the whole number, since a text is always read in one go. One that is too small for a double
// is what the parser made of it: zero, or nearly.
bool JsonReader::Builder::on_double(double about, Text text, Error& error) {
    const auto read = std::from_chars(text.data(), text.data() + text.size(), about);
    if (read.ec == std::errc::result_out_of_range && std::abs(about) > 1) {
        error = json::error::exponent_overflow;
        return false;
    }
    stack.push_double(about);
    return true;
}

JsonReader::JsonReader() : block_(kArenaBytes), parser_(parse_options()) {}

void JsonReader::forget() {
    value_.reset();
    parser_.reset();
    parser_.handler().stack.reset();
    // A new arena, since an old one goes on with blocks as large as it ever needed.
    arena_.emplace(block_.data(), block_.size(), json::storage_ptr());
    parser_.handler().stack.reset(&*arena_);
}

std::variant<json::value*, BadJson> JsonReader::read(std::string_view text) {
    forget();
    json::error_code error;
    const std::size_t used = parser_.write_some(false, text.data(), text.size(), error);
    if (error) return BadJson{used, error.message()};
    const std::string_view rest = text.substr(used);
    const std::size_t more = rest.find_first_not_of(" \t\r\n");
    if (more != std::string_view::npos) {
        return BadJson{used + more, "there is more behind the value"};
    }
    return &value_.emplace(parser_.handler().stack.release());
}

void append_msgpack(std::string& out, const json::value& value) {
    Writer writer(out);
    write_value(writer, value);
}

} // namespace penstock
