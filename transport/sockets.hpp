#pragma once
// ZeroMQ sockets with the options that this pipeline needs on every one of them. What each option
// is for stands in sockets.cpp. A socket belongs to the thread that made it.

#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>
#include <zmq.hpp>

namespace penstock::transport {

// One encoded message, shared by whoever may have to send it again.
using Frame = std::shared_ptr<const std::string>;

inline Frame make_frame(std::string bytes) {
    return std::make_shared<const std::string>(std::move(bytes));
}

// A sentence for the person who started the process.
struct StartError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Room for thousands of lanes. Raises the soft limit of open files to the hard one.
zmq::context_t make_context();

constexpr int kSocketsMax = 65'535; // of one context

// How many files, sockets among them, this process may have open.
std::uint64_t open_files_max();

zmq::socket_t open_socket(zmq::context_t& context, zmq::socket_type type);

// Throws StartError: which address, and what to do about it.
void bind_socket(zmq::socket_t& socket, const std::string& endpoint, std::string_view what);
void connect_socket(zmq::socket_t& socket, const std::string& endpoint, std::string_view what);

// Never blocks. False: the peer's queue is full or there is no peer; try again later.
// Frames of 4 KiB and more are not copied.
bool send_frame(zmq::socket_t& socket, const Frame& frame);
bool send_copy(zmq::socket_t& socket, std::string_view frame);

// Never blocks. nullopt: nothing is there. Messages of several frames are dropped whole, and
// counted in `malformed`: our wire has single frames only.
std::optional<zmq::message_t> receive_frame(zmq::socket_t& socket, std::uint64_t& malformed);

// For a ROUTER: the peer's envelope (routing ids and REQ's empty delimiter) and its one body frame.
struct Asked {
    std::vector<zmq::message_t> envelope;
    zmq::message_t body;
};

std::optional<Asked> receive_question(zmq::socket_t& router, std::uint64_t& malformed);
bool send_answer(zmq::socket_t& router, const std::vector<zmq::message_t>& envelope,
                 const std::string& body);

// For a DEALER that writes REQ's empty delimiter.
bool send_question(zmq::socket_t& dealer, const std::string& body);
std::optional<zmq::message_t> receive_answer(zmq::socket_t& dealer, std::uint64_t& malformed);

inline std::string_view view(const zmq::message_t& message) {
    return {static_cast<const char*>(message.data()), message.size()};
}

} // namespace penstock::transport
