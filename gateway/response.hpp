#pragma once
// The bytes in front of a reply's body. Pure.

#include "gateway/reply.hpp"

#include <string>
#include <string_view>

namespace penstock::gateway {

struct Framing {
    unsigned version = 11; // of the request
    bool head_only = false;
    bool keep_alive = false;
};

// Appends the status line and all fields, with the empty line behind them. REQUIRES: an answer to
// HTTP/1.0 that is a stream keeps no connection alive, since its end is the end of the body.
void append_head(std::string& out, const Reply& reply, const Framing& framing,
                 std::string_view date);

} // namespace penstock::gateway
