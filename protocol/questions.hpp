#pragma once
// The other half of the wire: questions that plain REQ sockets may ask, and their answers. As in
// message.hpp, everything is a value.

#include "protocol/message.hpp"

#include <array>

namespace penstock {

// ---- the ventilator's control (REQ) -------------------------------------------------------

struct Batching { // a worker takes up to `max` jobs of this kind in one call
    std::string kind;
    std::uint32_t max = 1;
    Duration wait{0}; // the oldest may wait so long for the batch to fill; 0 = not at all
    bool operator==(const Batching&) const = default;
};

struct Join {
    int version = kProtocolVersion;
    std::string worker; // empty: the ventilator names it
    std::vector<std::string> kinds;
    std::uint32_t slots = 1;
    bool batch = false;      // takes rows
    bool heartbeats = false; // an SDK worker: it sends heartbeats and bye
    bool same_process = false;
    std::vector<std::string> labels;
    std::vector<JobNumber> running; // kept over a re-join; of `epoch`
    Epoch epoch = 0;
    std::string via; // what it dialled: hosts in the answer are then ready to dial
    int min_priority = 0; // takes no jobs below it
    std::vector<Batching> batching;
    bool outbox = false; // keeps results until it hears that they are settled

    struct Run {
        JobId id;
        Epoch epoch = 0;
        std::uint32_t attempt = 0;
        JobNumber number = 0; // of that epoch
    };
    std::vector<Run> runs; // all that it runs, of whichever epoch
};

struct Lane { // the answer: dial this. An empty error means yes.
    std::string error;
    std::string worker;
    std::string endpoint; // "tcp://*:PORT" = the host that was joined, or an inproc path
    std::string sink;     // the sink's door; a loopback or wildcard host = the host that was joined
    std::string door;     // the ventilator's door, likewise
    std::uint32_t window = 1;
    Epoch epoch = 0;
    Duration ping = std::chrono::seconds(5);
};

// Any question may carry `request`, a number that the answer repeats.
using Request = std::optional<std::uint64_t>;

struct AskRoom {};

struct AskWorkers {};

struct AskDispatch {}; // "stats" on the control: what only the dispatcher knows

struct AskPosition {
    std::vector<JobNumber> numbers;
};

struct AskExplain {
    JobNumber number = 0;
};

struct Room {             // what the ventilator would take now
    bool serving = false; // false: starting, draining, or the sink is away
    std::string why;      // when it is not
    std::uint64_t jobs_free = 0;
    std::uint64_t bytes_free = 0;
    bool takes_any_kind = true; // no worker ever joined and nothing was declared
    std::vector<std::string> kinds;
};

struct WorkerView {
    std::string worker;
    std::vector<std::string> kinds;
    std::vector<std::string> labels;
    std::uint32_t slots = 0;
    std::uint32_t window = 0;
    std::uint32_t outstanding = 0;
    std::uint64_t settled = 0;
    bool heartbeats = false;
    bool draining = false;
    bool silent = false;
    double joined_seconds_ago = 0;
    double cpu_seconds = 0;
    std::uint64_t rss_bytes = 0;
    int min_priority = 0;
};

struct Workers {
    std::vector<WorkerView> workers;
};

struct DispatchKind {
    std::string kind;
    std::uint64_t queued = 0, delayed = 0, running = 0;
    double oldest_age_seconds = 0;
    std::uint64_t submitted = 0, refused = 0, dispatched = 0, redelivered = 0, retried = 0;
    std::uint32_t workers = 0;
    KindSettings settings; // as they hold now
};

struct Positions {

    struct Row {
        JobNumber number = 0;
        std::uint64_t position = 0; // from 1 among the queued of its kind; 0 = it is not queued
        double start_in = -1;       // seconds, as an estimate; < 0 = nobody can say
    };

