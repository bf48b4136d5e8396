#include "transport/sockets.hpp"

#include "protocol/limits.hpp"
#include "transport/endpoint.hpp"

#include <sys/resource.h>

namespace penstock::transport {
namespace {

constexpr std::size_t kCopyBelow = 4096; // under this a copy is cheaper than a shared buffer

void raise_open_files() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// zmq_send right after a handshake may say EAGAIN although the peer is there: commands of the I/O
// thread are only looked at now and then. Reading ZMQ_EVENTS looks at them, so try once more.
bool send_message(zmq::socket_t& socket, zmq::message_t& message, zmq::send_flags flags) {
    try {
        if (socket.send(message, flags | zmq::send_flags::dontwait)) return true;
        (void)socket.get(zmq::sockopt::events);
        return socket.send(message, flags | zmq::send_flags::dontwait).has_value();
    } catch (const zmq::error_t& error) {
        // A ROUTER whose peer has gone.
        if (error.num() == EHOSTUNREACH) return false;
        throw;
    }
}

zmq::message_t to_message(const Frame& frame) {
    if (frame->size() < kCopyBelow) return zmq::message_t(frame->data(), frame->size());
    auto* keep = new Frame(frame);
    // libzmq only reads what it sends; its interface lacks the const.
    auto* bytes = const_cast<char*>(frame->data());
    const auto release = [](void*, void* hint) { delete static_cast<Frame*>(hint); };
    return zmq::message_t(bytes, frame->size(), release, keep);
}

} // namespace

zmq::context_t make_context() {
    raise_open_files();
    zmq::context_t context(1);
    context.set(zmq::ctxopt::max_sockets, kSocketsMax);
    return context;
}

std::uint64_t open_files_max() {
    rlimit limit{};
    getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

zmq::socket_t open_socket(zmq::context_t& context, zmq::socket_type type) {
    zmq::socket_t s(context, type);
    // Without a ZAP domain a bound socket takes any TCP client that doesn't speak ZMTP 3 for an
    // old peer, and a stray HTTP GET on a lane is given a job.
    s.set(zmq::sockopt::zap_domain, "penstock");
    // The kernel notices silent hosts. ZMTP heartbeats are refused: behind a peer that has stopped
    // reading they kill live connections, and with a low RCVHWM they abort the process.
    s.set(zmq::sockopt::tcp_keepalive, 1);
    s.set(zmq::sockopt::tcp_keepalive_idle, 5);
    s.set(zmq::sockopt::tcp_keepalive_intvl, 2);
    s.set(zmq::sockopt::tcp_keepalive_cnt, 3);
    s.set(zmq::sockopt::tcp_maxrt, 10'000);
    // Queued messages outlive a reconnect; everything that matters is in a table besides. Where
    // their order matters after one, it is 1 (workers/outlet.cpp).
    s.set(zmq::sockopt::immediate, 0);
    s.set(zmq::sockopt::linger, 0);
    s.set(zmq::sockopt::backlog, 4096);
    s.set(zmq::sockopt::handshake_ivl, 5'000);
    s.set(zmq::sockopt::reconnect_ivl, 100);
    s.set(zmq::sockopt::reconnect_ivl_max, 2'000);
    // A backstop only: credit and the link's tables bound what is under way.
    s.set(zmq::sockopt::sndhwm, 100'000);
    s.set(zmq::sockopt::rcvhwm, 100'000);
    s.set(zmq::sockopt::maxmsgsize, static_cast<std::int64_t>(kFrameBytesMax));
    return s;
}

void bind_socket(zmq::socket_t& socket, const std::string& endpoint, std::string_view what) {
    try {
        socket.bind(endpoint);
    } catch (const zmq::error_t& error) {
        std::string text = std::string(what) + " can't listen on " + endpoint + ": ";
        if (error.num() == EADDRINUSE) {
            text += "the port is in use. Stop what listens there, or choose another address.";
        } else {
            text += error.what();
        }
        throw StartError(text);
    }
}

void connect_socket(zmq::socket_t& socket, const std::string& endpoint, std::string_view what) {
    try {
        socket.connect(endpoint);
    } catch (const zmq::error_t& error) {
        throw StartError(std::string(what) + " can't dial " + endpoint + ": " + error.what() +
                         ". An address looks like tcp://HOST:PORT.");
    }
}

bool send_frame(zmq::socket_t& socket, const Frame& frame) {
    zmq::message_t message = to_message(frame);
    return send_message(socket, message, zmq::send_flags::none);
}

bool send_copy(zmq::socket_t& socket, std::string_view frame) {
    zmq::message_t message(frame.data(), frame.size());
    return send_message(socket, message, zmq::send_flags::none);
}

std::optional<zmq::message_t> receive_frame(zmq::socket_t& socket, std::uint64_t& malformed) {
    zmq::message_t message;
    while (socket.recv(message, zmq::recv_flags::dontwait)) {
        if (!message.more()) return message;
        ++malformed;
        while (message.more() && socket.recv(message, zmq::recv_flags::dontwait)) {
        }
    }
    return std::nullopt;
}

std::optional<Asked> receive_question(zmq::socket_t& router, std::uint64_t& malformed) {
    constexpr std::size_t kEnvelopeMax = 8; // routing ids of the proxies between, and one delimiter
    zmq::message_t part;
    while (router.recv(part, zmq::recv_flags::dontwait)) {
        Asked asked;
        bool delimited = false, fits = true;
        while (part.more()) {
            delimited = delimited || (!asked.envelope.empty() && part.size() == 0);
            if (asked.envelope.size() < kEnvelopeMax)
                asked.envelope.push_back(std::move(part));
            else
                fits = false;
            part = zmq::message_t();
            if (!router.recv(part, zmq::recv_flags::dontwait)) break;
        }
        if (delimited && fits) {
            asked.body = std::move(part);
            return asked;
        }
        ++malformed;
    }
    return std::nullopt;
}

bool send_answer(zmq::socket_t& router, const std::vector<zmq::message_t>& envelope,
                 const std::string& body) {
    for (const auto& part : envelope) {
        zmq::message_t copy(part.data(), part.size());
        if (!send_message(router, copy, zmq::send_flags::sndmore)) return false;
    }
    zmq::message_t last(body.data(), body.size());
    return send_message(router, last, zmq::send_flags::none);
}

bool send_question(zmq::socket_t& dealer, const std::string& body) {
    zmq::message_t delimiter;
    if (!send_message(dealer, delimiter, zmq::send_flags::sndmore)) return false;
    zmq::message_t last(body.data(), body.size());
    return send_message(dealer, last, zmq::send_flags::none);
}

std::optional<zmq::message_t> receive_answer(zmq::socket_t& dealer, std::uint64_t& malformed) {
    zmq::message_t part;
    while (dealer.recv(part, zmq::recv_flags::dontwait)) {
        const bool delimiter = part.size() == 0 && part.more();
        if (delimiter && dealer.recv(part, zmq::recv_flags::dontwait) && !part.more()) return part;
        ++malformed;
        while (part.more() && dealer.recv(part, zmq::recv_flags::dontwait)) {
        }
    }
    return std::nullopt;
}

} // namespace penstock::transport
