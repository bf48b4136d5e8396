#include "transport/endpoint.hpp"

#include <charconv>

namespace penstock::transport {

std::optional<Endpoint> Endpoint::parse(std::string_view text) {
    if (text.starts_with("tcp://")) text.remove_prefix(6);
    const auto colon = text.rfind(':');
    if (colon == std::string_view::npos || text.find("://") != std::string_view::npos) {
        return std::nullopt;
    }
    Endpoint out;
    out.host = text.substr(0, colon);
    if (out.host.empty()) out.host = "127.0.0.1";
    const std::string_view port = text.substr(colon + 1);
    unsigned value = 0;
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), value);
    if (error != std::errc() || end != port.data() + port.size() || value == 0 || value > 65535) {
        return std::nullopt;
    }
    out.port = static_cast<std::uint16_t>(value);
    return out;
}

std::string Endpoint::text() const {
    return "tcp://" + host + ":" + std::to_string(port);
}

bool Endpoint::is_loopback() const {
    return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::string as_reached_from(const std::string& offered, const std::string& dialled) {
    auto at = Endpoint::parse(offered);
    const auto via = Endpoint::parse(dialled);
    if (!at || !via || !(at->is_wildcard() || at->is_loopback())) return offered;
    at->host = via->host;
    return at->text();
}

std::optional<Ports> ventilator_ports(std::string_view text) {
    auto at = Endpoint::parse(text);
    if (!at) return std::nullopt;
    Endpoint door = *at, control = *at;
    if (at->port % 2 == 1)
        control.port = static_cast<std::uint16_t>(at->port + 1);
    else
        door.port = static_cast<std::uint16_t>(at->port - 1);
    return Ports{door.text(), control.text()};
}

std::optional<Ports> sink_ports(std::string_view text) {
    return ventilator_ports(text);
}

} // namespace penstock::transport
