#pragma once
// From the bytes of a header to a Head. Beast does the parsing; nothing else of it is seen here.

#include "gateway/head.hpp"
#include "gateway/problem.hpp"

#include <string_view>
#include <variant>

namespace penstock::gateway {

// `raw` is one header with its empty line. What comes out has passed every check of framing.
std::variant<Head, ProblemDetails> parse_head(std::string_view raw);

} // namespace penstock::gateway
