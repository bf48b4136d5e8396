#include "cli/addresses.hpp"

#include "cli/exit_code.hpp"

#include <array>
#include <charconv>
#include <unistd.h>

namespace penstock::cli {
namespace {

using transport::Endpoint;
using transport::Ports;

std::uint16_t port_of(std::string_view text, const std::string& whole) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size() || value == 0 || value > 65'535) {
        throw Quit(Exit::usage, "'" + std::string(text) + "' in '" + whole +
                                    "' is not a port: ports are 1 to 65535.");
    }
    return static_cast<std::uint16_t>(value);
}

std::string endpoint_of(const std::string& text, const char* flag) {
    const auto parsed = Endpoint::parse(text);
    if (!parsed) {
        throw Quit(Exit::usage,
                   std::string(flag) + " '" + text + "' is not an address: write tcp://HOST:PORT.");
    }
    return parsed->text();
}

Ports pick(std::optional<Ports> found, const std::string& any_port, const char* flag) {
    if (found) return *found;
    endpoint_of(any_port, flag); // throws: the siblings of any tcp address are known
    throw Quit(Exit::usage, std::string(flag) + " '" + any_port + "' has no sibling ports.");
}

} // namespace

std::string Bind::endpoint(std::uint16_t distance) const {
    return Endpoint{host, static_cast<std::uint16_t>(door + distance)}.text();
}

bool Bind::is_wildcard() const {
    return Endpoint{host, door}.is_wildcard();
}

Bind parse_bind(const std::string& text, std::uint16_t default_door) {
    std::string rest = text.starts_with("tcp://") ? text.substr(6) : text;
    Bind out{rest, default_door};
    const auto colon = rest.rfind(':');
    if (colon != std::string::npos && !rest.ends_with("]")) {
        out.host = rest.substr(0, colon);
        out.door = port_of(std::string_view(rest).substr(colon + 1), text);
    }
    if (out.host.empty()) out.host = "127.0.0.1";
    if (out.door % 2 == 0 || out.door > 65'531) {
        throw Quit(Exit::usage, "--bind '" + text +
                                    "': the door's port must be odd and below 65533, so that the "
                                    "role's other ports can be found from it.");
    }
    return out;
}

LaneRange parse_lanes(const std::string& text) {
    const auto dash = text.find('-');
    if (dash == std::string::npos) {
        throw Quit(Exit::usage, "--lanes '" + text + "' is not FROM-TO, as in 20000-29999.");
    }
    const LaneRange out{port_of(std::string_view(text).substr(0, dash), text),
                        port_of(std::string_view(text).substr(dash + 1), text)};
    if (out.from > out.to) {
        throw Quit(Exit::usage, "--lanes '" + text + "' ends before it begins.");
    }
    return out;
}

Ports ventilator_at(const std::string& any_port, const std::string& door,
                    const std::string& control) {
    Ports out = pick(transport::ventilator_ports(any_port), any_port, "--ventilator");
    if (!door.empty()) out.door = endpoint_of(door, "--ventilator-door");
    if (!control.empty()) out.other = endpoint_of(control, "--ventilator-control");
    return out;
}

Ports sink_at(const std::string& any_port, const std::string& door, const std::string& status) {
    Ports out = pick(transport::sink_ports(any_port), any_port, "--sink");
    if (!door.empty()) out.door = endpoint_of(door, "--sink-door");
    if (!status.empty()) out.other = endpoint_of(status, "--sink-status");
    return out;
}

std::string sink_events_at(const std::string& any_port, const std::string& events) {
    if (!events.empty()) return endpoint_of(events, "--sink-events");
    const Ports ports = sink_at(any_port, "", "");
    Endpoint at = *Endpoint::parse(ports.door); // it was made from one
    at.port = static_cast<std::uint16_t>(at.port + 2);
    return at.text();
}

std::string advertised(const Bind& bind, const std::string& advertise) {
    if (!advertise.empty()) return Endpoint{advertise, bind.door}.text();
    if (!bind.is_wildcard()) return bind.endpoint(0);
    std::array<char, 256> name{};
    if (gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return bind.endpoint(0);
    return Endpoint{name.data(), bind.door}.text();
}

} // namespace penstock::cli
