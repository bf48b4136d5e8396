// The least that Boost.Beast can do: one thread, keep-alive, every request is read whole and
// answered with a greeting. What the gateway's requests a second are compared with.

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>
#include <cstdlib>

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;

constexpr auto kResult = asio::as_tuple(asio::use_awaitable);

asio::awaitable<void> serve(tcp::socket socket) {
    socket.set_option(tcp::no_delay(true));
    beast::flat_buffer buffer;
    while (true) {
        http::request<http::string_body> request;
        const auto [read_error, bytes_read] =
            co_await http::async_read(socket, buffer, request, kResult);
        if (read_error) co_return;
        http::response<http::string_body> answer(http::status::ok, request.version());
        answer.set(http::field::content_type, "text/plain");
        answer.keep_alive(request.keep_alive());
        answer.body() = "hello\n";
        answer.prepare_payload();
        const auto [write_error, bytes_written] =
            co_await http::async_write(socket, answer, kResult);
        if (write_error || !answer.keep_alive()) co_return;
    }
}

asio::awaitable<void> listen(tcp::acceptor acceptor) {
    while (true) {
        auto [error, socket] = co_await acceptor.async_accept(kResult);
        if (!error)
            asio::co_spawn(acceptor.get_executor(), serve(std::move(socket)), asio::detached);
    }
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: bench-hello PORT\n");
        return 2;
    }
    try {
        asio::io_context io(1);
        const auto port = static_cast<std::uint16_t>(std::atoi(argv[1]));
        tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), port});
        asio::co_spawn(io, listen(std::move(acceptor)), asio::detached);
        io.run();
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench-hello: %s\n", error.what());
        return 1;
    }
}
