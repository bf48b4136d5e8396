#pragma once
// From the bytes of a connection to a Head. Beast does the parsing; nothing else of it is seen here.
// Pure.

#include "gateway/head.hpp"
#include "gateway/problem.hpp"

#include <cstddef>
#include <string_view>
#include <variant>

namespace penstock::gateway {

// Where the next header stands in what was received and not yet taken.
struct HeaderPlace {
    enum class Is { complete, partial, too_large };
    Is is = Is::partial;
    std::size_t before = 0; // bytes to be dropped: some send a line end behind a body
    std::size_t size = 0;   // of the header with its empty line, if it is complete
};

// No header ends in the first `searched` bytes: they were looked at before.
HeaderPlace find_header(std::string_view received, std::size_t searched);

// `raw` is one header with its empty line. What comes out has passed every check of framing.
std::variant<Head, ProblemDetails> parse_head(std::string_view raw);

} // namespace penstock::gateway
