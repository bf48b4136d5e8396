#pragma once
// What the sessions of one HTTP thread share, and what all threads share.

#include "gateway/admission.hpp"
#include "gateway/beast.hpp"
#include "gateway/board.hpp"
#include "gateway/gateway.hpp"
#include "gateway/hub.hpp"
#include "gateway/ids.hpp"
#include "gateway/job_request.hpp"
#include "gateway/metrics.hpp"
#include "gateway/routes.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace penstock::gateway {

struct House { // all threads

    House(const Options& its_options, Hub& its_hub)
        : options(its_options), routes{options.allow_get_submit, options.public_hosts},
          limits(body_limits(options.body_bytes_max)), hub(its_hub) {}

    const Options options;
    const RoutePolicy routes;
    const BodyLimits limits;
    Hub& hub;
    std::vector<const HttpDurations*> durations; // set before the threads start
    std::atomic<std::uint64_t> connections{0};
    std::atomic<std::uint64_t> in_flight{0};  // requests whose answer is not written yet
    std::atomic<std::uint64_t> body_bytes{0}; // of those
    std::atomic<bool> draining{false};
    transport::Wakeup idle; // rings when in_flight becomes 0 while draining
};

struct Shard { // one thread; only that thread touches it, unless it says otherwise

    Shard(House& the_house, std::uint32_t number) : house(the_house), index(number) {}

    asio::io_context io{1};
    House& house;
    std::uint32_t index;
    FreshIds ids;
    JobParser parser;
    std::shared_ptr<const Board> board = std::make_shared<const Board>();
    HttpDurations durations; // read by any thread
    std::int64_t date_second = 0;
    std::string date; // of that second, for the Date header

    [[nodiscard]] static WallTime wall() {
        return std::chrono::time_point_cast<std::chrono::microseconds>(
            std::chrono::system_clock::now());
    }

    [[nodiscard]] Duration store_timeout() const {
        return from_seconds(house.options.store_timeout_seconds);
    }
};

} // namespace penstock::gateway
