#pragma once
// The machine that decides which worker gets which job, and when. It owns queues, credit, attempts
// and retries; it owns no socket, clock, thread or logger. Time is an argument.
//
// A job's way through it: submit -> storing -> (delayed) -> queued -> out -> settled and forgotten.
// Nothing is dispatched before the sink has stored it, and nothing is forgotten before the sink has
// settled it: what stands here is a copy of what the sink has, kept for speed.
//
// The facts of a burst go in by `on`; then one `pump` says what to send. Views in an Outbox are
// valid until the next call of any member that is not const.

#include "protocol/questions.hpp"
#include "protocol/retry_policy.hpp"
#include "tables/number_table.hpp"
#include "tables/timer_wheel.hpp"
#include "ventilator/roster.hpp"

#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::ventilator {

struct Limits {
    std::uint64_t jobs_max = 1'000'000;
    std::uint64_t bytes_max = 1ull << 30;
    std::size_t kinds_max = 10'000;
    std::size_t lines_max = 20'000; // kinds, each as often as jobs of it ask for other labels
    Duration ping = std::chrono::seconds(5);
    Duration silence = std::chrono::milliseconds(1500);     // then an SDK worker gets nothing more
    Duration silent_limit = std::chrono::seconds(60);       // then its lane counts as dead
    Duration started_after = std::chrono::milliseconds(10); // then the sink is told who runs it
    Duration connect_within = std::chrono::seconds(10);     // a lane that nobody dialled goes
    Duration ageing = std::chrono::seconds(60); // of waiting lift a priority by one; 0 = never
    std::size_t lane_bytes_max = 64u << 20; // of payloads out on one lane, and one beyond it
};

struct ToLane {
    LaneId lane = 0;
    bool batches = false; // false: one map a job
    LaneMessage message;
};

struct Outbox {
    std::vector<ToSink> to_sink; // in this order
    std::vector<ToLane> to_lanes;
    std::vector<LaneId> close_lanes;
};

struct Joined {
    std::string error; // empty: the lane may be opened
    LaneId lane = 0;
    std::string worker;
    std::uint32_t window = 0; // the most that will ever be outstanding on it
};

class Dispatcher {
public:
    Dispatcher(const Limits& limits, std::uint64_t seed, Instant now);

    // From the door.
    void on(Submit submit, Instant now, Outbox& out);
    void on(const FromSink& message, Instant now, Outbox& out); // in the link's order
    void on(const Heartbeat& heartbeat, Instant now);
    void on(const Bye& bye, Outbox& out);

    // A worker wants a lane. The shell opens it and answers; `lane_up` when it was dialled.
    Joined join(const Join& join, Instant now, Outbox& out);
    void lane_up(LaneId lane, Instant now);
    void lane_down(LaneId lane, Outbox& out);

    // The sink is reachable, with this life of its own and this epoch for us. A new life that
    // remembers the one before is asked what has become of what is open here; one that does not is
    // told everything that is open.
    void sink_up(std::uint64_t life, Epoch epoch, bool remembers, Outbox& out);

    void sink_down() { sink_is_up_ = false; } // nothing is dispatched until it is back

    void declare_kind(const std::string& kind);
    // Declares it, with what holds for it unless the sink remembers otherwise.
    void configure_kind(const std::string& kind, const KindSettings& settings);

    void drain() { draining_ = true; } // take nothing new, send nothing more

    [[nodiscard]] bool drained() const { return running_ == 0; }

    void count_malformed() { ++malformed_; }

    void tick(Instant now, Outbox& out);
    void pump(Instant now, Outbox& out);
    [[nodiscard]] Instant wake_at() const;

    [[nodiscard]] penstock::Room room() const;
    [[nodiscard]] Workers workers(Instant now);
    [[nodiscard]] DispatchStats stats(Instant now) const;
    [[nodiscard]] Positions positions(const AskPosition& question, Instant now);
    [[nodiscard]] Explanation explain(JobNumber number, Instant now);

    [[nodiscard]] std::size_t open_jobs() const { return records_.used(); }
    [[nodiscard]] std::size_t terms() const { return terms_.size(); } // different ones, of open jobs
    [[nodiscard]] std::size_t pools() const { return roster_.pools().size(); }

    [[nodiscard]] Epoch epoch() const { return epoch_; }

private:
    struct Handed { // a flight that is young: the sink hears of it if it grows old
        JobNumber number = 0;
        std::uint32_t attempt = 0;
        Instant at{};
    };

    using Attempt = std::pair<JobNumber, std::uint32_t>;
    static constexpr std::uint32_t kAnyAttempt = 0; // the worker did not say which

    struct Ghost { // an attempt that a lane still holds though its job has moved on
        LaneId lane = 0;
        Instant since{};
        KindState* kind = nullptr; // null: nobody knows any more
        std::uint32_t call = 0;    // of the lane, as in a record
        bool named = false;        // by the join that the lane began with
    };

