#include "transport/monitor.hpp"

#include "protocol/check.hpp"

#include <array>
#include <cstring>
#include <sys/epoll.h>
#include <unistd.h>
#include <utility>

namespace penstock::transport {
namespace {

constexpr std::uint64_t kChangedKey = ~0ull;
constexpr int kEvents = ZMQ_EVENT_ACCEPTED | ZMQ_EVENT_CONNECTED | ZMQ_EVENT_HANDSHAKE_SUCCEEDED |
                        ZMQ_EVENT_DISCONNECTED;

std::string address_of(const void* owner, std::uint64_t key) {
    return "inproc://monitor-" + std::to_string(reinterpret_cast<std::uintptr_t>(owner)) + "-" +
           std::to_string(key);
}

void add_to(int epoll, int fd, std::uint64_t key) {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = key;
    PENSTOCK_CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

} // namespace

Monitors::Monitors(zmq::context_t& context) : context_(context), thread_([this] { run(); }) {}

Monitors::~Monitors() {
    ending_ = true;
    changed_.ring();
    thread_.join();
}

void Monitors::watch(zmq::socket_t& socket, std::uint64_t key) {
    const std::string address = address_of(this, key);
    if (zmq_socket_monitor(socket.handle(), address.c_str(), kEvents) != 0) throw zmq::error_t();
    zmq::socket_t pair(context_, zmq::socket_type::pair);
    pair.set(zmq::sockopt::rcvhwm, 0); // never full: see above
    pair.set(zmq::sockopt::linger, 0);
    pair.connect(address);
    {
        const std::lock_guard lock(mutex_);
        arrivals_.emplace_back(key, std::move(pair));
    }
    changed_.ring();
}

void Monitors::forget(zmq::socket_t& socket, std::uint64_t key) {
    zmq_socket_monitor(socket.handle(), nullptr, 0);
    {
        const std::lock_guard lock(mutex_);
        departures_.push_back(key);
    }
    changed_.ring();
}

std::vector<PeerEvent> Monitors::take() {
    ready_.quiet();
    const std::lock_guard lock(mutex_);
    return std::exchange(events_, {});
}

std::vector<std::uint64_t> Monitors::adopt(int epoll) {
    std::vector<std::uint64_t> adopted;
    std::deque<std::pair<std::uint64_t, zmq::socket_t>> arrivals;
    std::vector<std::uint64_t> departures;
    {
        const std::lock_guard lock(mutex_);
        arrivals.swap(arrivals_);
        departures.swap(departures_);
    }
    for (auto& [key, socket] : arrivals) {
        add_to(epoll, socket.get(zmq::sockopt::fd), key);
        watched_.insert_or_assign(key, Watched{std::move(socket), {}, {}});
        adopted.push_back(key);
    }
    for (const auto key : departures) watched_.erase(key); // closing it leaves the epoll set
    return adopted;
}

// ZMQ_FD is edge-triggered, so it must be read until it is empty.
void Monitors::drain(std::uint64_t key, Watched& watched, std::vector<PeerEvent>& out) {
    zmq::message_t head, address;
    while (watched.events.recv(head, zmq::recv_flags::dontwait)) {
        if (head.more() && !watched.events.recv(address, zmq::recv_flags::dontwait)) return;
        std::uint16_t event = 0;
        std::int32_t fd = 0; // of the connection, where the event has one
        if (head.size() < sizeof event + sizeof fd) continue;
        std::memcpy(&event, head.data(), sizeof event);
        std::memcpy(&fd, static_cast<const char*>(head.data()) + sizeof event, sizeof fd);
        if (event == ZMQ_EVENT_MONITOR_STOPPED) return;
        if (event == ZMQ_EVENT_ACCEPTED || event == ZMQ_EVENT_CONNECTED) {
            watched.young.push_back(fd);
        } else if (event == ZMQ_EVENT_HANDSHAKE_SUCCEEDED) {
            // It doesn't say whose. With several at once, each of them may be the one.
            watched.up.insert(watched.up.end(), watched.young.begin(), watched.young.end());
            watched.young.clear();
            out.push_back({key, PeerEvent::What::up});
        } else if (event == ZMQ_EVENT_DISCONNECTED) {
            std::erase(watched.young, fd);
            if (std::erase(watched.up, fd) > 0) out.push_back({key, PeerEvent::What::down});
        }
    }
}

void Monitors::run() {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    PENSTOCK_CHECK(epoll >= 0);
    add_to(epoll, changed_.fd(), kChangedKey);
    std::array<epoll_event, 256> ready{};
    while (!ending_) {
        const int count = epoll_wait(epoll, ready.data(), static_cast<int>(ready.size()), -1);
        std::vector<PeerEvent> out;
        for (int i = 0; i < count; ++i) {
            const std::uint64_t key = ready[static_cast<std::size_t>(i)].data.u64;
            if (key == kChangedKey) {
                changed_.quiet();
                // What they said before they were in the set rings no bell.
                for (const auto each : adopt(epoll)) {
                    const auto found = watched_.find(each);
                    if (found != watched_.end()) drain(each, found->second, out);
                }
                continue;
            }
            const auto found = watched_.find(key);
            if (found != watched_.end()) drain(key, found->second, out);
        }
        if (out.empty()) continue;
        const std::lock_guard lock(mutex_);
        events_.insert(events_.end(), out.begin(), out.end());
        ready_.ring();
    }
    watched_.clear();
    const std::lock_guard lock(mutex_);
    arrivals_.clear();
    close(epoll);
}

} // namespace penstock::transport
