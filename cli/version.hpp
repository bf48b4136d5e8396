#pragma once

// PENSTOCK_VERSION comes from the project() line of the top CMakeLists.txt.

namespace penstock::cli {

constexpr const char* kVersion = PENSTOCK_VERSION;

} // namespace penstock::cli
