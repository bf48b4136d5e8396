#pragma once
// RFC 3339 times, to and from text.

#include "protocol/time.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace penstock::gateway {

// "2024-05-01T12:00:00.25Z", with an offset or a Z. nullopt if it isn't one.
std::optional<WallTime> parse_rfc3339(std::string_view text);
std::string to_rfc3339(WallTime at);         // UTC, microseconds
std::string to_rfc3339(double unix_seconds); // likewise
std::string to_http_date(WallTime at);       // RFC 9110: "Wed, 01 May 2024 12:00:00 GMT"

} // namespace penstock::gateway
