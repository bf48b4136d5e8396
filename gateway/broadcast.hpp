#pragma once
// How events come from the sink to the sessions of one thread: a SUB socket that is open only while
// somebody listens, and a moment longer, since browsers come back after a few seconds.

#include "gateway/beast.hpp"
#include "gateway/deadlines.hpp"
#include "gateway/ring.hpp"
#include "protocol/wire.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <memory>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace penstock::gateway {

class Broadcast {
public:
    // `io` and `ring` outlive it, and nothing runs in `io` when it is destroyed: sessions that wait
    // for events are dropped.
    Broadcast(std::string endpoint, zmq::context_t& context, asio::io_context& io, Ring& ring);
    ~Broadcast();
    Broadcast(const Broadcast&) = delete;
    Broadcast& operator=(const Broadcast&) = delete;

    // All of these on the thread that runs `io`.

    // From when it completes on, nothing that happens is left out: the sink has said that it knows
    // of us. It gives up after two seconds: a sink that is away does not keep a client waiting.
    Awaitable<void> attend();
    // `answered`: the listener is owed something. `silent`: `patience` is over. `gone`: the client
    // is.
    Awaitable<Answer::What> wait(Ring::Listener* listener, Deadlines::Entry* client,
                                 Duration patience);
    void close(); // all listeners are woken, and are to end

    [[nodiscard]] bool closed() const { return closed_; }

private:
    using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

    struct Line { // to the sink
        Line(zmq::context_t& context, asio::io_context& io, const std::string& endpoint);
        ~Line();
        Line(const Line&) = delete;
        Line& operator=(const Line&) = delete;

        zmq::socket_t socket;
        Descriptor readable; // its ZMQ_FD, which stays the socket's
        std::uint64_t malformed = 0;
    };

    void open();
    void receive_when_readable();
    void receive();
    void receive_soon();
    void tick();
    static void finish(const Ring::Calls& calls, Answer::What what);

    const std::string endpoint_;
    zmq::context_t& context_;
    asio::io_context& io_;
    Ring& ring_;
    Timer timer_;
    std::unique_ptr<Line> line_;
    Reader reader_;
    Ring::Calls attending_; // until the sink has spoken
    Instant attended_until_{}, heard_until_{};
    bool closed_ = false;
};

} // namespace penstock::gateway
