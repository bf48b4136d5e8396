#include "gateway/session.hpp"

#include "gateway/calendar.hpp"
#include "gateway/exchange.hpp"
#include "gateway/http_head.hpp"
#include "gateway/http_policy.hpp"
#include "gateway/json_msgpack.hpp"
#include "gateway/response.hpp"
#include "gateway/stream.hpp"

#include <algorithm>
#include <array>
#include <spdlog/spdlog.h>

namespace penstock::gateway {
namespace {

using std::chrono::seconds;

constexpr Duration kHeaderTime = seconds(5);
constexpr Duration kIdleTime = seconds(15);
constexpr Duration kBodyTime = seconds(30); // for each piece of a large one
constexpr Duration kWriteTime = seconds(30);
constexpr Duration kLingerTime = seconds(2);
constexpr std::size_t kReadBytes = 16 * 1024;
constexpr std::size_t kKeptBytes = 16 * 1024; // of a body, for the next one
constexpr std::size_t kCopiedBody = 4 * 1024; // behind its head: one buffer is cheaper than two
constexpr std::size_t kBodyPiece = 1u << 20;
constexpr std::uint64_t kBodiesMax = 512u << 20;     // of all requests together

struct Turn { // one request
    Framing framing;
    Route route = Route::other;
    Instant began;
    std::uint64_t unread = 0; // bytes of the body that are still to come
    bool expects = false;     // and come only after a 100 Continue
};

struct Connection {
    Connection(Shard* its_shard, Socket its_socket)
        : shard(its_shard), socket(std::move(its_socket)), deadline(shard->deadlines, socket) {
        shard->house.connections.fetch_add(1);
    }

    ~Connection() { shard->house.connections.fetch_sub(1); }

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] std::string_view received() const {
        return {static_cast<const char*>(buffer.data().data()), buffer.size()};
    }

    Shard* shard;
    Socket socket;
    Deadlines::Entry deadline;
    beast::flat_buffer buffer;
    std::size_t searched = 0; // bytes of it in which no header ends
    bool first = true;        // no request yet
    // Of the request at hand. Here, so that the frames of coroutines stay small: those above 1 KiB
    // are not recycled.
    Turn turn;
    Exchange x;
    Reply reply;
    std::string head; // in front of it
};

// Counts one request, and its body, as long as it is under way.
class UnderWay {
public:
    explicit UnderWay(House& house) : house_(house) { house_.in_flight.fetch_add(1); }

    ~UnderWay() {
        house_.body_bytes.fetch_sub(bytes_);
        if (house_.in_flight.fetch_sub(1) == 1 && house_.draining) house_.idle.ring();
    }

    UnderWay(const UnderWay&) = delete;
    UnderWay& operator=(const UnderWay&) = delete;

    [[nodiscard]] bool reserve(std::uint64_t bytes) {
        bytes_ = bytes;
        return house_.body_bytes.fetch_add(bytes) + bytes <= kBodiesMax;
    }

private:
    House& house_;
    std::uint64_t bytes_ = 0;
};

// Looks for the next header, and says until when it must have come.
HeaderPlace seek_header(Connection& c) {
    const HeaderPlace place = find_header(c.received(), c.searched);
    c.buffer.consume(place.before);
    if (place.is != HeaderPlace::Is::partial) {
        c.searched = 0;
        return place;
    }
    const Instant now = std::chrono::steady_clock::now();
    if (c.buffer.size() == 0)
        c.deadline.set(now + (c.first ? kHeaderTime : kIdleTime));
    else if (c.searched == 0)
        c.deadline.set(now + kHeaderTime);
    c.searched = c.buffer.size();
    return place;
}

// Takes `size` bytes from the connection, into `body` or (null) nowhere.
Awaitable<bool> read_body(Connection* c, std::uint64_t size, std::string* body) {
    const std::size_t early = std::min<std::size_t>(c->buffer.size(), size);
    if (body != nullptr) {
        body->reserve(size);
        body->append(c->received().substr(0, early));
    }
    c->buffer.consume(early);
    std::string skipped;
    std::string& into = body != nullptr ? *body : skipped;
    for (std::uint64_t left = size - early; left > 0;) {
        const std::size_t piece = std::min<std::size_t>(left, kBodyPiece);
        if (body == nullptr) into.clear();
        const std::size_t at = into.size();
        into.resize(at + piece);
        c->deadline.set(std::chrono::steady_clock::now() + kBodyTime);
        const asio::mutable_buffer rest(into.data() + at, piece);
        const auto [error, count] = co_await asio::async_read(c->socket, rest, kAwaitTuple);
        if (error) co_return false;
        left -= count;
    }
    co_return true;
}

Awaitable<bool> write_continue(Connection* c) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    c->deadline.set(std::chrono::steady_clock::now() + kWriteTime);
    const asio::const_buffer bytes(kContinue.data(), kContinue.size());
    const auto [error, count] = co_await asio::async_write(c->socket, bytes, kAwaitTuple);
    co_return !error && count == kContinue.size();
}

