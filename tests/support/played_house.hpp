#pragma once
// One thread of a gateway without its HTTP: the real hub, and a test that plays the ventilator and
// the sink. What a command is answered is seen as a Reply.

#include "gateway/exchange.hpp"
#include "gateway/stream.hpp"
#include "protocol/codec.hpp"
#include "transport/sockets.hpp"

#include <array>
#include <cstdint>
#include <functional>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace penstock::gateway {

class PlayedHouse : public ::testing::Test {
protected:
    // Of a question that the hub did not ask for itself. No answer: silence.
    using Sink = std::function<std::optional<StatusAnswer>(const StatusQuestion&)>;
    using Ventilator = std::function<std::optional<ControlAnswer>(const ControlQuestion&)>;

    // A request on a connection of its own, which outlives its answer.
    struct Client {
        Client(Shard& shard, std::string body) {
            std::array<int, 2> pair{};
            EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair.data()), 0);
            socket.assign(Tcp::v4(), pair[0]);
            socket.non_blocking(true);
            theirs = pair[1];
            x.shard = &shard;
            x.deadline = &deadline;
            x.body = std::move(body);
        }

        ~Client() { ::close(theirs); }

        Client(const Client&) = delete;
        Client& operator=(const Client&) = delete;

        asio::io_context unused;
        Deadlines deadlines;
        Socket socket{unused.get_executor()};
        Deadlines::Entry deadline{deadlines, socket};
        Exchange x;
        int theirs = -1;
        std::optional<Reply> reply;
        std::shared_ptr<int> under_way = std::make_shared<int>(); // the coroutine has it too
    };

    PlayedHouse() {
        room.serving = true;
        room.jobs_free = 1'000'000;
        room.bytes_free = 1u << 30;
        status.bind(options().sink_status);
        control.bind(options().ventilator_control);
        door.bind(options().ventilator_door);
        shard->hub.start();
        EXPECT_TRUE(until([&] {
            return shard->board->room.serving && shard->board->sink_is_there();
        }));
    }

    static Options options() {
        Options out;
        out.ventilator_door = "inproc://door";
        out.ventilator_control = "inproc://control";
        out.sink_status = "inproc://status";
        out.sink_events = "inproc://events";
        return out;
    }

    // Turns the loop and plays until this holds; false: it did not within ten seconds.
    template <class Condition>
    bool until(Condition condition) {
        const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(10);
        while (!condition()) {
            if (std::chrono::steady_clock::now() > deadline) return false;
            shard->io.restart();
            shard->io.run_for(std::chrono::milliseconds(1));
            play();
        }
        return true;
    }

    template <class Command>
    void ask(Client& client, Command command) {
        asio::co_spawn(shard->io.get_executor(), answer_to(&client.x, std::move(command)),
                       [&client, under_way = client.under_way](const std::exception_ptr& error,
                                                               Reply reply) {
                           EXPECT_FALSE(error);
                           client.reply = std::move(reply);
                       });
    }

    template <class Command>
    Reply answer(Command command, std::string body = "") {
        Client client(*shard, std::move(body));
        ask(client, std::move(command));
        EXPECT_TRUE(until([&] { return client.reply.has_value(); }));
        return client.reply.value_or(Reply{});
    }

    void play() {
        play_status();
        play_control();
        std::uint64_t malformed = 0;
        while (transport::receive_frame(door, malformed)) ++submits;
    }

    // Answers what is known now to a question that was left open.
    void say(std::uint64_t number, const StatusAnswer& answer) {
        std::vector<zmq::message_t> envelope;
        for (const auto& part : from_) envelope.emplace_back(part.data(), part.size());
        transport::send_answer(status, envelope, encode(Request(number), answer));
    }

    zmq::context_t context{1};
    zmq::socket_t status{transport::open_socket(context, zmq::socket_type::router)};
    zmq::socket_t control{transport::open_socket(context, zmq::socket_type::router)};
    zmq::socket_t door{transport::open_socket(context, zmq::socket_type::pull)};
    Room room;
    Sink on_status;
    Ventilator on_control; // none: it says its room
    std::size_t asked_of_sink = 0, asked_of_ventilator = 0, submits = 0; // not by the hub itself
    std::vector<std::uint64_t> open; // numbers of questions to the sink that met silence

    struct Frame {
        std::size_t bytes = 0, questions = 0;
    };
    std::vector<Frame> frames; // to the sink

    House house{options()};
    std::optional<Shard> shard{std::in_place, house, context};

private:
    // The hub asks how the others are; those questions have numbers of their own.
    static bool is_own(std::uint64_t number) { return number < Pending::kFirstNumber; }

    void play_status() {
        std::uint64_t malformed = 0;
        while (auto asked = transport::receive_question(status, malformed)) {
            from_.clear();
            for (const auto& part : asked->envelope) from_.emplace_back(transport::view(part));
            const auto decoded = decode_status(reader_, transport::view(asked->body));
            EXPECT_EQ(decoded.error, "");
            frames.push_back({asked->body.size(), decoded.messages.size()});
            for (const auto& [number, question] : decoded.messages) {
                if (!number) continue; // waits for jobs to be stored
                std::optional<StatusAnswer> said = SinkStats{};
                if (!is_own(*number)) {
                    ++asked_of_sink;
                    said = on_status ? on_status(question) : std::nullopt;
                }
                if (said)
                    say(*number, *said);
                else
                    open.push_back(*number);
            }
        }
    }

    void play_control() {
        std::uint64_t malformed = 0;
        while (auto asked = transport::receive_question(control, malformed)) {
            const auto decoded = decode_control(reader_, transport::view(asked->body));
            EXPECT_EQ(decoded.error, "");
            for (const auto& [number, question] : decoded.messages) {
                std::optional<ControlAnswer> said = DispatchStats{};
                if (std::holds_alternative<AskRoom>(question)) said = room;
                if (!is_own(number.value())) {
                    ++asked_of_ventilator;
                    if (on_control) said = on_control(question);
                }
                if (!said) continue;
                transport::send_answer(control, asked->envelope, encode(number, *said));
            }
        }
    }

    Reader reader_;
    std::vector<std::string> from_; // where the hub is
};

} // namespace penstock::gateway
