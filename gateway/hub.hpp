#pragma once
// What a thread's sessions ask the ventilator and the sink through. Each HTTP thread has its own,
// with its own ZeroMQ sockets, and turns it in its own loop: an order costs no other thread and no
// lock. What one round of the loop brings is packed into few frames (bursts.hpp says when they
// leave). It also asks the ventilator and the sink how they are, so that sessions needn't.

#include "gateway/beast.hpp"
#include "gateway/board.hpp"
#include "gateway/bursts.hpp"
#include "gateway/gateway.hpp"
#include "gateway/order.hpp"
#include "gateway/pending.hpp"
#include "protocol/codec.hpp"
#include "protocol/wire.hpp"
#include "transport/sockets.hpp"

#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <deque>
#include <memory>
#include <vector>
#include <zmq.hpp>

namespace penstock::gateway {

class Hub {
public:
    static constexpr std::size_t kRowsPerFrame = 1'000; // and no more bytes than these, or one row
    static constexpr std::size_t kBytesPerFrame = 1u << 20;

    // Throws transport::StartError if an address can't be dialled. `io` outlives it, and nothing
    // runs there when it is destroyed: promises under way are dropped, and sessions with them.
    Hub(const Options& options, zmq::context_t& context, asio::io_context& io);
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    // All of these on the thread that runs `io`.
    void start();
    void give(Order&& order); // the promise is kept in a later round of the loop
    void drain();           // the board says so from now on
    void give_up();         // silence for everything under way

    // What was heard last; changes between rounds.
    [[nodiscard]] const Board& board() const { return board_; }

private:
    using Descriptor = asio::posix::basic_stream_descriptor<Executor>;

    struct Feed { // a bulk that is handed on piece by piece
        SubmitMany many;
        std::uint64_t number = 0;
        Duration patience{0};
        std::size_t group = 0, row = 0; // the next one
        std::uint32_t rows = 0, sent = 0;
    };

    struct Peer { // one that is asked
        Peer(const char* its_name, zmq::context_t& context, asio::io_context& io);

        const char* name;
        zmq::socket_t socket;
        Descriptor readable;                // its ZMQ_FD, which stays the socket's
        std::vector<std::string> questions; // of this turn
        std::deque<std::string> unsent;     // frames that its queue had no room for
        Instant heard{};
        bool was_there = false;
    };

    struct Poll { // a question of the hub's own that is asked over and over
        std::uint64_t number;
        Instant asked{}, answered{};
    };

    void turn();
    void turn_soon();
    void turn_when_readable(Peer& peer);
    void turn_at(Instant when);
    void tick();
    void take(Order&& order, Instant now);
    void submit_one(SubmitOne& one, std::uint64_t number);
    void send_burst();
    void open_feed(Order&& order, Instant now);
    void run_feeds(Instant now);
    void feed_some(Feed& feed);
    std::uint32_t under_way(const Feed& feed);
    // Jobs that one client sent are one request: they take turns with others' jobs together.
    enum class Sender : std::uint8_t { one, many };
    void send_rows(const Group& group, std::size_t from, std::size_t to, Sender sender);
    void send_all();
    static void send_questions(Peer& peer);
    template <class Answer>
    void receive(Peer& peer, Decoded<Asked<Answer>> (*decode)(Reader&, std::string_view));
    template <class Answer>
    void take_answer(std::uint64_t number, Answer&& answer);
    void ask_own(Instant now);
    static bool is_due(Poll& poll, Instant now, Duration period);
    void take_stored(const StoredAnswer& answer);
    void heard(StatusAnswer&& answer);
    void heard(ControlAnswer&& answer);
    void note_presence(Instant now);
    static void note_presence(Peer& peer, bool is_there);
    void keep_promises();
    void complain(const std::string& error);

    asio::io_context& io_;
    zmq::socket_t door_;
    Peer ventilator_, sink_; // its control, its status
    Timer tick_timer_, turn_timer_;
    Instant turn_at_ = kNever; // what the second one is set to
    bool turn_is_posted_ = false;
    bool giving_up_ = false;

    Pending pending_;
    std::vector<Completed> done_, keeping_;
    Bursts bursts_;
    std::vector<Group> packs_;       // collected submits, by terms
    AskStored stored_;               // the waits for them,
    std::vector<std::string> waits_; // and those for what they come to
    std::deque<Feed> feeds_;
    std::deque<transport::Frame> door_unsent_;
    std::size_t door_unsent_bytes_ = 0;
    Reader reader_;
    Poll room_{1}, sink_stats_{2}, dispatch_stats_{3};
    Instant next_complaint_;
    Board board_;
    std::uint64_t malformed_ = 0;
};

} // namespace penstock::gateway
