#pragma once
// One PUSH socket to one peer, and what could not be sent yet. Never blocks. Owned by the loop.

#include "transport/sockets.hpp"

#include <atomic>
#include <deque>
#include <memory>
#include <string>

namespace penstock::worker {

class Outlet {
public:
    // `linger` is how long messages may outlive the outlet on their way out.
    Outlet(zmq::context_t& context, const std::string& endpoint, std::string_view what,
           std::chrono::milliseconds linger);

    void send(std::string message);
    void flush();

    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

    [[nodiscard]] bool flushed() const { return waiting_.empty(); }

    // Handed over and not yet written to the peer, except for small ones that libzmq holds.
    [[nodiscard]] std::size_t bytes() const { return bytes_->load(std::memory_order_relaxed); }

private:
    std::string endpoint_;
    zmq::socket_t socket_;
    std::deque<transport::Frame> waiting_;
    std::shared_ptr<std::atomic<std::size_t>> bytes_;
};

} // namespace penstock::worker
