#pragma once
// /metrics: what the ventilator and the sink count, and how long HTTP requests take.

#include "gateway/board.hpp"
#include "gateway/routes.hpp"
#include "protocol/questions.hpp"

#include <array>
#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

namespace penstock::gateway {

// Durations of requests by route and status. One thread writes, any thread reads.
class HttpDurations {
public:
    static constexpr std::array<double, 13> kBounds = {
        0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.5, 10};
    static constexpr std::array<int, 22> kStatuses = {200, 202, 204, 304, 400, 403, 404, 405,
                                                      409, 410, 411, 413, 414, 415, 417, 422,
                                                      424, 431, 500, 503, 504, 0};

    struct Cell {
        std::array<std::atomic<std::uint64_t>, kBounds.size() + 1> counts{};
        std::atomic<std::uint64_t> nanoseconds{0};
    };

    void observe(Route route, int status, Duration took);

    [[nodiscard]] const Cell& cell(std::size_t route, std::size_t status) const {
        return cells_[route * kStatuses.size() + status];
    }

private:
    std::vector<Cell> cells_ = std::vector<Cell>(kRoutes * kStatuses.size());
};

struct MetricsInput {
    const Board& board;
    const Workers& workers;
    const std::vector<const HttpDurations*>& http;
    std::uint64_t connections = 0;
};

std::string metrics_text(const MetricsInput& input);

} // namespace penstock::gateway
