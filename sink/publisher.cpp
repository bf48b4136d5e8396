#include "sink/publisher.hpp"

#include "transport/sockets.hpp"

namespace penstock::sink {
namespace {

constexpr int kFramesMax = 256;         // for each listener; a burst is one frame
constexpr std::size_t kTopicsMax = 100; // nobody needs any but the empty one

} // namespace

Publisher::Publisher(zmq::context_t& context, std::uint64_t life)
    : socket_(transport::open_socket(context, zmq::socket_type::xpub)), life_(life) {
    socket_.set(zmq::sockopt::sndhwm, kFramesMax);
    socket_.set(zmq::sockopt::xpub_verbose, 1); // each listener is greeted, not only the first
}

void Publisher::bind(const std::vector<std::string>& at) {
    for (const auto& each : at) transport::bind_socket(socket_, each, "the sink's events");
}

// A byte, 1 for coming and 0 for going, and a topic. Anything else is somebody's mistake.
bool Publisher::receive_subscriptions() {
    std::uint64_t malformed = 0;
    while (const auto frame = transport::receive_frame(socket_, malformed)) {
        const std::string_view text = transport::view(*frame);
        if (text.empty()) continue;
        std::string topic(text.substr(1));
        if (text[0] == 0) {
            topics_.erase(topic);
        } else if (text[0] == 1) {
            owes_greeting_ = true;
            if (topics_.size() < kTopicsMax) topics_.insert(std::move(topic));
        }
    }
    return !topics_.empty();
}

std::string Publisher::collect(Chronicle& chronicle, WallTime now) {
    if (chronicle.empty() && !owes_greeting_) return {};
    owes_greeting_ = false;
    Events events = chronicle.take();
    events.life = life_;
    events.at = unix_seconds(now);
    return encode(events);
}

void Publisher::publish(const std::string& collected) {
    if (!collected.empty()) transport::send_copy(socket_, collected);
}

} // namespace penstock::sink
