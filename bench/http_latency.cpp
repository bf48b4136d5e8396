// One job at a time over one kept HTTP connection: POST /v1/jobs with `Prefer: wait`, and the time
// until the outcome is here. Prints {"p50_us", "p99_us", "count"}.

#include "bench/figures.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cstdio>

namespace penstock::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

struct Plan {
    std::uint16_t port = 8080;
    std::uint64_t jobs = 2'000, warm_up = 200;
};

http::request<http::string_body> request_of(std::uint64_t number) {
    http::request<http::string_body> out(http::verb::post, "/v1/jobs", 11);
    out.set(http::field::host, "localhost");
    out.set(http::field::content_type, "application/json");
    out.set(http::field::prefer, "wait=10");
    out.body() = R"({"kind": "echo", "payload": {"number": )" + std::to_string(number) + "}}";
    out.prepare_payload();
    return out;
}

void run(const Plan& plan) {
    asio::io_context io(1);
    asio::ip::tcp::socket socket(io);
    socket.connect({asio::ip::address_v4::loopback(), plan.port});
    socket.set_option(asio::ip::tcp::no_delay(true));
    beast::flat_buffer buffer;
    std::vector<std::int64_t> took;
    for (std::uint64_t i = 0; i < plan.warm_up + plan.jobs; ++i) {
        const auto request = request_of(i);
        http::response<http::string_body> answer;
        const std::int64_t start = clock_ns();
        http::write(socket, request);
        http::read(socket, buffer, answer);
        const std::int64_t end = clock_ns();
        const std::string echoed = R"("number":)" + std::to_string(i) + "}";
        if (answer.result() != http::status::ok || answer.body().find(echoed) == std::string::npos)
            throw std::runtime_error("no outcome: " + answer.body());
        if (i >= plan.warm_up) took.push_back(end - start);
    }
    say(percentiles(std::move(took)));
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("The time from POST to outcome, one job at a time, over HTTP");
    app.add_option("--port", plan.port, "Of the gateway, on loopback")->required();
    app.add_option("--jobs", plan.jobs)->check(CLI::Range(1u, 10'000'000u));
    CLI11_PARSE(app, argc, argv);
    try {
        run(plan);
        return 0;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench-http-latency: %s\n", error.what());
        return 1;
    }
}
