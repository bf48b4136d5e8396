#pragma once

#include <cstdint>

namespace penstock::sink {

using Asker = std::uint64_t; // who to answer, as the shell knows it

} // namespace penstock::sink
