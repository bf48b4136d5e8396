#pragma once
// One PUSH socket to one peer, and what could not be sent yet. Never blocks. Owned by the loop.
//
// A watched one has nothing on its way but over a connection that its owner knows of: it queues
// nothing for one that isn't there, and sends nothing between the coming of a connection and
// connected(). So whoever has lost something with the one before can put it first.

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
    // Means nothing once the connection has broken: then it is dropped.
    void send_fleeting(transport::Frame message);
    // These, before all that waits here; what does is not sent twice.
    void send_first(const std::vector<transport::Frame>& messages);
    void flush();

    // What the monitor of a watched one says. Whoever has to, says send_first() next.
    void connected();
    void disconnected();

    [[nodiscard]] const std::string& endpoint() const { return endpoint_; }

    [[nodiscard]] bool flushed() const { return waiting_.empty(); }

    // It will go soon: the peer is there.
    [[nodiscard]] bool flushing() const { return is_up_ && !waiting_.empty(); }

    // Handed over and not yet written to the peer, except for small ones that libzmq holds.
    [[nodiscard]] std::size_t bytes() const { return bytes_->load(std::memory_order_relaxed); }

private:
    struct Waiting {
        transport::Frame frame;
        bool is_fleeting = false;
    };

    [[nodiscard]] transport::Frame counted(transport::Frame message) const;

    std::string endpoint_;
    zmq::socket_t socket_;
    Watch watch_;
    bool is_up_; // one that nobody watches: always
    std::deque<Waiting> waiting_;
    std::shared_ptr<std::atomic<std::size_t>> bytes_;
};

} // namespace penstock::worker
