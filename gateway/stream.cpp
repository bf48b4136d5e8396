#include "gateway/stream.hpp"

#include <array>
#include <charconv>
#include <spdlog/spdlog.h>

namespace penstock::gateway {
namespace {

constexpr Duration kPieceTime = std::chrono::seconds(30); // to write one; a stalled client is left

// Third parties may throw; nothing of ours does.
Awaitable<Flow> next_of(Stream* stream, std::string* piece) {
    try {
        co_return co_await stream->next(piece);
    } catch (const std::exception& error) {
        spdlog::error("gateway: a stream failed: {}", error.what());
    }
    co_return Flow::broken;
}

Awaitable<bool> write_all(Socket* socket, Deadlines::Entry* deadline, const std::string* bytes) {
    // Most pieces fit into the socket at once.
    boost::system::error_code error;
    const std::size_t sent = socket->send(asio::buffer(*bytes), 0, error);
    if (!error && sent == bytes->size()) co_return true;
    if (error && error != asio::error::would_block) co_return false;
    deadline->set(std::chrono::steady_clock::now() + kPieceTime);
    const auto rest = asio::buffer(*bytes) + (error ? 0 : sent);
    const auto [failed, count] = co_await asio::async_write(*socket, rest, kAwaitTuple);
    deadline->clear();
    co_return !failed && count == rest.size();
}

} // namespace

void append_chunk(std::string& out, std::string_view piece) {
    std::array<char, 16> size{};
    const auto [end, error] =
        std::to_chars(size.data(), size.data() + size.size(), piece.size(), 16);
    out.append(size.data(), end).append("\r\n").append(piece).append("\r\n");
}

Awaitable<bool> send_stream(Socket* socket, Deadlines::Entry* deadline, Stream* stream,
                            Pieces pieces) {
    deadline->clear();
    std::string piece, framed;
    for (Flow flow = Flow::more; flow == Flow::more;) {
        piece.clear();
        framed.clear();
        flow = co_await next_of(stream, &piece);
        if (pieces == Pieces::bare) framed.swap(piece);
        if (!piece.empty()) append_chunk(framed, piece);
        if (flow == Flow::end && pieces == Pieces::chunked) framed += kLastChunk;
        bool written = true;
        if (!framed.empty()) written = co_await write_all(socket, deadline, &framed);
        if (!written || flow == Flow::broken) co_return false;
    }
    co_return true;
}

} // namespace penstock::gateway
