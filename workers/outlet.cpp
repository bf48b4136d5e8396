#include "workers/outlet.hpp"

#include <unordered_set>
#include <utility>

namespace penstock::worker {
namespace {

// libzmq copies messages below 4 KiB, and those are not counted: this bounds them to some 40 MB.
constexpr int kMessagesMax = 10'000;

} // namespace

Outlet::Outlet(zmq::context_t& context, const std::string& endpoint, std::string_view what,
               std::chrono::milliseconds linger, Watch watch)
    : endpoint_(endpoint), socket_(transport::open_socket(context, zmq::socket_type::push)),
      watch_(watch), is_up_(watch.by == nullptr),
      bytes_(std::make_shared<std::atomic<std::size_t>>(0)) {
    socket_.set(zmq::sockopt::linger, static_cast<int>(linger.count()));
    socket_.set(zmq::sockopt::sndhwm, kMessagesMax);
    if (watch.by != nullptr) {
        socket_.set(zmq::sockopt::immediate, 1);
        watch.by->watch(socket_, watch.key);
    }
    transport::connect_socket(socket_, endpoint, what);
}

Outlet::~Outlet() {
    if (watch_.by != nullptr) watch_.by->forget(socket_, watch_.key);
}

// The same bytes, which count until the last holder lets go; that may be libzmq's I/O thread.
transport::Frame Outlet::counted(transport::Frame message) const {
    const std::string* bytes = message.get();
    bytes_->fetch_add(bytes->size(), std::memory_order_relaxed);
    return {bytes, [count = bytes_, message = std::move(message)](const std::string* sent) {
                count->fetch_sub(sent->size(), std::memory_order_relaxed);
            }};
}

void Outlet::send(transport::Frame message) {
    waiting_.push_back({counted(std::move(message))});
    flush();
}

void Outlet::send_fleeting(transport::Frame message) {
    waiting_.push_back({counted(std::move(message)), true});
    flush();
}

void Outlet::send_first(const std::vector<transport::Frame>& messages) {
    std::unordered_set<const std::string*> here;
    for (const auto& each : waiting_) here.insert(each.frame.get());
    std::deque<Waiting> all;
    for (const auto& message : messages) {
        if (!here.contains(message.get())) all.push_back({counted(message)});
    }
    all.insert(all.end(), waiting_.begin(), waiting_.end());
    waiting_.swap(all);
    flush();
}

void Outlet::flush() {
    while (flushing() && transport::send_frame(socket_, waiting_.front().frame)) {
        waiting_.pop_front();
    }
}

// The look at the events makes libzmq let go of the connection before, and of what that still had:
// else the next message may go there.
void Outlet::connected() {
    (void)socket_.get(zmq::sockopt::events);
    is_up_ = true;
}

void Outlet::disconnected() {
    (void)socket_.get(zmq::sockopt::events);
    is_up_ = false;
    std::erase_if(waiting_, [](const Waiting& each) { return each.is_fleeting; });
}

} // namespace penstock::worker
