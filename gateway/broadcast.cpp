#include "gateway/broadcast.hpp"

#include "transport/sockets.hpp"

#include <spdlog/spdlog.h>

namespace penstock::gateway {
namespace {

constexpr Duration kTick = std::chrono::milliseconds(250);
constexpr Duration kAttendMost = std::chrono::seconds(2);
constexpr Duration kKeepOpen = std::chrono::seconds(30); // behind the last listener
constexpr int kFramesMax = 1'000;                        // that wait to be read
constexpr int kFramesPerTurn = 100;

Instant now() {
    return std::chrono::steady_clock::now();
}

} // namespace

Broadcast::Line::Line(zmq::context_t& context, asio::io_context& io, const std::string& endpoint)
    : socket(transport::open_socket(context, zmq::socket_type::sub)),
      readable(io, socket.get(zmq::sockopt::fd)) {
    socket.set(zmq::sockopt::rcvhwm, kFramesMax);
    socket.set(zmq::sockopt::subscribe, "");
    transport::connect_socket(socket, endpoint, "the gateway");
}

Broadcast::Line::~Line() {
    readable.release(); // the socket closes it
}

Broadcast::Broadcast(std::string endpoint, zmq::context_t& context, asio::io_context& io,
                     Ring& ring)
    : endpoint_(std::move(endpoint)), context_(context), io_(io), ring_(ring), timer_(io) {}

Broadcast::~Broadcast() {
    for (const auto& call : ring_.everybody()) call->abandon();
    for (const auto& call : attending_) call->abandon();
}

void Broadcast::finish(const Ring::Calls& calls, Answer::What what) {
    for (const auto& call : calls) call->finish({what, {}});
}

// ---- for sessions --------------------------------------------------------------------------

Awaitable<void> Broadcast::attend() {
    heard_until_ = now() + kKeepOpen;
    if (!line_ && !closed_) open();
    if (ring_.is_live() || !line_) co_return;
    const auto call = std::make_shared<Call>();
    attending_.push_back(call);
    attended_until_ = now() + kAttendMost;
    co_await call->async_wait(kAwait);
}

Awaitable<Answer::What> Broadcast::wait(Ring::Listener* listener, Deadlines::Entry* client,
                                        Duration patience) {
    if (listener->has_news()) co_return Answer::What::answered;
    if (closed_) co_return Answer::What::silent;
    const auto call = std::make_shared<Call>();
    listener->wait(call, now() + patience);
    client->watch(call);
    co_await call->async_wait(kAwait);
    client->watch(nullptr);
    listener->stop_waiting();
    co_return call->take().what;
}

void Broadcast::close() {
    closed_ = true;
    finish(ring_.everybody(), Answer::What::silent);
    finish(std::exchange(attending_, {}), Answer::What::silent);
}

// ---- the line to the sink ------------------------------------------------------------------

void Broadcast::open() {
    try {
        line_ = std::make_unique<Line>(context_, io_, endpoint_);
    } catch (const std::exception& error) { // no descriptor left
        spdlog::warn("gateway: no events: {}", error.what());
        return;
    }
    receive_when_readable();
    receive_soon();
    tick();
}

void Broadcast::receive_when_readable() {
    line_->readable.async_wait(Descriptor::wait_read, [this](const auto& error) {
        if (error || !line_) return;
        receive();
        receive_when_readable();
    });
}

void Broadcast::receive_soon() {
    asio::post(io_, [this] {
        if (line_) receive();
    });
}

void Broadcast::receive() {
    for (int i = 0; i < kFramesPerTurn; ++i) {
        const auto frame = transport::receive_frame(line_->socket, line_->malformed);
        if (!frame) return;
        auto decoded = decode_events(reader_, transport::view(*frame));
        if (!decoded.error.empty()) {
            spdlog::warn("gateway: events of the sink: {}", decoded.error);
            continue;
        }
        for (auto& events : decoded.messages) {
            finish(ring_.take(std::move(events)), Answer::What::answered);
        }
        if (ring_.is_live()) finish(std::exchange(attending_, {}), Answer::What::answered);
    }
    receive_soon(); // there may be more
}

// While the line is open.
void Broadcast::tick() {
    receive(); // sockets signal what came once, and others may have swallowed that
    const Instant at = now();
    if (ring_.listeners() > 0) heard_until_ = at + kKeepOpen;
    finish(ring_.overdue(at), Answer::What::silent);
    if (at >= attended_until_) finish(std::exchange(attending_, {}), Answer::What::silent);
    if (at >= heard_until_ && attending_.empty()) {
        line_.reset();
        ring_.forget();
        return;
    }
    timer_.expires_after(kTick);
    timer_.async_wait([this](const auto& error) {
        if (!error) tick();
    });
}

} // namespace penstock::gateway
