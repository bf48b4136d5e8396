#include "ventilator/lanes.hpp"

#include <algorithm>

namespace penstock::ventilator {
namespace {

// A worker that lost its lane may dial its port for as long as it believes in it: that port must
// not be somebody else's lane by then. Twice the three ping periods of silence that it allows.
constexpr Duration kQuarantine = std::chrono::seconds(30);

// How long a lane's bytes may stay unacknowledged, in milliseconds. A host that vanishes right
// after a ping is noticed when the next one, a ping period later, has waited for so long: keepalive
// never gets to see an idle lane, since a ping is under way by then. Shorter than other sockets
// wait: an end of those loses what is in the kernel's buffers, the end of a lane moves its jobs.
constexpr int kUnacknowledgedMs = 6'000;

// What one worker takes of this process. Descriptors: of the lane a mailbox, a listener, a
// connection and the two ends of its monitor; and the connection that heartbeats come by.
constexpr std::uint64_t kDescriptorsEach = 6;
constexpr std::uint64_t kSocketsEach = 3; // the lane, and the two ends of its monitor
// For doors, questions, clients, strays, and those who are asking to join. A quarter, if less.
constexpr std::uint64_t kDescriptorsSpare = 500;
constexpr std::uint64_t kSocketsSpare = 100;

std::size_t room_for_lanes() {
    const std::uint64_t files = transport::open_files_max();
    const std::uint64_t spare = std::min(kDescriptorsSpare, files / 4);
    const std::uint64_t by_sockets = (transport::kSocketsMax - kSocketsSpare) / kSocketsEach;
    return std::min((files - spare) / kDescriptorsEach, by_sockets);
}

} // namespace

Lanes::Lanes(zmq::context_t& context, transport::Monitors& monitors, std::string host,
             std::uint16_t from, std::uint16_t to, std::uint64_t random)
    : context_(context), monitors_(monitors), host_(std::move(host)), from_(from), to_(to),
      most_(room_for_lanes()),
      at_(static_cast<std::uint16_t>(from + random % (std::uint64_t{to} - from + 1))) {}

Lanes::~Lanes() {
    for (auto& [id, lane] : lanes_) {
        if (lane.port != 0) monitors_.forget(lane.out.socket(), id);
    }
}

std::uint16_t Lanes::next_port(Instant now) {
    while (!quarantine_.empty() && quarantine_.front().first <= now) {
        used_.erase(quarantine_.front().second);
        quarantine_.pop_front();
    }
    const unsigned count = unsigned{to_} - from_ + 1;
    for (unsigned i = 0; i < count; ++i) {
        at_ = at_ >= to_ ? from_ : static_cast<std::uint16_t>(at_ + 1);
        if (!used_.contains(at_)) return at_;
    }
    return 0;
}

std::string Lanes::is_full() const {
    return "this ventilator has no room for more than " + std::to_string(lanes_.size()) +
           " workers: it may have " + std::to_string(transport::open_files_max()) +
           " files open. Raise that limit (ulimit -n), or give workers more slots.";
}

// A ventilator that has run out of descriptors refuses workers; those it has are not hurt.
Lanes::Opened Lanes::open(LaneId id, Instant now) {
    if (lanes_.size() >= most_) return {"", is_full()};
    try {
        return bind_port(id, now);
    } catch (const zmq::error_t& error) {
        if (error.num() == EMFILE || error.num() == ENFILE) return {"", is_full()};
        return {"", std::string("no lane can be opened on ") + host_ + ": " + error.what()};
    }
}

Lanes::Opened Lanes::bind_port(LaneId id, Instant now) {
    zmq::socket_t socket = transport::open_socket(context_, zmq::socket_type::push);
    socket.set(zmq::sockopt::tcp_maxrt, kUnacknowledgedMs);
    monitors_.watch(socket, id);
    const unsigned tries = unsigned{to_} - from_ + 1;
    for (unsigned i = 0; i < tries; ++i) {
        const std::uint16_t port = next_port(now);
        if (port == 0) break;
        try {
            socket.bind("tcp://" + host_ + ":" + std::to_string(port));
        } catch (const zmq::error_t& error) {
            if (error.num() == EADDRINUSE) continue; // somebody else's: the next one
            monitors_.forget(socket, id);
            throw;
        }
        used_.emplace(port, id);
        lanes_.emplace(id, OpenLane{transport::Outgoing(std::move(socket)), port, false});
        return {"tcp://*:" + std::to_string(port), ""};
    }
    monitors_.forget(socket, id);
    return {"", "no port is free between " + std::to_string(from_) + " and " + std::to_string(to_)};
}

Lanes::Opened Lanes::open_inproc(LaneId id) {
    try {
        zmq::socket_t socket = transport::open_socket(context_, zmq::socket_type::push);
        const std::string endpoint = "inproc://lane-" + std::to_string(id);
        socket.bind(endpoint);
        lanes_.emplace(id, OpenLane{transport::Outgoing(std::move(socket)), 0, false});
        return {endpoint, ""};
    } catch (const zmq::error_t&) {
        return {"", is_full()};
    }
}

void Lanes::close(LaneId id, Instant now) {
    const auto found = lanes_.find(id);
    if (found == lanes_.end()) return;
    OpenLane& lane = found->second;
    if (lane.port != 0) {
        monitors_.forget(lane.out.socket(), id);
        quarantine_.emplace_back(now + kQuarantine, lane.port);
    }
    if (lane.out.is_waiting()) --waiting_;
    lanes_.erase(found);
}

void Lanes::send(LaneId id, transport::Frame frame) {
    const auto found = lanes_.find(id);
    if (found == lanes_.end()) return; // it ended; its jobs are in the table
    const bool waited = found->second.out.is_waiting();
    found->second.out.send(std::move(frame));
    if (!waited && found->second.out.is_waiting()) ++waiting_;
}

void Lanes::retry() {
    if (waiting_ == 0) return;
    for (auto& [id, lane] : lanes_) {
        if (!lane.out.is_waiting()) continue;
        lane.out.retry();
        if (!lane.out.is_waiting()) --waiting_;
    }
}

std::optional<Lanes::Event> Lanes::read(const transport::PeerEvent& event) {
    const auto found = lanes_.find(event.key);
    if (found == lanes_.end()) return std::nullopt; // said before it was closed
    if (event.what == transport::PeerEvent::What::up && !found->second.was_up) {
        found->second.was_up = true;
        return Event{event.key, true};
    }
    return Event{event.key, false};
}

} // namespace penstock::ventilator
