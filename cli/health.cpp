#include "cli/health.hpp"

#include "protocol/codec.hpp"
#include "transport/sockets.hpp"

#include <chrono>

namespace penstock::cli {
namespace {

constexpr std::chrono::milliseconds kPatience(2'500);

// One question to a REQ port, and its answer; nullopt if none comes.
std::optional<std::string> ask(const std::string& endpoint, const std::string& question) {
    zmq::context_t context;
    zmq::socket_t socket = transport::open_socket(context, zmq::socket_type::req);
    transport::connect_socket(socket, endpoint, "healthcheck");
    if (!transport::send_copy(socket, question)) return std::nullopt;
    zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
    zmq::poll(&item, 1, kPatience);
    std::uint64_t malformed = 0;
    const auto answer = transport::receive_frame(socket, malformed);
    if (!answer) return std::nullopt;
    return std::string(transport::view(*answer));
}

} // namespace

std::string ventilator_trouble(const std::string& control) {
    const auto frame = ask(control, encode(Request{}, ControlQuestion(AskRoom{})));
    if (!frame) return "no ventilator answers at " + control + ".";
    Reader reader;
    const auto decoded = decode_control_answer(reader, *frame);
    if (!decoded.error.empty() || decoded.messages.empty()) return control + ": " + decoded.error;
    const auto* room = std::get_if<Room>(&decoded.messages.front().question);
    if (room == nullptr) return "what answers at " + control + " is not a ventilator.";
    return room->serving ? "" : "the ventilator at " + control + " is not serving: " + room->why;
}

std::string sink_trouble(const std::string& status) {
    const auto frame = ask(status, encode(Request{}, StatusQuestion(AskStats{})));
    if (!frame) return "no sink answers at " + status + ".";
    Reader reader;
    const auto decoded = decode_status_answer(reader, *frame);
    if (!decoded.error.empty() || decoded.messages.empty()) return status + ": " + decoded.error;
    const bool is_sink = std::holds_alternative<SinkStats>(decoded.messages.front().question);
    return is_sink ? "" : "what answers at " + status + " is not a sink.";
}

} // namespace penstock::cli