    // dispatcher.cpp: jobs
    KindState* kind_of(const std::string& name); // null: there are too many
    KindState& add_kind(const std::string& name); // if it is not there
    [[nodiscard]] bool has_line_for(const KindState& kind, const Terms& terms) const;
    [[nodiscard]] std::string_view refusal(const KindState* kind, std::size_t bytes) const;
    void on(const Stored& m, Instant now, Outbox& out);
    void on(const Settled& m, Instant now, Outbox& out);
    void on(const Returned& m);
    void on(const Open& m, Instant now, Outbox& out);
    void on(const Cancel& m, Outbox& out);
    void stored(Index index, Instant now, Outbox& out);
    void store_unknown(Index index);
    void settle(const SettledRow& row, Instant now, Outbox& out);
    void fail(const FailedRow& row, Instant now, Outbox& out);
    void decide_failure(Index index, bool retryable, Reason reason, Instant now, Outbox& out);
    void finish(Index index, State outcome, Reason reason, Outbox& out);
    static Final final_of(const Record& record); // REQUIRES: deciding
    void delay(Index index, Instant due);
    void arm(Index index);
    void disarm(Record& record, Index index);
    void fire(Index index, Instant now, Outbox& out);
    void forget(Index index);
    void leave_stage(Index index);

    [[nodiscard]] Index find(JobNumber number) const { return by_number_.find(number); }

    // What the sink was not told of it can say nothing about, whatever it says.
    [[nodiscard]] Index find_told(JobNumber number) const {
        const Index index = find(number);
        if (index == kNoIndex || number < told_) return index;
        const Record& r = records_[index];
        const bool waits = (r.stage == Stage::storing || r.stage == Stage::taking) && !r.again;
        return waits ? kNoIndex : index;
    }

    // What is said of jobs comes in the order of their numbers, nearly, and each is in no cache any
    // more: those a little ahead are asked for, so that they are there when it is their turn.
    void ask_ahead_of(JobNumber number) const {
        constexpr JobNumber kAhead = 8;
        const Index index = find(number + kAhead);
        if (index == kNoIndex) return;
        records_.prefetch(index);
        queues_.places.prefetch(index);
        links_.prefetch(index);
    }

    // Where a range ends that somebody else counted: never behind the last number given out.
    [[nodiscard]] JobNumber end_of(JobNumber first, std::uint32_t count) const {
        return first < next_number_ ? std::min(next_number_, first + count) : first;
    }

    // dispatcher_take.cpp: jobs that the sink offers
    void on(const Take& m, Instant now);
    void say_taken(const Record& record, Outbox& out) const;
    // dispatcher_kinds.cpp: what is known of kinds, and set for them
    void on(const Kinds& m, Instant now);
    void tell_kinds(Outbox& out);     // all of them
    void tell_new_kinds(Outbox& out); // REQUIRES: the sink is up

    // dispatcher_lives.cpp: the sink's lives
    void start_over(Outbox& out);
    void resume(Outbox& out);
    void say_holds(Outbox& out);
    void store_again(std::vector<Index>& open);

    // dispatcher_claims.cpp: jobs that a worker keeps over a new lane, or the death of a ventilator
    struct Claim {
        LaneId lane = 0;
        Epoch epoch = 0;
        std::uint32_t attempt = 0;
        Instant until{};
    };
    void claim(const Join& join, LaneId lane, Instant now, Outbox& out);
    [[nodiscard]] std::vector<Attempt> running_on(Index lane, const Join& join) const;
    void adopt(Index from, Index to, const std::vector<Attempt>& running);
    void note_token(Index index, Epoch epoch);
    bool follow_claim(Index index, Instant now, Outbox& out);
    void put_out(Index index, Index lane, std::uint32_t call);
    void tell_settled(LaneState& lane, JobNumber number);
    void send_settled(LaneState& lane, Outbox& out);
    static CancelJob cancel_of(const Record& record);
    [[nodiscard]] Started started_of(const Record& record) const; // REQUIRES: adopted

    // dispatcher_lanes.cpp: lanes
    void end_flight(Index index);
    void make_ghost(Index index);
    void add_ghost(Attempt attempt, LaneState& lane, const Ghost& ghost);
    static void forget(const Ghost& ghost);
    void end_ghost(JobNumber number, std::uint32_t attempt);
    [[nodiscard]] static bool is_once(const Record& record);
    void lose(Index lane, bool blame, Outbox& out);
    void withdraw_unstarted(Index lane, Outbox& out);
    void close(Index lane, bool blame, Outbox& out);
    void watch_lanes(Instant now, Outbox& out);
    [[nodiscard]] bool has_let_go(const Attempt& attempt, const Ghost& ghost) const;
    void report_started(Instant now, Outbox& out);
    [[nodiscard]] std::vector<Index> maybe_running(const LaneState& lane) const;

