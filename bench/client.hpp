#pragma once
// A ZeroMQ client as any outsider could write it: pushes jobs to the ventilator's door, and asks
// the ventilator's control and the sink's status. One thread. Throws std::runtime_error when an
// answer stays away or can't be read.

#include "protocol/codec.hpp"
#include "transport/sockets.hpp"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <zmq.hpp>

namespace penstock::bench {

struct Addresses {
    std::string door, control, status;

    void add_options(CLI::App& app); // --door, --control, --status
};

class Client {
public:
    explicit Client(const Addresses& addresses);

    // False: the door's queue is full for now.
    bool submit(const Submit& jobs);
    bool submit_encoded(const transport::Frame& frame);

    StatusAnswer ask_sink(const StatusQuestion& question);
    ControlAnswer ask_ventilator(const ControlQuestion& question);

    // In two steps, for those who have something else to do meanwhile.
    void send_to_sink(const StatusQuestion& question);
    std::optional<StatusAnswer> take_from_sink();
    void sleep_until_sink_answers(long milliseconds);

    // The ventilator takes jobs, and so many workers have joined. Waits for it, 30 s at most.
    void wait_until_serving(std::size_t workers);

private:
    zmq::context_t context_;
    zmq::socket_t door_, control_, status_;
    Reader reader_;
    std::uint64_t malformed_ = 0;
};

} // namespace penstock::bench
