#pragma once
// JSON to msgpack and back. JSON that goes in comes out the same; what msgpack has and JSON has
// not: bytes are {"$bin": base64}, ext {"$ext": [type, base64]}, NaN and Inf null, keys that are
// no strings their JSON text.

#include "json/json.hpp"
#include "protocol/wire.hpp"

#include <string>
#include <string_view>

namespace penstock::gateway {

std::string to_base64(std::string_view bytes);

void append_json(std::string& out, Node value);

// One encoded msgpack value as JSON; an empty string if it can't be read.
std::string json_of(Bytes encoded);

// True if `bytes` are exactly one value that still fits when it is wrapped in our messages.
bool is_payload(std::string_view bytes);

} // namespace penstock::gateway
