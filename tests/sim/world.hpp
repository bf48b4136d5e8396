#pragma once
// The pipeline under a seed: the real dispatcher and ledger, the real link and codec, simulated
// workers and a network that does to messages what ZeroMQ over TCP does.
//
// What the network promises, and no more: FIFO per connection and no order across connections; a
// lane (a bound PUSH) loses its pipe when its connection ends; a connected PUSH keeps its queue for
// the next connection but loses what the kernel had; DISCONNECTED comes late, or (a host that
// vanishes) not at all; a socket may refuse a frame for a moment.

#include "protocol/codec.hpp"
#include "protocol/events.hpp"
#include "protocol/link.hpp"
#include "sink/ledger.hpp"
#include "sink/unsaid.hpp"
#include "tests/sim/known.hpp"
#include "tests/sim/parts.hpp"
#include "tests/sim/plan.hpp"
#include "tests/support/kept_rows.hpp"
#include "ventilator/dispatcher.hpp"

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <queue>
#include <set>
#include <string>
#include <vector>

namespace penstock::sim {

// So little that a sink whose disk is slow reads nothing more now and then.
constexpr std::size_t kUnkeptBytesMax = 2'000;
constexpr Duration kHelloAgain = std::chrono::milliseconds(500);
constexpr Duration kFaultTime = std::chrono::seconds(12); // with faults
constexpr Duration kHealTime = std::chrono::seconds(400); // then everything has to come to rest
constexpr Duration kFaultTick = std::chrono::milliseconds(20);
constexpr Duration kHealTick = std::chrono::seconds(1);
constexpr Duration kTimersLate = std::chrono::milliseconds(20); // they look every few milliseconds
constexpr std::uint64_t kReaders = 1'000'000'000; // as who they ask
constexpr std::uint64_t kTicksPerSweep = 50; // through all jobs, besides those that an event touched

class World {
public:
    World(std::uint64_t seed, const Plan& plan);
    ~World();
    // Runs faults for a while, heals, runs until quiet. Empty: all invariants held.
    std::string run();

    // By their sort. One counts only if jobs were open when it came.
    [[nodiscard]] const std::map<std::string, std::uint64_t>& faults() const { return faults_; }

    // What came of them, on ways that are seldom gone: no faults of their own.
    [[nodiscard]] const std::map<std::string, std::uint64_t>& sights() const { return sights_; }

    [[nodiscard]] const std::map<std::string, std::uint64_t>& endings() const { return endings_; }

    [[nodiscard]] std::uint64_t sent() const { return sent_; } // a digest of all that workers were sent, and when

    // What sink::say says.
    void say(const sink::HelloReply& hello);
    void say_on_link(sink::Outbox& out);
    void say_replies(const sink::Outbox& out);
    void publish(const std::string& events);

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
    struct Gateway;

    using LinkArrival = LinkOfFrames::Arrival;

    // world.cpp: the two roles and what lies between them
    void at(Duration later, Event event);
    void at_ventilator(Duration later, Event event); // of this life
    Duration between(Duration low, Duration high);

    bool happens(double probability) { return chance_.unit() < probability; }

    void step_ventilator();
    void step_sink();
    void ventilator_frame(const std::string& frame);
    void sink_frame(const std::string& frame);
    void lane_messages();

    // network.cpp
    void send(Pipe& pipe, Event deliver);
    void stall(Pipe& pipe);
    void stall_one();
    bool is_next(LinkArrival arrival);
    void pump_link();
    template <class Deliver, class Encode>
    void pump(LinkOfFrames& link, Pipe& pipe, Deliver deliver, Encode encoded);
    void meet();
    void hear_hello(const HelloAnswer& answer);
    static void end(Pipe& pipe); // of a connection: what is on its way is gone
    void cut_link();
    void break_link();
    void lose_from_the_middle();
    void new_connection(bool forth);

    // disk.cpp: what the sink says waits until it is safe
    [[nodiscard]] Now both_now() const;
    [[nodiscard]] sink::Outbox& s_out() { return unsaid_.burst().outbox; }
    void when_sink_runs(Duration later, Event event); // of this life
    void end_burst();
    void write();
    void written();
    void speak(sink::Burst burst);
    void check_written(const sink::Changes& changes);
    void fill_disk();
    [[nodiscard]] bool has_room() const { return disk_low_until_ <= now_; }
    void look_at_disk();

