#pragma once
// The header of one HTTP request, parsed: what policy and routes decide by.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::gateway {

enum class Method : std::uint8_t { get, head, post, put, patch, remove, options, other };
std::string_view to_string(Method method);

struct Parameter {
    std::string name;
    std::string value;
};

struct Head {
    Method method = Method::get;
    unsigned version = 11;             // 10 or 11
    std::string target;                // as it was sent
    std::vector<std::string> segments; // of the path, decoded
    std::vector<Parameter> query;      // decoded, in order
    std::optional<std::string> host, origin, fetch_site, content_type, content_encoding;
    std::optional<std::string> accept, prefer;
    std::optional<std::string> idempotency_key, if_none_match, expect, last_event_id;
    std::optional<std::uint64_t> content_length;
    unsigned hosts = 0, content_lengths = 0; // how often the field stands there
    bool transfer_encoding = false;          // it was sent
    bool keep_alive = true;

    // The last one of that name.
    [[nodiscard]] const std::string* parameter(std::string_view name) const;
};

// Fills segments and query out of target. False: it is not "/path?query", or no UTF-8 once decoded.
bool read_target(Head& head);

// "application/json; charset=utf-8" -> "application/json", in lower case.
std::string media_type(std::string_view content_type);
bool is_msgpack_type(std::string_view media_type);
bool accepts_msgpack(const Head& head);
bool accepts(const Head& head, std::string_view media_type); // it is named there

} // namespace penstock::gateway
