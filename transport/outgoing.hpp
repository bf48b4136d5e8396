#pragma once
// A socket's frames in order, through moments when the socket takes none. Bounded by what its
// owner puts in: credit for lanes, confirmations for links.

#include "transport/sockets.hpp"

#include <deque>

namespace penstock::transport {

class Outgoing {
public:
    explicit Outgoing(zmq::socket_t socket) : socket_(std::move(socket)) {}

    void send(Frame frame) {
        if (!waiting_.empty() || !send_frame(socket_, frame)) waiting_.push_back(std::move(frame));
    }

    void retry() {
        while (!waiting_.empty() && send_frame(socket_, waiting_.front())) waiting_.pop_front();
    }

    [[nodiscard]] bool is_waiting() const { return !waiting_.empty(); }

    zmq::socket_t& socket() { return socket_; }

private:
    zmq::socket_t socket_;
    std::deque<Frame> waiting_;
};

} // namespace penstock::transport
