#pragma once
// The OpenAPI document of openapi.json, as it was when the program was built.

#include <string_view>

namespace penstock::gateway {

std::string_view openapi_json();

} // namespace penstock::gateway
