#pragma once
// The shell of a running worker: one thread that owns all sockets, asks Life what to do, publishes
// jobs to the pool and sends what comes back. It never blocks except in poll.

#include "protocol/codec.hpp"
#include "transport/monitor.hpp"
#include "workers/life.hpp"
#include "workers/outbox.hpp"
#include "workers/outlet.hpp"
#include "workers/pool.hpp"
#include "workers/results.hpp"
#include "workers/streams.hpp"
#include "workers/worker.hpp"

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>
#include <zmq.hpp>

namespace penstock::worker {

using Kinds = std::map<std::string, std::shared_ptr<Kind>, std::less<>>;

constexpr std::chrono::milliseconds kResultsLinger(5'000);

bool is_inproc(const std::string& endpoint);

class Loop {
public:
    Loop(const Options& options, const Kinds& kinds, zmq::context_t& context,
         transport::Stop& stop);
    ~Loop();
    void run();

private:
    // One round of it.
    void rest();
    void look_at_clock();
    void read_monitors();
    void read_answer();
    void read_lane();
    void receive_lane();
    void send_progress();
    void send_partials();
    bool collect(); // true: results were sent

    // loop_results.cpp: the sink.
    void open_sink(const std::string& endpoint);
    void sink_is(transport::PeerEvent::What what);
    void send_again();
    [[nodiscard]] Duration until_progress() const;
    // A sink in this process loses nothing on the way, and dies with it.
    [[nodiscard]] bool keeps_results() const { return !is_inproc(options_.control); }

    // What Life says.
    void perform(Life::Actions& actions);
    void act(const Life::AskToJoin&);
    void act(const Life::StopAsking&);
    void act(const Life::DialLane& dial);
    void act(const Life::LeaveLane& leave);
    void act(const Life::DropWaiting&);
    void act(const Life::HandBack&);
    void act(const Life::Heartbeat&);

    // What the lane says.
    void on(JobBatch batch, const std::shared_ptr<const zmq::message_t>& frame);
    void on(const CancelJob& cancel);

    void dial(const Lane& lane);
    void fail(const JobRow& job, const JobBatch& of, Reply reply);
    void say_bye(const std::vector<JobNumber>& waiting);
    std::vector<JobNumber> withdraw();
    std::vector<Join::Run> running();
    [[nodiscard]] std::vector<JobNumber> numbers_of(const std::vector<Join::Run>& running) const;
    [[nodiscard]] bool too_much_unsent() const;
    [[nodiscard]] bool finished() const;
    void log(const std::string& text) const;

    double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

    const Options& options_;
    const Kinds& kinds_;
    zmq::context_t& context_;
    transport::Stop& stop_;
    std::mt19937_64 random_{std::random_device{}()};
    std::string name_;

    Instant now_;
    Life life_;
    std::shared_ptr<Desk> desk_ = std::make_shared<Desk>();
    Pool pool_;
    std::vector<std::shared_ptr<Batch>> open_; // with jobs that are waiting, running or unreported
    std::vector<std::shared_ptr<Batch>> arrived_; // in this round
    Results results_;
    Outbox outbox_;
    Streams streams_;
    std::vector<std::pair<JobId, std::uint32_t>> ended_; // of those, in this round

    transport::Monitors monitors_;
    std::optional<zmq::socket_t> asking_; // the join under way
    std::optional<zmq::socket_t> lane_, left_lane_;
    std::uint64_t lane_key_ = 0, sink_key_ = 0, last_key_ = 0; // of monitors; one per socket
    bool lane_watched_ = false, sink_was_up_ = false;
    std::unique_ptr<Outlet> sink_, door_;
    Reader reader_;

    bool busy_ = false; // something went on in this round: nap, don't sleep
    Instant looked_at_, progress_at_, leave_by_ = kNever;
    std::uint64_t malformed_ = 0, partials_dropped_ = 0;
    bool said_given_up_ = false;
    std::string last_refusal_;
};

} // namespace penstock::worker