    std::vector<Row> rows;
};

struct Explanation { // why a job is not running
    bool known = false; // false: no ventilator has it open
    std::string why;    // a slug: "position", "no-worker", "paused", "max-running", "rate", ...
    std::string text;   // a sentence for people, with what to do
    std::uint64_t position = 0;
    double start_in = -1;
};

struct DispatchStats {
    std::uint64_t open_jobs = 0, open_bytes = 0;
    std::uint64_t malformed = 0, duplicates = 0;
    std::uint32_t workers = 0;
    std::vector<DispatchKind> kinds;
};

using ControlQuestion =
    std::variant<Join, AskRoom, AskWorkers, AskDispatch, AskPosition, AskExplain>;
using ControlAnswer = std::variant<Lane, Room, Workers, DispatchStats, Positions, Explanation>;

// ---- the sink's status (REQ) --------------------------------------------------------------

enum class Until : std::uint8_t { stored, finished };

struct AskStatus {
    JobId id;
    bool value = false; // with the result itself
};

struct AskWait { // held until the state is reached or the time is up
    JobId id;
    Until until = Until::finished;
    Duration timeout{0};
    bool value = false;
    // body_digest of what the asker submitted under this id: if the job there is another one, the
    // answer is a conflict.
    std::optional<std::uint64_t> body;
};

struct AskStored { // many waits until stored; each row is a question of its own, with its number
    struct Row {
        std::uint64_t request = 0;
        JobId id;
        std::optional<std::uint64_t> body; // as in AskWait
    };

    Duration timeout{0};
    std::vector<Row> rows;
};

struct AskList {
    std::optional<State> state;
    std::string kind, tag;
    double since = 0; // unix seconds; only jobs submitted then or later
    std::uint32_t limit = 100;
    std::uint64_t cursor = 0; // 0 = from the newest
};

struct AskStats {};

struct AskCancel {
    JobId id;
};

struct AskKind { // sets what is given, clears what is named
    std::string kind;
    KindSettings set;
    std::vector<std::string> clear; // "max_running", "rate", "paused", "weight", "timeout"
};

struct AskRetry { // the finished job `id` again, as a new job
    JobId id, as;
};

struct AskPartials { // pieces from number `from` on; held until there are some, or it is finished
    JobId id;
    std::uint32_t from = 0;
    Duration timeout{0};
};

// What is to be done with many jobs: those of `ids`, or all that fit. Looks at so many and no more
// at a time; ask again from the cursor.
struct AskMany {
    enum class Deed : std::uint8_t { cancel, retry, purge };
    Deed deed = Deed::cancel;
    bool dry_run = false; // only count
    std::vector<JobId> ids;
    std::optional<State> state;
    std::string kind, tag;
    std::uint64_t cursor = 0;
};

struct Hello { // a ventilator says where its door is and takes an epoch
    int version = kProtocolVersion;
    std::uint64_t instance = 0; // random, one per process life
    Epoch epoch = 0;            // the one it holds, 0 = none
    std::string door;
    std::uint64_t got = 0; // of the sink's messages
};

struct JobView {
    JobId id;
    std::string kind;
    State state = State::queued;
    std::uint32_t attempt = 0;
    std::uint32_t deaths = 0;
    std::string worker;
    double progress = -1; // < 0: none was reported
    std::string note;
    double submitted_at = 0, started_at = 0, finished_at = 0; // unix seconds, 0 = not yet
    std::vector<std::string> tags;
    std::string tenant;
    std::uint64_t result_bytes = 0;
    std::string value; // one msgpack value, when it was asked for and there is one
    std::string content_type;
    std::optional<Failure> failure;
    JobNumber number = 0; // at the ventilator that has it open; 0 = none has
    JobId retry_of, group;
    std::uint32_t partials = 0; // that are kept
    // Where a finished job's time went, in seconds: waiting in the ventilator; on the way to a slot;
    // in the handler; on the way back. < 0 = not known.
    double queue = -1, dispatch = -1, run = -1, back = -1;
};
// found: `job` says it. unknown: no such id. starting: ask again, open jobs are still coming in.
// refused: certainly not taken (`why`). conflict: the id is taken by another body. timed_out: a
// wait's time was up; `job` is what is known now.
enum class Found : std::uint8_t { found, unknown, starting, refused, conflict, timed_out };
std::string_view to_string(Found f);
std::optional<Found> parse_found(std::string_view text);

struct JobAnswer {
    Found found = Found::unknown;
    std::string why;
    JobView job;
};

struct StoredAnswer { // rows of AskStored whose jobs are stored; any other row gets a JobAnswer
    std::vector<Range> requests;
};

struct KindAnswer {
    KindSettings settings; // as they are remembered now
};

struct PartialsAnswer {

    struct Row {
        std::uint32_t attempt = 0;
        bool lost = false; // that attempt was lost: another one began anew
        std::string value;
    };

