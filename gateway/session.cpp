#include "gateway/session.hpp"

#include "gateway/calendar.hpp"
#include "gateway/exchange.hpp"
#include "gateway/http_head.hpp"
#include "gateway/http_policy.hpp"
#include "gateway/json_msgpack.hpp"

#include <algorithm>
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
constexpr std::size_t kBodyPiece = 1u << 20;
constexpr std::uint64_t kSkippedBodyMax = 64 * 1024; // a refused body that is read all the same
constexpr std::uint64_t kBodiesMax = 512u << 20;     // of all requests together
constexpr std::string_view kEndOfHeader = "\r\n\r\n";

struct Connection {
    Connection(Shard* its_shard, Socket socket) : shard(its_shard), stream(std::move(socket)) {
        shard->house.connections.fetch_add(1);
    }

    ~Connection() { shard->house.connections.fetch_sub(1); }

    Connection(const Connection&) = delete;
    Connection& operator=(const Connection&) = delete;

    [[nodiscard]] std::string_view received() const {
        return {static_cast<const char*>(buffer.data().data()), buffer.size()};
    }

    Shard* shard;
    Stream stream;
    beast::flat_buffer buffer;
    bool first = true; // no request yet
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

enum class Header { complete, closed, too_large };

// Reads until the buffer begins with a whole header, of `*size` bytes.
Awaitable<Header> read_header(Connection* c, std::size_t* size) {
    std::size_t searched = 0;
    for (;;) {
        const std::string_view have = c->received();
        if (have.starts_with("\r\n")) { // some clients send one behind a body
            c->buffer.consume(2);
            continue;
        }
        const std::size_t end = have.find(kEndOfHeader, searched < 3 ? 0 : searched - 3);
        if (end != std::string_view::npos) {
            *size = end + kEndOfHeader.size();
            co_return Header::complete;
        }
        if (have.size() > kHeaderBytesMax) co_return Header::too_large;
        const bool begins = searched == 0 && !have.empty();
        if (have.empty() && !c->first)
            c->stream.expires_after(kIdleTime);
        else if (begins || searched == 0)
            c->stream.expires_after(kHeaderTime);
        searched = have.size();
        const auto [error, count] =
            co_await c->stream.async_read_some(c->buffer.prepare(kReadBytes), kAwaitTuple);
        if (error) co_return Header::closed;
        c->buffer.commit(count);
    }
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
        c->stream.expires_after(kBodyTime);
        const asio::mutable_buffer rest(into.data() + at, piece);
        const auto [error, count] = co_await asio::async_read(c->stream, rest, kAwaitTuple);
        if (error) co_return false;
        left -= count;
    }
    co_return true;
}

