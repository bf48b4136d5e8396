#pragma once
// The pipeline under a seed: the real dispatcher and ledger, the real link and codec, simulated
// workers and a network that does to messages what ZeroMQ over TCP does.
//
// What the network promises, and no more: FIFO per connection and no order across connections; a
// lane (a bound PUSH) loses its pipe when its connection ends; a connected PUSH keeps its queue for
// the next connection but loses what the kernel had; DISCONNECTED comes late, or (a host that
// vanishes) not at all; a socket may refuse a frame for a moment.

#include "protocol/codec.hpp"
#include "protocol/link.hpp"
#include "sink/ledger.hpp"
#include "tests/support/kept_rows.hpp"
#include "ventilator/dispatcher.hpp"

#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

namespace penstock::sim {

// What a seed enables. Each seed draws its own, so that rare things meet often in some of them.
struct Plan {
    int jobs = 60;
    int workers = 3;
    double crash = 0;      // of a worker, per second
    double vanish = 0;     // share of crashes that nobody is told of
    double lane_reset = 0; // per second
    double pause = 0;      // SIGSTOP of an SDK worker, per second
    double link_break = 0; // between ventilator and sink, per second
    double sink_kill = 0;  // per second
    bool durable = false;  // the sink has a store, and comes back with it
    double result_reset = 0; // a worker's connection to the sink, per second
    double ventilator_pause = 0, sink_pause = 0; // SIGSTOP, per second
    double stale = 0;      // a ventilator of an older epoch speaks, per second
    double answer_lost = 0; // share of answers to joins that never arrive
    double outage = 0;     // share of breaks and pauses that outlast every limit
    double ventilator_kill = 0; // per second
    double poison = 0;     // share of jobs that kill whoever runs them
    double flaky = 0.2;    // share of attempts that fail
    double busy = 0;       // share of sends that a socket refuses at first
    double cancel = 0;     // share of jobs that somebody cancels
    double resubmit = 0;   // share of jobs that are submitted twice
    double needs = 0;      // share of submits that ask for a label
    double picky = 0;      // share of workers that take urgent jobs only
    double tenants = 1;
    double ageing = 60; // seconds a step
    int groups = 0;        // of all modes, chains among them
    double retry = 0;      // share of jobs that are run again once they are finished
    double together = 0;   // share of SDK workers that take jobs of k0 together
    double settings = 0;   // changes of what holds for a kind, per second
};

Plan draw_plan(Chance& chance);
std::string to_string(const Plan& plan);
ventilator::Limits dispatcher_limits(const Plan& plan);

constexpr Duration kFaultTick = std::chrono::milliseconds(50);
constexpr std::uint64_t kTicksPerSweep = 10; // through all jobs, besides those that an event touched

class World {
public:
    World(std::uint64_t seed, const Plan& plan);
    ~World();
    // Runs faults for a while, heals, runs until quiet. Empty: all invariants held.
    std::string run();

    // By their sort. One counts only if jobs were open when it came.
    [[nodiscard]] const std::map<std::string, std::uint64_t>& faults() const { return faults_; }

private:
    using Event = std::function<void()>;

    struct Timed {
        Instant when;
        std::uint64_t order;
        Event event;

        bool operator<(const Timed& other) const { // the queue's top is the earliest
            return when != other.when ? when > other.when : order > other.order;
        }
    };
    struct Worker;
    using Token = std::pair<Epoch, JobNumber>;

    struct Held { // by a worker
        JobId id;
        std::uint32_t attempt = 0;
        bool poison = false;
        std::uint64_t lane = 0; // that it came on
        std::uint64_t call = 0; // that it is part of, each with a number
    };

    struct Kept { // a result, until it is settled
        Token token;
        Held held;
        std::string frame;
    };

    struct Unsaid { // while the disk is busy
        sink::Changes changes;
        sink::Outbox outbox;
        std::vector<std::pair<HelloAnswer, std::uint64_t>> hellos; // and the ventilator's life
        std::uint64_t got = 0;
    };

    struct Job {
        JobId id;
        bool poison = false;
        bool may_expire = false;
        bool stored = false; // it was safe once
        int dispatched = 0;
        bool outcome_lost = false; // the sink that had it is gone
        std::optional<State> outcome;
    };

    struct Family { // a group as its client knows it
        std::string id, frame;
        GroupMode mode = GroupMode::all;
        std::vector<std::string> members;
        std::string then, on_failure; // empty: none
        bool accepted = false;
        bool lost = false; // the sink that had it is gone, and the jobs' relations with it
    };

    struct Pipe { // one direction of one connection
        Instant last{};
        std::uint64_t life = 0;
    };

    // world.cpp: the two roles and what lies between them
    void at(Duration later, Event event);
    void at_ventilator(Duration later, Event event); // of this life
    Duration between(Duration low, Duration high);

    bool happens(double probability) { return chance_.unit() < probability; }

    void send(Pipe& pipe, Event deliver);
    void step_ventilator();
    void step_sink();
    void ventilator_frame(const std::string& frame);
    void sink_frame(const std::string& frame);
    void pump_link();
    void meet();
    void lane_messages();

