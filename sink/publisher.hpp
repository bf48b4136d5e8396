#pragma once
// The socket that tells what happens: XPUB, so that it is known whether anybody listens. It never
// blocks: who reads too slowly loses frames, and sees that by the numbers.

#include "protocol/time.hpp"
#include "sink/chronicle.hpp"

#include <set>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace penstock::sink {

class Publisher {
public:
    Publisher(zmq::context_t& context, std::uint64_t life);
    // Throws transport::StartError if an address can't be bound.
    void bind(const std::vector<std::string>& at);

    [[nodiscard]] zmq::socket_t& socket() { return socket_; }

    // Takes in who listens now. False: nobody does.
    [[nodiscard]] bool receive_subscriptions();
    // What happened since it was last asked, as a frame; empty if there is nothing to be said.
    [[nodiscard]] std::string collect(Chronicle& chronicle, WallTime now);
    void publish(const std::string& collected);

private:
    zmq::socket_t socket_;
    const std::uint64_t life_;
    std::set<std::string> topics_; // that somebody subscribed to
    bool owes_greeting_ = false;   // to whoever came: who speaks, and what number is next
};

} // namespace penstock::sink