Awaitable<bool> write_continue(Connection* c) {
    static constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
    c->stream.expires_after(kWriteTime);
    const asio::const_buffer bytes(kContinue.data(), kContinue.size());
    const auto [error, count] = co_await asio::async_write(c->stream, bytes, kAwaitTuple);
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

struct Framing {
    unsigned version = 11;
    bool head_only = false;
    bool keep_alive = false;
};

template <class Body>
http::response<Body> make_response(Shard& shard, const Reply& reply, Framing framing) {
    http::response<Body> out;
    out.version(framing.version);
    out.result(static_cast<unsigned>(reply.status));
    out.set(http::field::server, "penstock");
    out.set(http::field::date, date_now(shard));
    for (const auto& [name, value] : reply.headers) out.set(name, value);
    if (!reply.content_type.empty()) out.set(http::field::content_type, reply.content_type);
    if (reply.status != 204 && reply.status != 304) out.content_length(reply.body.size());
    out.keep_alive(framing.keep_alive);
    return out;
}

// One write for header and body.
Awaitable<bool> write_reply(Connection* c, Reply reply, Framing framing) {
    c->stream.expires_after(kWriteTime);
    if (framing.head_only) {
        auto response = make_response<http::empty_body>(*c->shard, reply, framing);
        const auto [error, count] = co_await http::async_write(c->stream, response, kAwaitTuple);
        co_return !error && count > 0;
    }
    auto response = make_response<http::string_body>(*c->shard, reply, framing);
    response.body() = std::move(reply.body);
    const auto [error, count] = co_await http::async_write(c->stream, response, kAwaitTuple);
    co_return !error && count > 0;
}

// What can be said before the body is there; nothing if it may come.
Awaitable<std::optional<ProblemDetails>> admit(Exchange* x, UnderWay* under_way) {
    Shard* shard = x->shard;
    if (shard->house.draining && !is_probe(x->command)) {
        co_return problem(Slug::draining, "This gateway is shutting down. Nothing was accepted.");
    }
    const std::uint64_t size = x->head.content_length.value_or(0);
    if (auto bad = check_body(x->command, x->head, shard->house.limits)) co_return bad;
    if (!under_way->reserve(size)) {
        co_return problem(Slug::gateway_full,
                          "This gateway holds as many bodies as it may. Nothing "
                          "was accepted: try again.");
    }
    if (!is_submission(x->command)) co_return std::nullopt;
    if (auto full = check_room(*shard->board, size)) co_return full;
    const auto* raw = std::get_if<SubmitRaw>(&x->command);
    if (raw == nullptr) co_return std::nullopt;
    co_return co_await check_kind(shard, raw->kind);
}

// Third parties may throw; nothing of ours does.
Awaitable<Reply> answer_guarded(Exchange* x) {
    std::string what;
    try {
        co_return co_await answer(x);
    } catch (const std::exception& error) {
        what = error.what();
    }
    spdlog::error("gateway: {} failed: {}", x->head.target, what);
    co_return to_reply(problem(Slug::internal_error, "It has been logged."));
}

struct Turn { // one request
    Connection* connection = nullptr;
    Framing framing;
    Route route = Route::other;
    Instant began;
    std::uint64_t unread = 0; // bytes of the body that are still to come
    bool expects = false;     // and come only after a 100 Continue
};

// Whether the connection is good for another request.
Awaitable<bool> finish(Turn turn, Reply reply) {
    Connection* c = turn.connection;
    if (reply.status == kNobodyListens) co_return false;
    const bool skips = turn.unread > 0 && turn.unread <= kSkippedBodyMax && !turn.expects;
    if ((turn.unread > 0 && !skips) || c->shard->house.draining) turn.framing.keep_alive = false;
    const int status = reply.status;
    const bool written = co_await write_reply(c, std::move(reply), turn.framing);
    c->shard->durations.observe(turn.route, status, std::chrono::steady_clock::now() - turn.began);
    if (!written || !turn.framing.keep_alive) co_return false;
    if (!skips) co_return true;
    co_return co_await read_body(c, turn.unread, nullptr);
}

Awaitable<bool> take_and_answer(Turn turn, Exchange* x) {
    Connection* c = turn.connection;
    UnderWay under_way(c->shard->house);
    auto refusal = co_await admit(x, &under_way);
    if (refusal) {
        Reply refused = to_reply(*refusal);
        co_return co_await finish(turn, std::move(refused));
    }
    if (turn.unread > 0) {
        if (turn.expects && c->buffer.size() == 0) {
            const bool invited = co_await write_continue(c);
            if (!invited) co_return false;
        }
        const bool came = co_await read_body(c, turn.unread, &x->body);
        if (!came) co_return false;
        turn.unread = 0;
    }
    c->stream.expires_never();
    Reply reply = co_await answer_guarded(x);
    if (accepts_msgpack(x->head) && reply.content_type == kJson) to_msgpack(*c->shard, reply);
    co_return co_await finish(turn, std::move(reply));
}

Awaitable<bool> serve_one(Connection* c) {
    std::size_t size = 0;
    const Header header = co_await read_header(c, &size);
    if (header == Header::closed) co_return false;
    Turn turn;
    turn.connection = c;
    turn.began = std::chrono::steady_clock::now();
    c->first = false;
    if (header == Header::too_large) {
        Reply reply = to_reply(too_large(c->received()));
        co_return co_await finish(turn, std::move(reply));
    }
    auto parsed = parse_head(c->received().substr(0, size));
    c->buffer.consume(size);
    if (auto* bad = std::get_if<ProblemDetails>(&parsed)) {
        // Where the next request begins can't be known: the connection ends.
        Reply reply = to_reply(*bad);
        co_return co_await finish(turn, std::move(reply));
    }
    Exchange x;
    x.shard = c->shard;
    x.socket = &c->stream.socket();
    x.head = std::get<Head>(std::move(parsed));
    turn.framing = {x.head.version, x.head.method == Method::head, x.head.keep_alive};
    turn.unread = x.head.content_length.value_or(0);
    turn.expects = x.head.expect.has_value() && x.head.version >= 11;
    Routed routed = route(x.head, c->shard->house.routes);
    turn.route = routed.route;
    if (auto* reply = std::get_if<Reply>(&routed.what)) {
        co_return co_await finish(turn, std::move(*reply));
    }
    x.command = std::get<Command>(std::move(routed.what));
    co_return co_await take_and_answer(turn, &x);
}

// Closing while bytes are still arriving would reset the connection, and the client might never
// read its answer. So our side ends first, and what comes is thrown away for a moment.
Awaitable<void> hang_up(Connection* c) {
    boost::system::error_code ignored;
    c->stream.socket().shutdown(Socket::shutdown_send, ignored);
    if (ignored) co_return;
    c->stream.expires_after(kLingerTime);
    c->buffer.clear();
    for (std::uint64_t seen = 0; seen < kBulkBytesMax;) {
        const auto [error, count] =
            co_await c->stream.async_read_some(c->buffer.prepare(kReadBytes), kAwaitTuple);
        if (error) co_return;
        seen += count;
    }
}

} // namespace

Awaitable<void> serve(Shard* shard, Socket socket) {
    boost::system::error_code ignored;
    socket.set_option(Tcp::no_delay(true), ignored);
    Connection connection(shard, std::move(socket));
    for (bool more = true; more;) more = co_await serve_one(&connection);
    co_await hang_up(&connection);
}

} // namespace penstock::gateway
