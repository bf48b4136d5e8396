#pragma once
// One PUSH socket to one peer, and what could not be sent yet. Never blocks. Owned by the loop.

#include "transport/monitor.hpp"
#include "transport/sockets.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace penstock::worker {

struct Watch { // who is told of a connection, under which key
    transport::Monitors* by = nullptr;
    std::uint64_t key = 0;
};

class Outlet {
public:
    // `linger` is how long messages may outlive the outlet on their way out.
    Outlet(zmq::context_t& context, const std::string& endpoint, std::string_view what,
           std::chrono::milliseconds linger, Watch watch = {});
    ~Outlet();
    Outlet(const Outlet&) = delete;
    Outlet& operator=(const Outlet&) = delete;

    void send(transport::Frame message);
    // These, before all that waits here; what does is not sent twice.
    void send_first(const std::vector<transport::Frame>& messages);
    void flush();

    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

    [[nodiscard]] bool flushed() const { return waiting_.empty(); }

    // Handed over and not yet written to the peer, except for small ones that libzmq holds.
    [[nodiscard]] std::size_t bytes() const { return bytes_->load(std::memory_order_relaxed); }

private:
    [[nodiscard]] transport::Frame counted(transport::Frame message) const;

    std::string endpoint_;
    zmq::socket_t socket_;
    Watch watch_;
    std::deque<transport::Frame> waiting_;
    std::shared_ptr<std::atomic<std::size_t>> bytes_;
};

} // namespace penstock::worker
