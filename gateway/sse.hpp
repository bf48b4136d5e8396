#pragma once
// Events as text: Server-Sent Events (the HTML standard's), with JSON in them. Pure.

#include "gateway/ring.hpp"
#include "protocol/questions.hpp"

#include <string>
#include <string_view>

namespace penstock::gateway {

struct SseName { // what is empty is left out
    std::string_view id;
    std::string_view event;
};

// One event. `data` has no line ends.
void append_sse(std::string& out, const SseName& name, std::string_view data);
void append_sse_comment(std::string& out, std::string_view text); // keeps a connection alive

// One that the sink told, under its mark; its JSON is made once.
void append_told(std::string& out, std::uint64_t life, Told& told);
// `missed`: {"missed": N}, without N where nobody knows it.
void append_missed(std::string& out, const Mark& newest, const Ring::Listener::Next& gap);

// Takes what `listener` is owed, up to about `bytes` of text.
void append_news(std::string& out, const Ring& ring, Ring::Listener& listener, std::size_t bytes);

} // namespace penstock::gateway
