#include "workers/outlet.hpp"

namespace penstock::worker {
namespace {

// libzmq copies messages below 4 KiB, and those are not counted: this bounds them to some 40 MB.
constexpr int kMessagesMax = 10'000;

} // namespace

Outlet::Outlet(zmq::context_t& context, const std::string& endpoint, std::string_view what,
               std::chrono::milliseconds linger)
    : endpoint_(endpoint), socket_(transport::open_socket(context, zmq::socket_type::push)),
      bytes_(std::make_shared<std::atomic<std::size_t>>(0)) {
    socket_.set(zmq::sockopt::linger, static_cast<int>(linger.count()));
    socket_.set(zmq::sockopt::sndhwm, kMessagesMax);
    transport::connect_socket(socket_, endpoint, what);
}

void Outlet::send(std::string message) {
    bytes_->fetch_add(message.size(), std::memory_order_relaxed);
    // The last holder, which may be libzmq's I/O thread, takes it off the count.
    waiting_.emplace_back(new std::string(std::move(message)),
                          [bytes = bytes_](const std::string* sent) {
                              bytes->fetch_sub(sent->size(), std::memory_order_relaxed);
                              delete sent;
                          });
    flush();
}

void Outlet::flush() {
    while (!waiting_.empty() && transport::send_frame(socket_, waiting_.front())) {
        waiting_.pop_front();
    }
}

} // namespace penstock::worker
