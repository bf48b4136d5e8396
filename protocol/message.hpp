#pragma once
// Every message of the wire as a value (docs/PROTOCOL.md says the same in prose).
//
// A `Bytes` member is a view of one encoded msgpack value inside the frame or the record that the
// message was made from: it is valid as long as that is. Names and texts are owned.

#include "protocol/job_id.hpp"
#include "protocol/terms.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace penstock {

using Bytes = std::string_view;
using JobNumber = std::uint64_t; // given by the ventilator, from 1, one per job and epoch
using Epoch = std::uint64_t;     // of a ventilator: granted by the sink, only growing

enum class State : std::uint8_t {
    queued,
    delayed,
    running,
    retrying,
    succeeded,
    failed,
    cancelled,
    expired,
    quarantined,
};
constexpr std::size_t kStates = 9;

constexpr bool is_final(State s) {
    return s >= State::succeeded;
}

std::string_view to_string(State s);
std::optional<State> parse_state(std::string_view text);

struct Failure {
    std::string code;    // a slug: "handler-error", "timeout", "worker-lost", ...
    std::string message; // for people
    bool retryable = true;
    bool operator==(const Failure&) const = default;
};

// ---- to the ventilator's door -------------------------------------------------------------

struct SubmitRow {
    JobId id;
    Bytes payload;
};

struct Submit {
    Terms terms;
    std::vector<SubmitRow> rows;
};

struct Heartbeat { // of an SDK worker
    std::string worker;
    std::vector<JobNumber> running;
    double cpu_seconds = 0;      // used by the process so far
    std::uint64_t rss_bytes = 0; // resident now
};

struct Bye { // it takes nothing more; `waiting` had not started
    std::string worker;
    std::vector<JobNumber> waiting;
};

// ---- the numbered link between ventilator and sink ----------------------------------------

struct LinkHead {
    Epoch epoch = 0;       // the ventilator's
    std::uint64_t seq = 0; // of this message, from 1; 0 = not numbered (confirm, resend)
    std::uint64_t got = 0; // every message up to this one has arrived here
};

struct Range {
    JobNumber first = 0;
    std::uint32_t count = 0;
    bool operator==(const Range&) const = default;
};

struct Store { // please remember these jobs; row i has number first + i

    struct Row {
        JobId id;
        Bytes payload;
        std::uint32_t attempt = 0; // what a restarted sink can't know: attempts used so far
        std::uint32_t deaths = 0;
    };

    JobNumber first = 0;
    Terms terms;
    std::vector<Row> rows;
};

struct Started { // handed to a worker, and not settled 10 ms later

    struct Row {
        JobNumber number = 0;
        std::uint32_t attempt = 0;
    };

    std::string worker;
    std::vector<Row> rows;
};

struct Retrying {
    JobNumber number = 0;
    std::uint32_t attempt = 0; // the one that failed
    Duration delay{0};         // until the next
};

struct Lost { // this worker's lane died, holding these

    struct Row {
        JobNumber number = 0;
        std::uint32_t attempt = 0;
        bool suspect = false; // it may have been running: its deaths grow by one
    };

    std::string worker;
    std::vector<Row> rows;
};

struct Final { // an outcome that the ventilator decided
    JobNumber number = 0;
    State outcome = State::failed;
    Failure failure; // an empty code keeps what the last result said
};

struct Refused {
    std::string reason; // a slug: "jobs-full", "bytes-full", "unknown-kind", "draining"
    std::vector<JobId> ids;
};

struct Confirm {}; // carries only `got`

struct Resend {}; // a gap was seen: send again everything after `got`

using ToSink = std::variant<Store, Started, Retrying, Lost, Final, Refused, Confirm, Resend>;

struct Stored {
    std::vector<Range> rows;
    std::vector<JobNumber> duplicates; // the id is known, with the same body: forget this one
    std::vector<JobNumber> conflicts;  // the id is known, with another body
};

struct SettledRow { // jobs first .. first + count - 1, all of one attempt number
    JobNumber first = 0;
    std::uint32_t count = 0;
    std::uint32_t attempt = 0;
    std::uint64_t run_us = 0; // their run times, added up
    bool operator==(const SettledRow&) const = default;
};

