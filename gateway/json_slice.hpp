#pragma once
// Where the values of a JSON text begin and end, without reading them: so that a large one can be
// read piece by piece. Whether a piece is JSON is the parser's business.

#include <cstddef>
#include <string_view>

namespace penstock::gateway {

// The first byte at or behind `from` that is no white space; text.size() if there is none.
std::size_t skip_space(std::string_view text, std::size_t from);

// Where the element that starts at `from` ends: at a comma or a bracket outside of it.
std::size_t end_of_element(std::string_view text, std::size_t from);

} // namespace penstock::gateway
