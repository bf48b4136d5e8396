#pragma once
// What the sessions of one HTTP thread share, and what all threads share.

#include "gateway/admission.hpp"
#include "gateway/beast.hpp"
#include "gateway/board.hpp"
#include "gateway/broadcast.hpp"
#include "gateway/deadlines.hpp"
#include "gateway/gateway.hpp"
#include "gateway/hub.hpp"
#include "gateway/ids.hpp"
#include "gateway/job_request.hpp"
#include "gateway/metrics.hpp"
#include "gateway/ring.hpp"
#include "gateway/routes.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::gateway {

struct House { // all threads

    explicit House(const Options& its_options)
        : options(its_options), routes{options.allow_get_submit, options.public_hosts},
          limits(body_limits(options.body_bytes_max)) {}

    const Options options;
    const RoutePolicy routes;
    const BodyLimits limits;
    std::vector<const HttpDurations*> durations; // set before the threads start
    std::atomic<std::uint64_t> connections{0};
    std::atomic<std::uint64_t> in_flight{0};  // requests whose answer is not written yet
    std::atomic<std::uint64_t> body_bytes{0}; // of those
    std::atomic<bool> draining{false};
    transport::Wakeup idle; // rings when in_flight becomes 0 while draining
};

struct Shard { // one thread; only that thread touches it, unless it says otherwise

    Shard(House& the_house, zmq::context_t& context)
        : house(the_house), broadcast(house.options.sink_events, context, io, ring),
          hub(house.options, context, io) {}

    Deadlines deadlines; // these three stay until the last session has gone with `io`
    Ring ring;
    std::size_t waits_for_many = 0; // under way for POST /v1/jobs/wait
    asio::io_context io{1};
    House& house;
    FreshIds ids;
    JobParser parser;
    HttpDurations durations; // read by any thread
    std::int64_t date_second = 0;
    std::string date; // of that second, for the Date header
    Broadcast broadcast;
    Hub hub; // goes first of all, and drops the sessions that wait for an answer
    const Board* board = &hub.board();

    [[nodiscard]] static WallTime wall() {
        return std::chrono::time_point_cast<std::chrono::microseconds>(
            std::chrono::system_clock::now());
    }

    [[nodiscard]] Duration store_timeout() const {
        return from_seconds(house.options.store_timeout_seconds);
    }
};

} // namespace penstock::gateway
