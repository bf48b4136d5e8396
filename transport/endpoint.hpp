#pragma once
// Addresses of sockets, and how the ports of one role are found from any one of them.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace penstock::transport {

struct Endpoint { // "tcp://HOST:PORT"; HOST may be * or a name or [v6]
    std::string host;
    std::uint16_t port = 0;

    // nullopt unless it has that form (":5555", "host:5555" and "tcp://host:5555" all do).
    static std::optional<Endpoint> parse(std::string_view text);
    [[nodiscard]] std::string text() const;

    [[nodiscard]] bool is_wildcard() const {
        return host == "*" || host == "0.0.0.0" || host == "[::]";
    }

    [[nodiscard]] bool is_loopback() const;
};

// `offered` came from a peer that was reached at `dialled`: a wildcard or loopback host in it means
// the host that was dialled. Anything that isn't tcp is left as it is.
std::string as_reached_from(const std::string& offered, const std::string& dialled);

// The default ports. The door of a role is the first of its ports.
constexpr std::uint16_t kVentilatorDoor = 5555;
constexpr std::uint16_t kVentilatorControl = 5556;
constexpr std::uint16_t kSinkDoor = 5557;
constexpr std::uint16_t kSinkStatus = 5558;
constexpr std::uint16_t kSinkEvents = 5559;

struct Ports {
    std::string door;
    std::string other; // the ventilator's control, the sink's status
};

// Any port of a role names the role: of a ventilator door and control are neighbours (odd, even);
// of a sink door, status and events are (odd, even, odd), so an odd port is the door.
// nullopt if `text` is not a tcp endpoint.
std::optional<Ports> ventilator_ports(std::string_view text);
std::optional<Ports> sink_ports(std::string_view text);

} // namespace penstock::transport
