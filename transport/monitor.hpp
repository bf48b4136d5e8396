#pragma once
// Watches the connections of sockets. One thread reads the monitors of all of them, so that none
// ever fills up: an undrained monitor stops the socket that it watches.

#include "transport/wakeup.hpp"

#include <atomic>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_map>
#include <vector>
#include <zmq.hpp>

namespace penstock::transport {

struct PeerEvent {
    enum class What : std::uint8_t {
        up,   // a handshake succeeded; a second one on the same socket is an event too
        down, // a peer that was up has gone. Strays that never finished a handshake don't count.
    };
    std::uint64_t key = 0;
    What what = What::up;
};

class Monitors {
public:
    explicit Monitors(zmq::context_t& context);
    ~Monitors();
    Monitors(const Monitors&) = delete;
    Monitors& operator=(const Monitors&) = delete;

    // On the socket's own thread, before it is bound or connected. `key` names it in events.
    // Throws zmq::error_t when there is no file descriptor left for it.
    void watch(zmq::socket_t& socket, std::uint64_t key);
    // On the socket's own thread, before it is closed. Events already queued may still come.
    void forget(zmq::socket_t& socket, std::uint64_t key);

    // Readable while there are events. Only the owner's thread takes them.
    [[nodiscard]] int fd() const { return ready_.fd(); }

    std::vector<PeerEvent> take();

private:
    struct Watched {
        zmq::socket_t events;
        // Connections by their descriptor: a stray that never finishes its handshake is only ever young.
        std::vector<int> young, up;
    };

    void run();
    std::vector<std::uint64_t> adopt(int epoll); // the keys that arrived
    static void drain(std::uint64_t key, Watched& watched, std::vector<PeerEvent>& out);

    zmq::context_t& context_;
    Wakeup ready_;     // events for the owner
    Wakeup changed_;   // sockets for the thread, or the wish to end
    std::mutex mutex_; // over the three below
    std::deque<std::pair<std::uint64_t, zmq::socket_t>> arrivals_;
    std::vector<std::uint64_t> departures_;
    std::vector<PeerEvent> events_;
    std::atomic<bool> ending_{false};
    std::unordered_map<std::uint64_t, Watched> watched_; // the thread's own
    std::thread thread_;
};

} // namespace penstock::transport
