#include "transport/poll.hpp"

#include "protocol/check.hpp"

#include <array>
#include <poll.h>

namespace penstock::transport {
namespace {

constexpr std::size_t kItemsMax = 16;

// Whether a message is there. Looks at what the I/O thread has said, so that from here on the socket's
// descriptor speaks up when there is more.
bool has_message(void* socket) {
    int events = 0;
    std::size_t size = sizeof events;
    if (zmq_getsockopt(socket, ZMQ_EVENTS, &events, &size) != 0) return true; // reading it says why
    return (events & ZMQ_POLLIN) != 0;
}

int descriptor_of(void* socket) {
    int fd = -1; // is passed over: a context that ends is told of by whoever reads the socket
    std::size_t size = sizeof fd;
    (void)zmq_getsockopt(socket, ZMQ_FD, &fd, &size);
    return fd;
}

} // namespace

// Not zmq_poll: that asks each socket before it sleeps and after, and polls twice: 14 system calls for
// three sockets, where half of that will do. A loop that wakes up for every message feels it.
void wait_for(std::span<zmq_pollitem_t> items, long ms) {
    PENSTOCK_CHECK(items.size() <= kItemsMax);
    std::array<pollfd, kItemsMax> fds{};
    for (std::size_t i = 0; i < items.size(); ++i) {
        zmq_pollitem_t& item = items[i];
        const bool is_socket = item.socket != nullptr;
        item.revents = is_socket && has_message(item.socket) ? ZMQ_POLLIN : 0;
        if (item.revents != 0) ms = 0;
        fds[i] = {is_socket ? descriptor_of(item.socket) : item.fd, POLLIN, 0};
    }
    if (poll(fds.data(), items.size(), static_cast<int>(ms)) <= 0) return;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (fds[i].revents != 0) items[i].revents = ZMQ_POLLIN;
    }
}

} // namespace penstock::transport