    Found found = Found::unknown;
    std::uint32_t next = 0; // to go on from
    bool finished = false;  // no more will come
    std::vector<Row> rows;
};

struct ManyAnswer {
    std::uint64_t matched = 0; // of this look
    std::uint64_t cursor = 0;  // 0 = that was all
    std::vector<JobId> made;   // by retry
};

struct ListAnswer {
    std::vector<JobView> jobs;
    std::uint64_t cursor = 0; // 0 = that was all
};

// Upper bounds in seconds of every histogram's buckets; one more bucket counts what is above all.
constexpr std::array<double, 15> kHistogramBounds = {
    .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60};

struct Histogram {
    std::vector<std::uint64_t> counts; // kHistogramBounds.size() + 1 of them
    double sum = 0;
};

struct SinkKind {
    std::string kind;
    std::uint64_t stored = 0, succeeded = 0, failed = 0, cancelled = 0, expired = 0;
    std::uint64_t quarantined = 0, duplicates = 0;
    Histogram queue, run, total;
};

struct SinkStats {
    std::uint64_t open_jobs = 0, finished_jobs = 0, bytes = 0, waits = 0;
    std::uint64_t unknown_results = 0, malformed = 0, evicted = 0, lost_attempts = 0;
    bool ventilator = false; // one has said hello and its link is up
    std::string durability = "memory";
    std::vector<SinkKind> kinds;
};
enum class CancelResult : std::uint8_t { cancelled, telling_worker, finished, unknown };
std::string_view to_string(CancelResult c);

struct CancelAnswer {
    CancelResult result = CancelResult::unknown;
    State state = State::queued;
};

struct HelloAnswer {
    std::string error;
    std::uint64_t sink_epoch = 0; // of the sink's own life
    Epoch epoch = 0;
    std::uint64_t got = 0; // of the ventilator's messages
    std::string door;      // of the sink, as workers dial it; empty: as the ventilator does
    bool remembers = false; // a new life with the memory of the one before: `holds` is understood
};

// ---- groups (the sink's status) -----------------------------------------------------------

// all: the outcome of a group is that of all its members. first: one success is enough, the rest
// are cancelled. chain: one after the other, each with the result of the one before.
enum class GroupMode : std::uint8_t { all, first, chain };
std::string_view to_string(GroupMode m);

struct OpenGroup { // stores a group and all its jobs, or nothing

    struct Part { // consecutive members with equal terms
        Terms terms;
        std::vector<SubmitRow> rows;
    };

    struct Callback {
        JobId id;
        Terms terms;
        Bytes payload;
    };

    JobId id;
    GroupMode mode = GroupMode::all;
    std::vector<Part> parts; // in the order in which results are wanted
    std::optional<Callback> then;       // with the ordered results, when it succeeded
    std::optional<Callback> on_failure; // with what each member came to, when it did not
    std::optional<std::uint64_t> body;  // of what was submitted under this id: another is a conflict
};

struct AskGroup {
    // now: at once. next: until member `from` is finished. finished: until all is.
    enum class Until : std::uint8_t { now, next, finished };
    JobId id;
    Until until = Until::now;
    Duration timeout{0};
    std::uint32_t from = 0; // members from here on, in order
    std::uint32_t limit = 1000;
    bool value = false; // with their results
};

struct CancelGroup {
    JobId id;
};

struct GroupAnswer {
    Found found = Found::unknown;
    std::string why;
    JobId id;
    GroupMode mode = GroupMode::all;
    State state = State::queued; // running until the last member is finished
    std::uint32_t members = 0;
    std::uint32_t succeeded = 0, finished = 0;
    double submitted_at = 0, finished_at = 0;
    JobId then, on_failure;
    std::uint32_t from = 0;
    std::vector<JobView> jobs; // members from `from` on
};

using StatusQuestion =
    std::variant<AskStatus, AskWait, AskStored, AskList, AskStats, AskCancel, Hello, AskKind,
                 AskRetry, AskPartials, AskMany, OpenGroup, AskGroup, CancelGroup>;
using StatusAnswer = std::variant<JobAnswer, StoredAnswer, ListAnswer, SinkStats, CancelAnswer,
                                  HelloAnswer, KindAnswer, PartialsAnswer, ManyAnswer, GroupAnswer>;

// An answer to a question that could not be read.
struct Problem {
    std::string message;
};

} // namespace penstock