    // dispatcher_lines.cpp: the jobs that wait, and in which order
    void enqueue(Index index);
    void dequeue(Index index);
    Index take_next(Line& line, int priority);
    void begin(const Line& line, int priority);
    void end(const Line& line, int priority);
    Line& line_of(const Record& record);
    Line& line_of(KindState& kind, const std::vector<std::string>& needs);
    void drop_line_if_spare(Line& line);

    // dispatcher_limits.cpp: what holds for all jobs of a kind
    [[nodiscard]] static std::uint64_t allowance(const KindState& kind, Instant now);
    void count_started(KindState& kind, std::uint64_t jobs, Instant now);
    void look_at(KindState& kind);
    void look_at_limits(Instant now);
    [[nodiscard]] Instant limits_wake_at() const;

    // dispatcher_batches.cpp: jobs that go together
    void gather(Instant now);
    void gather(Pool& pool, std::size_t share, Instant now);
    void feed_together(Pool& pool, std::size_t share, Index lane, Instant now, Outbox& out);
    [[nodiscard]] const Share* gathering(const Line& line, int priority) const;
    std::uint32_t call_of_suspect(const KindState& kind, Index lane);

    // dispatcher_pump.cpp: who gets what
    void send_stores(Outbox& out);
    void fill_slots(Instant now, Outbox& out);
    void fill_windows(Instant now, Outbox& out);
    void feed(Pool& pool, std::size_t share, int priority, Index lane, Instant now, Outbox& out);
    void feed_suspects(Instant now, Outbox& out);
    bool feed_suspect(Line& line, Instant now, Outbox& out);
    void dispatch(Index index, Index lane, Instant now, Outbox& out, std::uint32_t call);
    [[nodiscard]] double oldest_age(const KindState& kind, Instant now) const;

    // dispatcher_explain.cpp: where a job stands, and why
    struct Standpoint {
        std::uint64_t position = 0; // from 1; 0: it is not queued
        double start_in = -1;       // seconds; < 0: nobody can say
    };

    Standpoint standpoint(Index index, Instant now);
    std::uint64_t count_before(const Record& r, Index index, Instant now);
    [[nodiscard]] static std::uint64_t most_at_once(const KindState& kind);
    [[nodiscard]] bool sees_worker(const Line& line, int priority) const;
    [[nodiscard]] std::string no_worker_text(const Line& line, int priority) const;
    void explain_queued(Index index, Explanation& out);
    void explain_out(const Record& r, Instant now, Explanation& out) const;

    const Limits limits_;
    Chance chance_;
    Slab<Record> records_;
    NumberTable by_number_;
    TermsTable terms_;
    Links links_;   // a record is in one list at a time: unsent, suspects, or a lane's flights
    Queues queues_; // of the jobs that wait, suspects left out
    List unsent_;   // to be stored, in the order of their numbers
    TimerWheel timers_;
    Roster roster_{limits_.lane_bytes_max};
    std::map<std::string, std::unique_ptr<KindState>, std::less<>> kinds_;
    std::vector<KindState*> untold_kinds_; // known, and the sink was not told
    std::vector<KindState*> looked_at_;    // in the next pump, for what limits them
    std::vector<Line*> suspect_lines_;     // with suspects
    std::vector<std::size_t> short_kinds_; // shares of one pool, within a pump
    std::size_t rows_expected_ = 1;        // that the lane at hand will be given
    std::deque<Handed> handed_;
    std::map<Attempt, Ghost> ghosts_;
    std::map<std::string, Claim> claims_; // by the job's id, until it is stored here
    std::map<JobNumber, Epoch> tokens_;   // of those that are adopted
    bool owes_holds_ = false;             // to a sink that began again
    std::vector<JobNumber> unclaimed_;    // which wait for a worker to name them
    JobNumber next_number_ = 1;
    JobNumber told_ = 1; // the sink was told of those below, but for what is stored again
    JobNumber taken_ = 0; // the last one that left its line
    LaneId next_lane_ = 1;
    std::uint64_t pumps_ = 0;
    std::uint64_t bytes_ = 0;   // of open payloads
    std::uint64_t running_ = 0; // jobs that are out
    std::uint64_t known_kinds_ = 0;
    std::uint64_t lines_ = 0; // of all kinds
    std::uint64_t malformed_ = 0, duplicates_ = 0;
    Epoch epoch_ = 0;
    std::uint64_t sink_life_ = 0;
    bool sink_is_up_ = false;
    bool draining_ = false;
    Instant watched_{}; // when the lanes were last looked at
    Instant gathered_at_ = kNever;   // when the next batch has waited long enough
    Instant limited_until_ = kNever; // when a pump is due for that or for a kind that was held
};

} // namespace penstock::ventilator
