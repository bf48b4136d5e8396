#pragma once
// A payload that gets what it waited for.

#include "protocol/message.hpp"

#include <string>
#include <string_view>

namespace penstock {

// Without a payload (or with nil) it is `value`; a map gets `value` behind `key`, in the place of
// what is there; anything else stays as it is. `payload` and `value` are encoded msgpack values.
std::string payload_with(Bytes payload, std::string_view key, Bytes value);

} // namespace penstock