    // faults.cpp
    void count(const char* fault); // it hit unsettled work
    void count(const char* fault, const Worker& w);
    void saw(const std::string& sight) { ++sights_[sight]; }
    [[nodiscard]] bool has_open_jobs() const;
    void fault_tick();
    void fault_the_workers(double share);
    void fault_the_roles(double share);
    void pause_role(Instant& until, const char* fault);
    void stale_ventilator_speaks();
    Duration outage(Duration usual, Duration long_one);
    [[nodiscard]] Duration hastened(Duration usual) const; // by the storm
    void kill_sink();
    void kill_ventilator();
    void leave_ventilator_behind();
    void old_ventilator_speaks(OldVentilator& old);
    void while_offered(Duration met);
    void set_something();
    void clear_settings();

    // clients.cpp
    Terms draw_terms();
    void submit_some();
    void submit(std::size_t request);
    void hear(std::size_t request, const std::vector<Refusal>& refused);
    void lose_patience();
    void submit_all_again();

    // gateway.cpp
    void start_gateway();
    void gateway_tick();
    void gateway_takes(std::size_t request);
    void gateway_hears(const std::string& frame);
    void gateway_answers();
    void ask_sink(const std::string& frame);
    void ask_for_room();
    void gateway_says(std::size_t request, std::vector<Refusal> refused);
    void kill_gateway();
    void cancel(const std::string& id);
    bool set_kind(const AskKind& wish); // false: not yet

    // checks.cpp
    void fail(const std::string& why);
    void check();
    [[nodiscard]] std::string held_for_nothing();
    void check_touched();
    void check_touched(const JobId& id);
    void check_all_jobs();
    void check_job(const std::string& id, Job& job);
    Job& job_named(const std::string& id); // made if it is new
    void check_limits(const JobBatch& batch);
    void check_rate(const JobBatch& batch, double rate);
    [[nodiscard]] sink::Outbox ask(const StatusQuestion& question);
    std::string describe(const std::string& id);

    // promises.cpp
    void note_arrival(const Submit& submit);
    [[nodiscard]] bool is_calm() const;
    void check_order(const Worker& w, const JobBatch& batch, const JobRow& row);
    void note_numbers(const Store& store);
    void check_dispatch(const Worker& w, const JobRow& row);
    void check_attempts(const std::string& id, const Job& job);
    void check_reason(const std::string& id);
    void note_begun(const JobId& id);
    void note_killed(const JobId& id);
    void check_wakes();
    void check_kept();

    // queue.cpp: what waits at the ventilator, and what is out
    void note_said(const ToSink& message);
    void note_heard(const FromSink& message);
    void note_dispatch(std::uint64_t lane, const JobBatch& batch, const JobRow& row);
    void begin_waiting(JobNumber number, Instant ready);
    bool take_waiter(JobNumber number);
    void end_waiting(JobNumber number);
    void note_settings(const std::string& kind, const KindSettings& settings);
    void end_flight(JobNumber number, std::uint32_t attempt);
    void end_flights(std::uint64_t lane);
    [[nodiscard]] std::uint64_t ready(const std::string& kind, Instant then) const;
    Instant waits_since(const std::string& kind);

    // timeouts.cpp
    Duration draw_timeout();
    [[nodiscard]] Duration timeout_of(const std::string& id);
    void check_cancel(std::uint64_t lane, const CancelJob& cancelled);
    void check_in_time(const Flight& flight);
    void note_end(const Held& held);
    void check_last_attempt(const std::string& id, const JobView& job);

    // together.cpp
    void draw_alike();
    void check_batch(const JobBatch& batch);
    void check_nobody_idles();

    // pieces.cpp
    void say_pieces(Worker& w, Token token, const Held& held, Duration work);
    void say_piece(Worker& w, const Held& held, int piece);
    void ask_for_pieces(std::size_t reader);
    void read_pieces(std::uint64_t reader, const PartialsAnswer& answer);
    void check_progress(const JobId& id);
    void check_readers();

    // events.cpp
    std::string happened();
    void check_event(const penstock::Event& event);
    void hear_slowly(const Events& events);
    void read_slowly();
    void check_slow_listener();
    void forget_told();

    // asks.cpp
    void set_rate();
    void ask_why();
    void check_why(JobNumber number, const Waiter& w);
    [[nodiscard]] std::string why_it_waits(const Waiter& w);
    void note_started();
    void check_start(const Question& question, std::uint64_t beside);

    // remains.cpp
    void check_remains();
    void check_dispatcher_is_empty();
    void check_what_would_be_restored();
    void check_that_it_goes();

    // families.cpp
    void submit_group();
    void open_group(std::size_t index);
    void retry_soon(const std::string& id);
    void lose_families();
    void check_turn(const std::string& id);
    void check_given(const std::string& id, Bytes payload);
    static std::string value_of(const std::string& id);
    void check_family(const Family& family);
    [[nodiscard]] State state_of(const std::string& id);

