#include "gateway/gateway.hpp"

#include "gateway/server.hpp"

#include <algorithm>
#include <array>
#include <poll.h>
#include <spdlog/spdlog.h>

namespace penstock::gateway {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration kLastWords = std::chrono::seconds(1); // to write what is given up

// Until either of them is rung, or the time is up.
void sleep_on(transport::Stop& stop, transport::Wakeup& idle, Clock::time_point until) {
    std::array<pollfd, 2> fds = {pollfd{stop.fd(), POLLIN, 0}, pollfd{idle.fd(), POLLIN, 0}};
    const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
    ::poll(fds.data(), fds.size(), static_cast<int>(std::clamp<long>(left, 0, 3'600'000)));
    if (fds[0].revents != 0) stop.quiet();
    if (fds[1].revents != 0) idle.quiet();
}

void wait_for_answers(House& house, transport::Stop& stop, Clock::time_point until) {
    while (!stop.at_once() && house.in_flight.load() > 0 && Clock::now() < until) {
        sleep_on(stop, house.idle, until);
    }
}

void drain(House& house, Server& server, transport::Stop& stop) {
    spdlog::info("gateway: draining, {} requests under way", house.in_flight.load());
    house.draining = true;
    server.drain();
    wait_for_answers(house, stop, Clock::now() + from_seconds(house.options.drain_seconds));
    if (stop.at_once() || house.in_flight.load() == 0) return;
    server.give_up();
    wait_for_answers(house, stop, Clock::now() + kLastWords);
}

} // namespace

void run(const Options& options, zmq::context_t& context, transport::Stop& stop,
         const std::function<void(const std::string& address)>& ready) {
    House house(options);
    Server server(house, context);
    server.start();
    ready(server.address());
    while (!stop.draining()) sleep_on(stop, house.idle, Clock::now() + std::chrono::hours(1));
    if (!stop.at_once()) drain(house, server, stop);
    server.stop();
}

} // namespace penstock::gateway