const std::string& date_now(Shard& shard) {
    const WallTime now = Shard::wall();
    const auto second = std::chrono::floor<seconds>(now).time_since_epoch().count();
    if (second != shard.date_second) {
        shard.date_second = second;
        shard.date = to_http_date(now);
    }
    return shard.date;
}

void to_msgpack(Shard& shard, Reply& reply) {
    const auto parsed = shard.parser.parse_json(reply.body);
    if (!std::holds_alternative<boost::json::value*>(parsed)) return;
    std::string packed;
    append_msgpack(packed, *std::get<boost::json::value*>(parsed));
    reply.body = std::move(packed);
    reply.content_type = kMsgpack;
}

using Buffers = std::array<asio::const_buffer, 2>; // of a response

Awaitable<bool> write_rest(Connection* c, Buffers pieces, std::size_t written) {
    for (auto& piece : pieces) {
        const std::size_t of_it = std::min(written, piece.size());
        piece += of_it;
        written -= of_it;
    }
    c->deadline.set(std::chrono::steady_clock::now() + kWriteTime);
    const auto [error, count] = co_await asio::async_write(c->socket, pieces, kAwaitTuple);
    co_return !error && count > 0;
}

// What can be said before the body is there; nothing if it may come.
std::optional<ProblemDetails> admit(const Exchange& x, UnderWay& under_way) {
    Shard* shard = x.shard;
    if (shard->house.draining && !is_probe(x.command)) {
        return problem(Slug::draining, "This gateway is shutting down. Nothing was accepted.");
    }
    const std::uint64_t size = x.head.content_length.value_or(0);
    if (auto bad = check_body(x.command, x.head, shard->house.limits)) return bad;
    if (!under_way.reserve(size)) {
        return problem(Slug::gateway_full, "This gateway holds as many bodies as it may. Nothing "
                                           "was accepted: try again.");
    }
    return is_submission(x.command) ? check_room(*shard->board, size) : std::nullopt;
}

// The kind in the path of a submission, if it has to be asked for.
const std::string* unsure_kind(const Exchange& x) {
    const auto* raw = std::get_if<SubmitRaw>(&x.command);
    return raw == nullptr || is_known_kind(x.shard->board->room, raw->kind) ? nullptr : &raw->kind;
}

// From the header to a command. False: there is a reply already.
bool begin(Connection& c, const HeaderPlace& header) {
    c.first = false;
    c.turn = {};
    c.turn.began = std::chrono::steady_clock::now();
    if (header.is == HeaderPlace::Is::too_large) {
        c.reply = to_reply(too_large(c.received()));
        return false;
    }
    auto parsed = parse_head(c.received().substr(0, header.size));
    c.buffer.consume(header.size);
    if (auto* bad = std::get_if<ProblemDetails>(&parsed)) {
        // Where the next request begins can't be known: the connection ends.
        c.reply = to_reply(*bad);
        return false;
    }
    Exchange& x = c.x;
    x.head = std::get<Head>(std::move(parsed));
    x.body.clear();
    c.turn.framing = {x.head.version, x.head.method == Method::head, x.head.keep_alive};
    c.turn.unread = x.head.content_length.value_or(0);
    c.turn.expects = x.head.expect.has_value() && x.head.version >= 11;
    Routed routed = route(x.head, c.shard->house.routes);
    c.turn.route = routed.route;
    if (auto* reply = std::get_if<Reply>(&routed.what)) {
        c.reply = std::move(*reply);
        return false;
    }
    x.command = std::get<Command>(std::move(routed.what));
    return true;
}

// False: the connection broke.
Awaitable<bool> fetch_body(Connection* c) {
    if (c->turn.expects && c->buffer.size() == 0) {
        const bool invited = co_await write_continue(c);
        if (!invited) co_return false;
    }
    co_return co_await read_body(c, c->turn.unread, &c->x.body);
}

// Most bodies come with their header.
bool take_body(Connection& c) {
    if (c.buffer.size() < c.turn.unread) return false;
    c.x.body.assign(c.received().substr(0, c.turn.unread));
    c.buffer.consume(c.turn.unread);
    return true;
}

// Third parties may throw; nothing of ours does.
Reply broken(const Exchange& x, const char* what) {
    spdlog::error("gateway: {} failed: {}", x.head.target, what);
    return to_reply(problem(Slug::internal_error, "It has been logged."));
}

