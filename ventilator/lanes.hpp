#pragma once
// How a lane is opened, watched and closed: a PUSH socket bound for one worker and one connection.
// The only file that knows that a lane is a port. (A carrier with all lanes on one port would
// replace it.)

#include "transport/monitor.hpp"
#include "transport/outgoing.hpp"
#include "ventilator/records.hpp"

#include <cstdint>
#include <deque>
#include <string>
#include <unordered_map>

namespace penstock::ventilator {

class Lanes {
public:
    struct Event {
        LaneId lane = 0;
        bool is_up = false; // false: it ended
    };

    Lanes(zmq::context_t& context, transport::Monitors& monitors, std::string host,
          std::uint16_t from, std::uint16_t to, std::uint64_t random);
    ~Lanes();

    // The endpoint to tell the worker: a wildcard host stands for the one that it joined.
    // Empty: no port is free.
    std::string open(LaneId lane, Instant now);
    // For a worker thread of this process. Such lanes emit no events: they end by `close` only.
    std::string open_inproc(LaneId lane);
    void close(LaneId lane, Instant now);

    void send(LaneId lane, transport::Frame frame);
    void retry(); // what a socket would not take before

    [[nodiscard]] bool is_waiting() const { return waiting_ > 0; }

    // What a monitor said about a lane. A second handshake ends it as a lost connection does.
    [[nodiscard]] std::optional<Event> read(const transport::PeerEvent& event);

private:
    struct OpenLane {
        transport::Outgoing out;
        std::uint16_t port = 0; // 0: inproc
        bool was_up = false;
    };

    std::uint16_t next_port(Instant now);

    zmq::context_t& context_;
    transport::Monitors& monitors_;
    const std::string host_;
    const std::uint16_t from_, to_;
    std::uint16_t at_; // the port tried last
    std::unordered_map<LaneId, OpenLane> lanes_;
    std::unordered_map<std::uint16_t, LaneId> used_;
    std::deque<std::pair<Instant, std::uint16_t>> quarantine_; // closed ports, until when
    std::size_t waiting_ = 0;
};

} // namespace penstock::ventilator
