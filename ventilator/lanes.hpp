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

    struct Opened {
        std::string endpoint; // to tell the worker: a wildcard host stands for the one it joined
        std::string error;    // a sentence for whoever runs the worker, if there is no lane for it
    };

    Lanes(zmq::context_t& context, transport::Monitors& monitors, std::string host,
          std::uint16_t from, std::uint16_t to, std::uint64_t random);
    ~Lanes();

    Opened open(LaneId lane, Instant now);
    // For a worker thread of this process. Such lanes emit no events: they end by `close` only.
    Opened open_inproc(LaneId lane);
    void close(LaneId lane, Instant now);

    void send(LaneId lane, transport::Frame frame);
    void retry(); // what a socket would not take before

    [[nodiscard]] bool is_waiting() const { return waiting_ > 0; }

    // So many workers this process has room for, as far as its limit of open files goes.
    [[nodiscard]] std::size_t most() const { return most_; }

    // What a monitor said about a lane. A second handshake ends it as a lost connection does.
    [[nodiscard]] std::optional<Event> read(const transport::PeerEvent& event);

private:
    struct OpenLane {
        transport::Outgoing out;
        std::uint16_t port = 0; // 0: inproc
        bool was_up = false;
    };

    std::uint16_t next_port(Instant now);
    Opened bind_port(LaneId lane, Instant now);
    [[nodiscard]] std::string is_full() const;

    zmq::context_t& context_;
    transport::Monitors& monitors_;
    const std::string host_;
    const std::uint16_t from_, to_;
    const std::size_t most_;
    std::uint16_t at_; // the port tried last
    std::unordered_map<LaneId, OpenLane> lanes_;
    std::unordered_map<std::uint16_t, LaneId> used_;
    std::deque<std::pair<Instant, std::uint16_t>> quarantine_; // closed ports, until when
    std::size_t waiting_ = 0;
};

} // namespace penstock::ventilator