    // workers.cpp
    void start_worker(int place);
    void join(Worker& w);
    void asks_to_join(Worker& w, const std::string& frame);
    void reset_results(Worker& w);
    void end_results(Worker& w);
    void send_again(Worker& w);
    void forget_settled(Worker& w, const std::vector<Range>& ranges);
    void heartbeat(Worker& w);
    void crash(Worker& w);
    void reset_lane(Worker& w);
    void pause(Worker& w);
    void awake(Worker& w, Event event);
    Worker* worker_of(std::uint64_t lane);

    // attempts.cpp
    void lane_delivers(Worker& w, std::uint64_t lane, const std::string& frame);
    void check_wish(const Worker& w, const std::string& id);
    void take_job(Worker& w, const JobBatch& batch, const JobRow& row);
    void check_slots(const Worker& w);
    void start_jobs(Worker& w);
    Duration draw_work(const JobId& id);
    void finish_call(Worker& w, std::uint64_t call);
    void finish_job(Worker& w, Token token, std::uint32_t attempt);
    void answer(Worker& w, Token token, const Held& held, std::optional<Failure> failure);
    void note_answer(const Held& held, const std::optional<Failure>& failure);
    void post(Worker& w, const Kept& kept);
    void cancel_job(Worker& w, const CancelJob& cancelled);

    const Plan plan_;
    Chance chance_;
    Instant now_;
    std::uint64_t order_ = 0, ticks_ = 0;
    std::priority_queue<Timed> events_;
    std::string failure_;
    std::map<std::string, std::uint64_t> faults_, sights_, endings_;
    bool healing_ = false;
    std::uint64_t sent_ = 0;
    Instant v_asleep_until_{}, s_asleep_until_{};
    Instant v_meets_at_{}; // a new one, and the sink

    const std::uint64_t seed_;
    std::uint64_t v_life_ = 1, met_life_ = 0; // of the ventilator; the one that the sink met last
    std::unique_ptr<ventilator::Dispatcher> dispatcher_;
    ventilator::Outbox v_out_;
    LinkOfFrames v_link_;
    std::unique_ptr<sink::Ledger> ledger_;
    sink::Unsaid unsaid_{kUnkeptBytesMax};
    testing::KeptRows disk_;
    sink::Changes writing_;
    Instant disk_low_until_{}, disk_full_until_{}; // no room for new work; for nothing at all
    std::deque<std::string> unread_; // by a sink that is behind with writing
    LinkOfFrames s_link_;
    std::uint64_t sink_life_ = 1, known_sink_ = 0; // and the one that the ventilator knows
    std::uint64_t hello_rounds_ = 0; // of asking again
    bool linked_ = false;   // the ventilator knows the sink, and talks to it
    bool s_linked_ = false; // the sink has a ventilator to talk to
    Pipe to_sink_, to_ventilator_, to_door_, to_asker_;
    Instant v_wake_ = kNever, s_wake_ = kNever;
    Reader reader_;

    std::map<std::string, Job> jobs_;
    std::map<std::string, std::string> bodies_; // they stay where they are
    std::map<std::string, Terms> wishes_; // of each job
    std::map<std::string, bool> poisons_; // of jobs that were made of others
    std::map<std::string, JobNumber> numbers_; // at this ventilator, of what was submitted there
    std::map<std::string, Paced> paced_; // by kind
    std::map<JobNumber, std::pair<std::string, Instant>> names_; // and since when its delay counts
    std::map<std::string, Instant> offered_;                     // that, of what the sink owns
    std::map<JobNumber, Waiter> waiters_;
    std::map<JobNumber, Flight> flights_;
    std::vector<JobNumber> started_; // in this step
    std::map<std::string, Seen> seen_; // by kind
    std::map<JobNumber, Question> asked_;
    ventilator::Together alike_; // of k0, where all workers are so
    std::map<std::string, Saying> sayings_; // by job: of the attempt that answered last
    std::vector<PieceReader> readers_;
    std::map<std::string, Told> told_; // by job
    std::vector<JobId> touched_;       // by the event that just ended
    std::uint64_t next_event_ = 1;
    SlowListener slow_;
    std::vector<Family> families_;
    std::map<std::string, std::size_t> family_of_;
    std::deque<Wish> requests_;
    int requests_open_ = 0; // of them: not accepted yet
    std::shared_ptr<Gateway> gateway_;
    std::uint64_t gateway_life_ = 0;
    Pipe to_gateway_, to_clients_, to_status_, from_status_, to_control_, from_control_;
    std::vector<std::unique_ptr<Worker>> workers_; // dead ones stay, so that late events find them
    int next_worker_ = 1;
};

} // namespace penstock::sim
