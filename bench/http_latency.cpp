// One job at a time over one kept HTTP connection: POST /v1/jobs with `Prefer: wait`, and the time
// until the outcome is here. Prints {"p50_us", "p99_us", "longest_us", "count"}.

#include "bench/figures.hpp"

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace penstock::bench {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

struct Plan {
    std::uint16_t port = 8080;
    Timing timing;
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
    using Answer = http::response<http::string_body>;
    const auto post = [&](const auto& request) {
        Answer answer;
        http::write(socket, request);
        http::read(socket, buffer, answer);
        return answer;
    };
    std::uint64_t number = 0;
    const auto check = [&](const auto&, const Answer& answer) {
        const std::string echoed = R"("number":)" + std::to_string(number++) + "}";
        if (answer.result() != http::status::ok || answer.body().find(echoed) == std::string::npos)
            throw std::runtime_error("no outcome: " + answer.body());
    };
    say_latencies(plan.timing, time_each(plan.timing, request_of, post, check));
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("The time from POST to outcome, one job at a time, over HTTP");
    app.add_option("--port", plan.port, "Of the gateway, on loopback")->required();
    plan.timing.add_options(app, "--jobs");
    return main_of(app, argc, argv, [&] { run(plan); });
}
