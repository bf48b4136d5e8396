#include "gateway/server.hpp"

#include "gateway/session.hpp"
#include "transport/sockets.hpp"

#include <algorithm>
#include <sys/socket.h>

namespace penstock::gateway {
namespace {

constexpr std::uint64_t kConnectionsMax = 4096;
constexpr int kBacklog = 4096;
constexpr Duration kPauseWithoutFiles = std::chrono::milliseconds(50);
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

struct HostPort {
    std::string host;
    std::string port;
};

HostPort split(const std::string& http) {
    const std::size_t colon = http.rfind(':');
    if (colon == std::string::npos || colon + 1 == http.size()) {
        throw transport::StartError("the gateway can't listen on `" + http +
                                    "`: an address looks like 127.0.0.1:8080.");
    }
    std::string host = http.substr(0, colon);
    if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
    if (host.empty() || host == "*") host = "0.0.0.0";
    return {host, http.substr(colon + 1)};
}

Tcp::endpoint resolve(const std::string& http, asio::io_context& io) {
    const HostPort at = split(http);
    Tcp::resolver resolver(io);
    boost::system::error_code error;
    const auto found = resolver.resolve(at.host, at.port, Tcp::resolver::passive, error);
    if (error || found.empty()) {
        throw transport::StartError("the gateway can't listen on " + http + ": " + error.message() +
                                    ".");
    }
    return found.begin()->endpoint();
}

std::string text_of(const Tcp::endpoint& at) {
    const std::string host = at.address().to_string();
    return (at.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(at.port());
}

// A full house is told so in one packet, and not at all if even that would block.
void turn_away(Socket socket) {
    static constexpr std::string_view kFull =
        "HTTP/1.1 503 Service Unavailable\r\nServer: penstock\r\nRetry-After: 1\r\n"
        "Content-Type: application/problem+json\r\nConnection: close\r\nContent-Length: 124\r\n\r\n"
        "{\"type\":\"/problems/gateway-full\",\"title\":\"This gateway has too much to do\","
        "\"status\":503,\"detail\":\"Too many connections are open.\"}";
    boost::system::error_code ignored;
    socket.non_blocking(true, ignored);
    socket.send(asio::buffer(kFull.data(), kFull.size()), 0, ignored);
    socket.shutdown(Socket::shutdown_send, ignored);
}

Awaitable<void> accept_all(Shard* shard, Acceptor* acceptor) {
    Timer pause(shard->io);
    for (;;) {
        auto [error, socket] = co_await acceptor->async_accept(kAwaitTuple);
        if (error == asio::error::operation_aborted || !acceptor->is_open()) co_return;
        if (error) { // no files left, or a client that has gone already
            pause.expires_after(kPauseWithoutFiles);
            const auto [ignored] = co_await pause.async_wait(kAwaitTuple);
            static_cast<void>(ignored);
            continue;
        }
        if (shard->house.connections.load() >= kConnectionsMax) {
            turn_away(std::move(socket));
            continue;
        }
        asio::co_spawn(shard->io.get_executor(), serve(shard, std::move(socket)), asio::detached);
    }
}

Awaitable<void> look_at_deadlines(Shard* shard) {
    Timer pause(shard->io);
    for (;;) {
        pause.expires_after(Deadlines::kLookEvery);
        const auto [error] = co_await pause.async_wait(kAwaitTuple);
        if (error) co_return;
        shard->deadlines.look(std::chrono::steady_clock::now());
    }
}

} // namespace

Server::Server(House& house, zmq::context_t& context) : house_(house) {
    const unsigned count = std::max(1u, house.options.threads);
    for (unsigned i = 0; i < count; ++i) {
        threads_.push_back(std::make_unique<Thread>(house, context));
    }
    for (const auto& thread : threads_) house.durations.push_back(&thread->shard.durations);
    listen(house.options.http);
}

Server::~Server() {
    stop();
}

void Server::listen(const std::string& http) {
    Tcp::endpoint at = resolve(http, threads_.front()->shard.io);
    for (auto& thread : threads_) {
        boost::system::error_code error;
        Acceptor& acceptor = thread->acceptor;
        acceptor.open(at.protocol(), error);
        if (!error) acceptor.set_option(Acceptor::reuse_address(true), error);
        if (!error && threads_.size() > 1) acceptor.set_option(ReusePort(true), error);
        if (!error) acceptor.bind(at, error);
        if (!error) acceptor.listen(kBacklog, error);
        if (error == asio::error::address_in_use) {
            throw transport::StartError("the gateway can't listen on " + http +
                                        ": the port is in use. Stop what listens there, or choose "
                                        "another address with --http.");
        }
        if (error) {
            throw transport::StartError("the gateway can't listen on " + http + ": " +
                                        error.message() + ".");
        }
        at.port(acceptor.local_endpoint().port()); // where port 0 was asked for
    }
    address_ = text_of(at);
}

void Server::start() {
    for (auto& thread : threads_) {
        Thread* t = thread.get();
        asio::co_spawn(t->shard.io.get_executor(), accept_all(&t->shard, &t->acceptor),
                       asio::detached);
        asio::co_spawn(t->shard.io.get_executor(), look_at_deadlines(&t->shard), asio::detached);
        t->thread = std::thread([t] {
            t->shard.hub.start();
            t->shard.io.run();
        });
    }
}

void Server::drain() {
    for (auto& thread : threads_) {
        Thread* t = thread.get();
        asio::post(t->shard.io, [t] {
            boost::system::error_code ignored;
            t->acceptor.close(ignored);
            t->shard.hub.drain();
            t->shard.broadcast.close();
            t->shard.deadlines.drain();
        });
    }
}

void Server::give_up() {
    for (auto& thread : threads_) {
        Hub* hub = &thread->shard.hub;
        asio::post(thread->shard.io, [hub] { hub->give_up(); });
    }
}

void Server::stop() {
    for (auto& thread : threads_) thread->shard.io.stop();
    for (auto& thread : threads_) {
        if (thread->thread.joinable()) thread->thread.join();
    }
}

} // namespace penstock::gateway
