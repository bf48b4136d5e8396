#include "workers/kinds/json_value.hpp"

#include "protocol/limits.hpp"
#include "protocol/wire.hpp"

#include <boost/json/parse.hpp>

namespace penstock::worker {
namespace {

namespace json = boost::json;

constexpr std::size_t kResultDepthMax = kDepthMax - 4; // a result is carried inside other messages

void write(Writer& w, const json::value& value) {
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
        for (const auto& element : value.get_array()) write(w, element);
        break;
    case json::kind::object:
        w.map(value.get_object().size());
        for (const auto& [key, element] : value.get_object()) {
            w.text(key);
            write(w, element);
        }
        break;
    }
}

} // namespace

std::optional<std::string> value_of_json(std::string_view text) {
    json::parse_options options;
    options.max_depth = kResultDepthMax;
    boost::system::error_code error;
    const json::value parsed = json::parse(text, error, {}, options);
    if (error) return std::nullopt;
    std::string out;
    Writer writer(out);
    write(writer, parsed);
    return out;
}

} // namespace penstock::worker
