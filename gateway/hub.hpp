#pragma once
// The one thread that owns the gateway's ZeroMQ sockets. Sessions give it orders; it packs what
// one wake-up brings into few frames, and hands the answers back per thread in one go. It also
// asks the ventilator and the sink how they are, so that sessions needn't.

#include "gateway/board.hpp"
#include "gateway/gateway.hpp"
#include "gateway/order.hpp"
#include "gateway/pending.hpp"
#include "protocol/codec.hpp"
#include "protocol/wire.hpp"
#include "transport/sockets.hpp"
#include "transport/wakeup.hpp"

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>
#include <zmq.hpp>

namespace penstock::gateway {

struct Delivery {
    std::vector<Completed> completed;
    std::shared_ptr<const Board> board; // null: nothing new
};

// Takes a delivery to one of the HTTP threads. Called by the hub's thread.
using Deliver = std::function<void(std::shared_ptr<Delivery>)>;

class Hub {
public:
    static constexpr std::size_t kRowsPerFrame = 1'000; // and no more bytes than these, or one row
    static constexpr std::size_t kBytesPerFrame = 1u << 20;

    // Throws transport::StartError if an address can't be dialled.
    Hub(const Options& options, zmq::context_t& context);
    ~Hub();
    Hub(const Hub&) = delete;
    Hub& operator=(const Hub&) = delete;

    void start(std::vector<Deliver> threads);
    // From any thread.
    void give(Order order);
    void drain();   // the board says so from now on
    void give_up(); // silence for everything under way
    // Returns when the thread has ended. Promises under way are dropped, and sessions with them.
    // REQUIRES: their threads stand still, and their io_contexts are still there.
    void stop();

private:
    struct Pack { // single submits with equal terms
        Submit submit;
        std::size_t bytes = 0;
    };

    struct Feed { // a bulk that is handed on piece by piece
        SubmitMany many;
        std::uint64_t number = 0;
        Duration patience{0};
        std::size_t group = 0, row = 0; // the next one
        std::uint32_t rows = 0, sent = 0;
    };

    struct Peer { // one that is asked
        const char* name;
        zmq::socket_t socket;
        std::vector<std::string> questions; // of this turn
        std::deque<std::string> unsent{};   // frames that its queue had no room for
        Instant heard{};
        bool was_there = false;
    };

    struct Poll { // a question of the hub's own that is asked over and over
        std::uint64_t number;
        Instant asked{}, answered{};
    };

    void run();
    void sleep();
    void take_orders();
    void take(Order& order, Instant now);
    void submit_one(SubmitOne& one, std::uint64_t number);
    void open_feed(Order&& order, Instant now);
    void run_feeds(Instant now);
    void feed_some(Feed& feed);
    std::uint32_t under_way(const Feed& feed);
    void flush_pack(Pack& pack);
    void send_all();
    template <class Answer>
    void receive(Peer& peer, Decoded<Asked<Answer>> (*decode)(Reader&, std::string_view));
    template <class Answer>
    void take_answer(std::uint64_t number, Answer&& answer);
    static void send_questions(Peer& peer);
    void ask_own(Instant now);
    static bool is_due(Poll& poll, Instant now, Duration period);
    void heard(StatusAnswer&& answer);
    void heard(ControlAnswer&& answer);
    void note_presence(Instant now);
    void note_presence(Peer& peer, bool is_there);
    void publish(Instant now);
    void deliver();
    void complain(const std::string& error);

    zmq::socket_t door_;
    Peer ventilator_, sink_; // its control, its status
    std::vector<Deliver> threads_;

    std::mutex mutex_; // over the two below
    std::vector<Order> inbox_;
    bool asleep_ = false;
    transport::Wakeup wakeup_;
    std::atomic<bool> ending_{false}, draining_{false}, giving_up_{false};

    // The thread's own.
    std::vector<Order> orders_;
    Pending pending_;
    std::vector<Completed> done_;
    std::vector<Pack> packs_;
    std::deque<Feed> feeds_;
    std::deque<transport::Frame> door_unsent_;
    std::size_t door_unsent_bytes_ = 0;
    Reader reader_;
    Poll room_{1}, sink_stats_{2}, dispatch_stats_{3};
    Instant next_board_, next_expiry_, next_complaint_;
    Board board_;
    bool board_changed_ = true;
    std::uint64_t malformed_ = 0;
    std::thread thread_;
};

} // namespace penstock::gateway