struct FailedRow { // the attempt failed; the job is open: say retrying or final
    JobNumber number = 0;
    std::uint32_t attempt = 0;
    std::uint64_t run_us = 0;
    bool retryable = true;
};

struct Settled { // recorded, committed: forget these jobs
    std::vector<SettledRow> rows;
    std::vector<FailedRow> failed;
};

struct Returned { // the result was read: the slot is free
    std::vector<SettledRow> rows;
};

struct Open { // the answer to `lost`: the deaths are recorded, these may be sent again

    struct Row {
        JobNumber number = 0;
        std::uint32_t deaths = 0;
    };

    std::vector<Row> rows;
};

struct Cancel { // recorded at the sink already, or (running) to be told to the worker
    std::vector<JobNumber> numbers;
};

using FromSink = std::variant<Stored, Settled, Returned, Open, Cancel, Confirm, Resend>;

template <class Message>
struct Linked {
    LinkHead head;
    Message message;
};

using VentilatorFact = std::variant<Submit, Heartbeat, Bye, Linked<FromSink>>;

// ---- lanes: ventilator to worker ----------------------------------------------------------

struct JobRow {
    JobNumber number = 0;
    JobId id;
    std::uint32_t attempt = 0; // from 1; with the epoch it is the fencing token
    Bytes payload;
};

struct JobBatch {
    Epoch epoch = 0;
    std::string kind;
    Duration timeout{0};
    std::string content_type;
    std::vector<JobRow> rows;
};

struct CancelJob {
    JobNumber number = 0;
    JobId id;
};

struct Ping {};

struct Drain {};

using LaneMessage = std::variant<JobBatch, CancelJob, Ping, Drain>;

// ---- to the sink's door from workers ------------------------------------------------------

struct ResultRow {
    JobId id;
    std::uint32_t attempt = 0;
    std::uint64_t run_us = 0;
    Bytes value;                    // when it succeeded
    std::optional<Failure> failure; // when it did not
};

struct Result {
    Epoch epoch = 0;
    std::string worker;
    std::string content_type; // of values that are opaque bytes
    std::vector<ResultRow> rows;
};

struct Progress {
    JobId id;
    std::uint32_t attempt = 0;
    double progress = 0; // 0-1
    std::string note;
};

using SinkFact = std::variant<Linked<ToSink>, Result, Progress>;

// ---- the ventilator's control (REQ) -------------------------------------------------------

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
};

struct DispatchStats {
    std::uint64_t open_jobs = 0, open_bytes = 0;
    std::uint64_t malformed = 0, duplicates = 0;
    std::uint32_t workers = 0;
    std::vector<DispatchKind> kinds;
};

using ControlQuestion = std::variant<Join, AskRoom, AskWorkers, AskDispatch>;
using ControlAnswer = std::variant<Lane, Room, Workers, DispatchStats>;

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
};
// found: `job` says it. unknown: no such id. starting: ask again, open jobs are still coming in.
// refused: certainly not taken (`why`). conflict: the id is taken by another body. timed_out: a
// wait's time was up; `job` is what is known now.
enum class Found : std::uint8_t { found, unknown, starting, refused, conflict, timed_out };
std::string_view to_string(Found f);

struct JobAnswer {
    Found found = Found::unknown;
    std::string why;
    JobView job;
};

struct ListAnswer {
    std::vector<JobView> jobs;
    std::uint64_t cursor = 0; // 0 = that was all
};

struct Histogram { // counts by upper bound in seconds, kBuckets below and one above all
    std::vector<std::uint64_t> counts;
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
};

using StatusQuestion = std::variant<AskStatus, AskWait, AskList, AskStats, AskCancel, Hello>;
using StatusAnswer = std::variant<JobAnswer, ListAnswer, SinkStats, CancelAnswer, HelloAnswer>;

// Two jobs of one id are the same job if these agree. Delay and ttl are left out: they count from
// the moment of submission, and a client that submits again says them anew.
bool is_same_body(const Terms& a, Bytes payload_a, const Terms& b, Bytes payload_b);

// An answer to a question that could not be read.
struct Problem {
    std::string message;
};

} // namespace penstock
