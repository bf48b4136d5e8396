#pragma once
// An answer that is made while it is sent: nobody knows yet how long it will be, and its end may be
// hours away. It is pulled: the next piece is asked for when the one before has been handed to the
// connection. So a client that reads slowly holds one piece, and whatever its stream keeps for it.

#include "gateway/beast.hpp"
#include "gateway/deadlines.hpp"
#include "gateway/reply.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace penstock::gateway {

enum class Flow : std::uint8_t {
    more,   // ask again
    end,    // that was all
    broken, // the rest will not come: the client is to see that the answer is not whole
};

class Stream {
public:
    // Enough for one piece: larger ones only keep memory busy for longer.
    static constexpr std::size_t kPieceBytes = 64 * 1024;

    Stream() = default;
    Stream(const Stream&) = delete;
    Stream& operator=(const Stream&) = delete;
    virtual ~Stream() = default;

    // Appends the next piece to `out` (empty, and valid until the coroutine ends) as soon as there
    // is one. Nothing appended: there is nothing yet, ask again. Waits with ask_while_open() or with
    // the deadline's watch(), and answers `broken` when the client has gone. It ends when the
    // gateway drains.
    virtual Awaitable<Flow> next(std::string* out) = 0;
};

// 200, with a body that `stream` makes. HEAD gets the header alone.
inline Reply stream_reply(std::string_view content_type, std::shared_ptr<Stream> stream) {
    Reply reply;
    reply.content_type = content_type;
    reply.headers.emplace_back("Cache-Control", "no-cache");
    reply.headers.emplace_back("X-Accel-Buffering", "no"); // nginx would keep it back otherwise
    reply.stream = std::move(stream);
    return reply;
}

// How a piece goes out: HTTP/1.0 knows no chunks, and ends with the connection.
enum class Pieces : std::uint8_t { chunked, bare };

// Puts the frame of a chunk around `piece`, which is not empty.
void append_chunk(std::string& out, std::string_view piece);
constexpr std::string_view kLastChunk = "0\r\n\r\n";

// Sends what `stream` makes, up to its end. False: it broke, or the connection did; what is left
// then is to close the connection.
Awaitable<bool> send_stream(Socket* socket, Deadlines::Entry* deadline, Stream* stream,
                            Pieces pieces);

} // namespace penstock::gateway