// False: the connection broke. Else there is a reply.
Awaitable<bool> take_and_answer(Connection* c, UnderWay* under_way) {
    Exchange& x = c->x;
    auto refusal = admit(x, *under_way);
    if (const std::string* kind = refusal ? nullptr : unsure_kind(x)) {
        refusal = co_await check_kind(c->shard, *kind);
    }
    if (refusal) {
        c->reply = to_reply(*refusal);
        co_return true;
    }
    if (!take_body(*c)) {
        const bool came = co_await fetch_body(c);
        if (!came) co_return false;
    }
    c->turn.unread = 0;
    c->deadline.clear();
    try {
        c->reply = co_await answer(&x);
    } catch (const std::exception& error) {
        c->reply = broken(x, error.what());
    }
    if (accepts_msgpack(x.head) && c->reply.content_type == kJson) to_msgpack(*c->shard, c->reply);
    co_return true;
}

// A connection that once carried something large does not hold on to it.
void forget_large(std::string& text) {
    if (text.capacity() > kKeptBytes) std::string().swap(text);
}

// The header of the reply, and its body unless it is a stream. False: the connection broke.
Awaitable<bool> write_reply(Connection* c) {
    const Reply& reply = c->reply;
    const Framing& framing = c->turn.framing;
    c->head.clear();
    append_head(c->head, reply, framing, date_now(*c->shard));
    const bool is_small = reply.body.size() <= kCopiedBody;
    if (is_small && !framing.head_only) c->head += reply.body;
    Buffers pieces = {asio::buffer(c->head), asio::const_buffer()};
    if (!is_small && !framing.head_only) pieces[1] = asio::buffer(reply.body);
    // Most fit into the socket at once.
    boost::system::error_code error;
    const std::size_t written = is_small ? c->socket.send(pieces[0], 0, error)
                                         : c->socket.send(pieces, 0, error);
    bool all = !error && written == asio::buffer_size(pieces);
    if (!all && (!error || error == asio::error::would_block)) {
        all = co_await write_rest(c, pieces, written);
    }
    // Of a stream: until it began.
    c->shard->durations.observe(c->turn.route, reply.status,
                                std::chrono::steady_clock::now() - c->turn.began);
    co_return all;
}

// The rest of a reply that is a stream. False: it broke off.
Awaitable<bool> write_stream(Connection* c) {
    const std::shared_ptr<Stream> stream = std::move(c->reply.stream);
    const Pieces pieces = c->turn.framing.version >= 11 ? Pieces::chunked : Pieces::bare;
    if (c->turn.framing.head_only) co_return true;
    co_return co_await send_stream(&c->socket, &c->deadline, stream.get(), pieces);
}

// Writes the reply. Whether the connection is good for another request.
Awaitable<bool> finish(Connection* c) {
    Turn& turn = c->turn;
    if (c->reply.status == kNobodyListens) co_return false;
    const bool skips = skips_body(turn.unread, turn.expects);
    if ((turn.unread > 0 && !skips) || c->shard->house.draining) turn.framing.keep_alive = false;
    if (c->reply.stream && turn.framing.version < 11) turn.framing.keep_alive = false;
    bool all = co_await write_reply(c);
    if (all && c->reply.stream) all = co_await write_stream(c);
    if (!all || !turn.framing.keep_alive) co_return false;
    if (!skips) co_return true;
    co_return co_await read_body(c, turn.unread, nullptr);
}

// Closing while bytes are still arriving would reset the connection, and the client might never
// read its answer. So our side ends first, and what comes is thrown away for a moment.
Awaitable<void> hang_up(Connection* c) {
    boost::system::error_code ignored;
    c->socket.shutdown(Socket::shutdown_send, ignored);
    if (ignored) co_return;
    c->deadline.set(std::chrono::steady_clock::now() + kLingerTime);
    c->buffer.clear();
    for (std::uint64_t seen = 0; seen < kBulkBytesMax;) {
        const auto [error, count] =
            co_await c->socket.async_read_some(c->buffer.prepare(kReadBytes), kAwaitTuple);
        if (error) co_return;
        seen += count;
    }
}

} // namespace

Awaitable<void> serve(Shard* shard, Socket socket) {
    boost::system::error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    socket.non_blocking(true, ignored);
    Connection c(shard, std::move(socket));
    c.x.shard = shard;
    c.x.deadline = &c.deadline;
    for (bool more = true; more;) {
        const HeaderPlace header = seek_header(c);
        if (header.is == HeaderPlace::Is::partial) {
            const auto [error, count] =
                co_await c.socket.async_read_some(c.buffer.prepare(kReadBytes), kAwaitTuple);
            c.buffer.commit(count);
            more = !error;
            continue;
        }
        UnderWay under_way(shard->house);
        if (begin(c, header)) more = co_await take_and_answer(&c, &under_way);
        if (more) more = co_await finish(&c);
        forget_large(c.x.body);
        forget_large(c.reply.body);
        // Whoever else is answered in this round goes first. By then the next request is here more often
        // than not; to find that it isn't costs a system call, and another one when it comes.
        if (more && c.buffer.size() == 0) co_await asio::post(shard->io, kAwait);
    }
    co_await hang_up(&c);
}

} // namespace penstock::gateway
