#pragma once
// One poll over the few sockets and descriptors of a loop.

#include "protocol/time.hpp"

#include <initializer_list>
#include <span>
#include <vector>
#include <zmq.hpp>

namespace penstock::transport {

inline Instant clock_now() {
    return std::chrono::steady_clock::now();
}

inline WallTime wall_now() {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

inline Now both_now() {
    return {clock_now(), wall_now()};
}

// Sleeps until one of them can be read, and says so in `revents`; `ms` milliseconds at most, < 0: as
// long as it takes. A signal ends it early. A socket may be said to be readable when it is not: there
// was news of its connections.
void wait_for(std::span<zmq_pollitem_t> items, long ms);

class Poll {
public:
    Poll(std::initializer_list<zmq::socket_t*> sockets, std::initializer_list<int> fds) {
        for (zmq::socket_t* socket : sockets)
            items_.push_back({socket->handle(), 0, ZMQ_POLLIN, 0});
        for (const int fd : fds) items_.push_back({nullptr, fd, ZMQ_POLLIN, 0});
    }

    // Sleeps until something is there or `until` has come. A signal ends it early.
    void wait(Instant until) {
        const Instant now = clock_now();
        long ms = -1;
        if (until <= now) {
            ms = 0;
        } else if (until != kNever) { // rounded up: never early
            const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - now);
            ms = static_cast<long>(std::min<std::int64_t>(left.count(), 60'000));
        }
        wait_for(items_, ms);
    }

    [[nodiscard]] bool ready(std::size_t item) const { return items_[item].revents != 0; }

private:
    std::vector<zmq_pollitem_t> items_;
};

} // namespace penstock::transport
