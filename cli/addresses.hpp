#pragma once
// From the few addresses that people write to all those that the roles need. Pure.

#include "transport/endpoint.hpp"

#include <cstdint>
#include <string>

namespace penstock::cli {

// --bind HOST or HOST:DOORPORT. The other ports of a role follow its door, and can be found from
// any of them only while the door's is odd.
struct Bind {
    std::string host;
    std::uint16_t door = 0;

    [[nodiscard]] std::string endpoint(std::uint16_t distance) const; // of the door's neighbour
    [[nodiscard]] bool is_wildcard() const;
};

// Throws Quit(usage).
Bind parse_bind(const std::string& text, std::uint16_t default_door);

struct LaneRange {
    std::uint16_t from = 0, to = 0;
};

LaneRange parse_lanes(const std::string& text); // FROM-TO; throws Quit(usage)

// The ports of a role that is somewhere else: found from `any_port`, unless they are named.
// Throws Quit(usage).
transport::Ports ventilator_at(const std::string& any_port, const std::string& door,
                               const std::string& control);
transport::Ports sink_at(const std::string& any_port, const std::string& door,
                         const std::string& status);

// Where it publishes events: two above its door, unless that is named.
std::string sink_events_at(const std::string& any_port, const std::string& events);

// What others dial to reach `bind`: the advertised host, else this machine's name for a wildcard,
// else the host that is bound.
std::string advertised(const Bind& bind, const std::string& advertise);

} // namespace penstock::cli
