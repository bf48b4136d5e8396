#include "gateway/response.hpp"

#include <boost/beast/http/status.hpp>
#include <algorithm>
#include <array>
#include <charconv>

namespace penstock::gateway {
namespace {

// A value that would end its line is left out: it could say anything behind it.
void append_field(std::string& out, std::string_view name, std::string_view value) {
    const auto ends_line = [](char c) { return c == '\r' || c == '\n'; };
    if (std::any_of(value.begin(), value.end(), ends_line)) return;
    out.append(name).append(": ").append(value).append("\r\n");
}

void append_number(std::string& out, std::size_t value) {
    std::array<char, 24> text{};
    const auto [end, error] = std::to_chars(text.data(), text.data() + text.size(), value);
    out.append(text.data(), end);
}

} // namespace

void append_head(std::string& out, const Reply& reply, const Framing& framing,
                 std::string_view date) {
    out.append(framing.version >= 11 ? "HTTP/1.1 " : "HTTP/1.0 ");
    append_number(out, static_cast<std::size_t>(reply.status));
    const auto reason =
        boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(reply.status));
    out.append(" ").append(reason.data(), reason.size()).append("\r\nServer: penstock\r\n");
    append_field(out, "Date", date);
    for (const auto& [name, value] : reply.headers) append_field(out, name, value);
    if (!reply.content_type.empty()) append_field(out, "Content-Type", reply.content_type);
    if (reply.stream) {
        if (framing.version >= 11) append_field(out, "Transfer-Encoding", "chunked");
    } else if (reply.status != 204 && reply.status != 304) {
        out.append("Content-Length: ");
        append_number(out, reply.body.size());
        out.append("\r\n");
    }
    // What the version of the request does not mean anyway.
    if (framing.version >= 11 && !framing.keep_alive) append_field(out, "Connection", "close");
    if (framing.version < 11 && framing.keep_alive) append_field(out, "Connection", "keep-alive");
    out.append("\r\n");
}

} // namespace penstock::gateway
