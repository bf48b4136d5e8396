#include "bench/client.hpp"

#include "protocol/time.hpp"

#include <thread>

namespace penstock::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr auto kAnswerWithin = std::chrono::seconds(10);
constexpr auto kServingWithin = std::chrono::seconds(30);
constexpr auto kLookEvery = std::chrono::milliseconds(20);

void sleep_until_readable(zmq::socket_t& socket, long milliseconds) {
    zmq_pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
    zmq_poll(&item, 1, milliseconds);
}

template <class Answer>
Answer only(Decoded<Asked<Answer>> decoded) {
    if (!decoded.error.empty()) throw std::runtime_error("an answer is wrong: " + decoded.error);
    if (decoded.messages.size() != 1) throw std::runtime_error("one question, several answers");
    return std::move(decoded.messages[0].question);
}

} // namespace

void Addresses::add_options(CLI::App& app) {
    app.add_option("--door", door, "The ventilator's door")->required();
    app.add_option("--control", control, "The ventilator's control")->required();
    app.add_option("--status", status, "The sink's status")->required();
}

Client::Client(const Addresses& addresses)
    : context_(transport::make_context()),
      door_(transport::open_socket(context_, zmq::socket_type::push)),
      control_(transport::open_socket(context_, zmq::socket_type::dealer)),
      status_(transport::open_socket(context_, zmq::socket_type::dealer)) {
    transport::connect_socket(door_, addresses.door, "the submitter");
    transport::connect_socket(control_, addresses.control, "the submitter");
    transport::connect_socket(status_, addresses.status, "the submitter");
}

bool Client::submit(const Submit& jobs) {
    return transport::send_copy(door_, encode(jobs));
}

bool Client::submit_encoded(const transport::Frame& frame) {
    return transport::send_frame(door_, frame);
}

void Client::send_to_sink(const StatusQuestion& question) {
    if (!transport::send_question(status_, encode(std::nullopt, question)))
        throw std::runtime_error("the sink takes no questions");
}

std::optional<StatusAnswer> Client::take_from_sink() {
    const auto frame = transport::receive_answer(status_, malformed_);
    if (!frame) return std::nullopt;
    return only(decode_status_answer(reader_, transport::view(*frame)));
}

void Client::sleep_until_sink_answers(long milliseconds) {
    sleep_until_readable(status_, milliseconds);
}

StatusAnswer Client::ask_sink(const StatusQuestion& question) {
    send_to_sink(question);
    const auto deadline = Clock::now() + kAnswerWithin;
    while (Clock::now() < deadline) {
        if (auto answer = take_from_sink()) return std::move(*answer);
        sleep_until_sink_answers(1000);
    }
    throw std::runtime_error("the sink does not answer");
}

ControlAnswer Client::ask_ventilator(const ControlQuestion& question) {
    if (!transport::send_question(control_, encode(std::nullopt, question)))
        throw std::runtime_error("the ventilator takes no questions");
    const auto deadline = Clock::now() + kAnswerWithin;
    while (Clock::now() < deadline) {
        if (const auto frame = transport::receive_answer(control_, malformed_))
            return only(decode_control_answer(reader_, transport::view(*frame)));
        sleep_until_readable(control_, 1000);
    }
    throw std::runtime_error("the ventilator does not answer");
}

void Client::wait_until_serving(std::size_t workers) {
    const auto deadline = Clock::now() + kServingWithin;
    while (true) {
        const auto room = std::get<Room>(ask_ventilator(AskRoom{}));
        const auto joined = std::get<Workers>(ask_ventilator(AskWorkers{}));
        if (room.serving && joined.workers.size() >= workers) return;
        if (Clock::now() >= deadline) {
            throw std::runtime_error(room.serving ? std::to_string(joined.workers.size()) +
                                                        " workers have joined, not " +
                                                        std::to_string(workers)
                                                  : "the ventilator takes no jobs: " + room.why);
        }
        std::this_thread::sleep_for(kLookEvery);
    }
}

} // namespace penstock::bench