    // disk.cpp: what the sink says waits until it is safe
    [[nodiscard]] Now both_now() const;
    void hand_over();
    void committed();
    void check_written(const sink::Changes& changes);
    void say_on_link(sink::Outbox& out);
    void answer_hello(const HelloAnswer& answer, std::uint64_t v_life);

    // faults.cpp
    void count(const char* fault);
    void fault_tick();
    void fault_the_roles(double share);
    void pause_role(Instant& until, const char* fault);
    void stale_ventilator_speaks();
    Duration outage(Duration usual, Duration long_one);
    void break_link();
    void kill_sink();
    void kill_ventilator();
    void while_offered(Duration met);
    void set_something();
    void clear_settings();

    // clients.cpp
    Terms draw_terms();
    void submit_some();
    void cancel(const std::string& id);
    bool set_kind(const AskKind& wish); // false: not yet

    // checks.cpp
    void fail(const std::string& why);
    void check();
    void check_touched();
    void check_touched(const JobId& id);
    void check_all_jobs();
    void check_job(const std::string& id, Job& job);
    Job& job_named(const std::string& id); // made if it is new
    void check_limits(const JobBatch& batch);
    [[nodiscard]] sink::Outbox ask(const StatusQuestion& question);
    std::string describe(const std::string& id);

    // families.cpp
    void submit_group();
    void open_group(std::size_t index);
    void retry_soon(const std::string& id);
    void lose_families();
    void check_turn(const std::string& id);
    void check_family(const Family& family);
    [[nodiscard]] State state_of(const std::string& id);

    // workers.cpp
    void start_worker(int place);
    void join(Worker& w);
    void reset_results(Worker& w);
    void send_again(Worker& w);
    void forget_settled(Worker& w, const std::vector<Range>& ranges);
    void lane_delivers(Worker& w, std::uint64_t lane, const std::string& frame);
    void check_wish(const Worker& w, const std::string& id);
    void take_job(Worker& w, const JobBatch& batch, const JobRow& row);
    void start_jobs(Worker& w);
    void finish_job(Worker& w, Token token, std::uint32_t attempt);
    void answer(Worker& w, Token token, const Held& held, std::optional<Failure> failure);
    void post(Worker& w, const Kept& kept);
    void cancel_job(Worker& w, const CancelJob& cancelled);
    void heartbeat(Worker& w);
    void crash(Worker& w);
    void reset_lane(Worker& w);
    void pause(Worker& w);
    void awake(Worker& w, Event event);
    void check_slots(const Worker& w);
    Worker* worker_of(std::uint64_t lane);

    const Plan plan_;
    Chance chance_;
    Instant now_;
    std::uint64_t order_ = 0, ticks_ = 0;
    std::priority_queue<Timed> events_;
    std::string failure_;
    std::map<std::string, std::uint64_t> faults_;
    bool healing_ = false;
    Instant v_asleep_until_{}, s_asleep_until_{};

    const std::uint64_t seed_;
    std::uint64_t v_life_ = 1, met_life_ = 0; // of the ventilator; the one that the sink met last
    std::unique_ptr<ventilator::Dispatcher> dispatcher_;
    ventilator::Outbox v_out_;
    Link<std::shared_ptr<const std::string>> v_link_;
    std::unique_ptr<sink::Ledger> ledger_;
    sink::Outbox s_out_;
    testing::KeptRows disk_;
    std::vector<std::pair<HelloAnswer, std::uint64_t>> hellos_;
    Unsaid unsaid_;
    bool is_writing_ = false;
    Link<std::shared_ptr<const std::string>> s_link_;
    std::uint64_t sink_life_ = 1, known_sink_ = 0; // and the one that the ventilator knows
    bool linked_ = false;
    Pipe to_sink_, to_ventilator_, to_door_;
    Instant v_wake_ = kNever, s_wake_ = kNever;
    Reader reader_;

    std::map<std::string, Job> jobs_;
    std::map<std::string, std::string> bodies_;
    std::map<std::string, Terms> wishes_; // of each job
    std::map<std::string, bool> poisons_; // of jobs that were made of others
    std::vector<Family> families_;
    std::map<std::string, std::size_t> family_of_;
    std::vector<Event> submissions_; // to be made again by clients who got no answer
    std::vector<std::unique_ptr<Worker>> workers_; // dead ones stay, so that late events find them
    int next_worker_ = 1;
};

struct World::Worker {
    std::string name; // empty: plain, named by the ventilator
    bool sdk = false;
    std::uint32_t slots = 1;
    std::uint32_t together = 0; // jobs of k0 in one call; 0: one by one
    Duration gathers{0};        // how long the first may wait for others
    std::uint64_t calls = 0;    // that came so far
    int place = 0;
    bool has_label = false;
    int min_priority = 0;
    bool alive = true;
    std::uint64_t lane = 0; // 0: none
    Epoch epoch = 0;
    Instant asleep_until{};
    Pipe lane_pipe, sink_pipe;

    std::vector<std::pair<Token, Held>> waiting;
    std::multimap<Token, Held> running; // a job may be here twice, as two attempts
    // Answers sent and not read by the sink: still held, as far as credit goes.
    std::map<std::pair<Epoch, std::uint64_t>, std::set<std::pair<JobNumber, std::uint32_t>>>
        on_the_way;         // by lane
    std::vector<Kept> kept; // of an SDK worker: not settled, in the order they were sent
};

} // namespace penstock::sim
