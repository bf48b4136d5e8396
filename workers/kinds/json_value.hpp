#pragma once
// JSON that a server answered, as a value.

#include <optional>
#include <string>
#include <string_view>

namespace penstock::worker {

// One encoded msgpack value; nothing if `json` is not JSON, or is nested too deep for a result.
std::optional<std::string> value_of_json(std::string_view json);

} // namespace penstock::worker
