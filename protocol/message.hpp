#pragma once
// Every message of the wire as a value (docs/PROTOCOL.md says the same in prose).
//
// A `Bytes` member is a view of one encoded msgpack value inside the frame or the record that the
// message was made from: it is valid as long as that is. Names and texts are owned.

#include "protocol/job_id.hpp"
#include "protocol/terms.hpp"

#include <cstdint>
#include <memory>
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

// A message's frame, for those who would otherwise copy most of it: `frame` keeps its bytes where
// they are. Set by whoever received it; null: what is to stay must be copied.
struct Held {
    std::shared_ptr<const void> frame;
    std::size_t bytes = 0; // of the whole frame
};

struct SubmitRow {
    JobId id;
    Bytes payload;
};

struct Submit {
    Terms terms;
    std::vector<SubmitRow> rows;
    Held held{};
    // Rows are one request, and take turns with other requests of their kind; `part` of its jobs
    // came in messages before this one. `apart`: each row is a request of its own.
    bool apart = false;
    std::uint32_t part = 0;
};

struct Heartbeat { // of an SDK worker
    std::string worker;
    std::vector<JobNumber> running; // of `epoch`
    double cpu_seconds = 0;      // used by the process so far
    std::uint64_t rss_bytes = 0; // resident now
    Epoch epoch = 0;             // 0: whichever the ventilator has
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
    Held held{};
    // The sink began again and may have them: of those it has, it says what became of them.
    bool again = false;
};

struct Started { // handed to a worker, and not settled 10 ms later

    struct Row {
        JobNumber number = 0;
        std::uint32_t attempt = 0;
    };

    std::string worker;
    std::vector<Row> rows;
    // Their fencing tokens are of this epoch: a worker kept them over the death of a ventilator.
    // 0: of the link's.
    Epoch token = 0;
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

struct Taken { // what `take` offered: id i has number first + i now
    JobNumber first = 0;
    std::vector<JobId> ids;
};

// Ventilator to sink: kinds that a worker joined with or that were declared, to be remembered.
// Sink to ventilator: kinds as they were remembered, with what was set for them.
struct Kinds {

    struct Row {
        std::string kind;
        KindSettings settings;
    };

    std::vector<Row> rows;
};

// To a sink that began again and remembers this epoch: these are open here, and no others. It says
// `settled` of those that have ended, `cancel` of those that are to be stopped, and `stored` with
// `unknown` of those that it never had; what it has open beside them is nobody's.
struct Holds {
    std::vector<Range> rows;
    bool more = false; // the next message goes on
};

struct Confirm {}; // carries only `got`

struct Resend {}; // a gap was seen: send again everything after `got`

using ToSink = std::variant<Store, Started, Retrying, Lost, Final, Refused, Taken, Kinds, Holds,
                            Confirm, Resend>;

struct Stored {
    std::vector<Range> rows;
    std::vector<JobNumber> duplicates; // the id is known, with the same body: forget this one
    std::vector<JobNumber> conflicts;  // the id is known, with another body
    std::vector<JobNumber> refused{};  // there is no space to keep it: forget this one
    std::vector<Range> unknown{};      // of `holds`: what is kept is older than these. Store again
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

// Jobs that the sink has and no ventilator of this epoch: callbacks, steps of a chain, retries, and
// what an older ventilator left behind. Accepted already: never refused. Answered by `taken`.
struct Take {

    struct Row {
        JobId id;
        Bytes payload;
        std::uint32_t attempt = 0; // used so far
        std::uint32_t deaths = 0;
        Duration age{0};   // since it was submitted: delay and ttl count from then
        bool runs = false; // a worker was reported to run it: it may name it when it joins
    };

    Terms terms;
    std::vector<Row> rows;
    Held held{};
};

using FromSink =
    std::variant<Stored, Settled, Returned, Open, Cancel, Take, Kinds, Confirm, Resend>;

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
    bool together = false;       // all rows are one call of a batch handler
    std::uint64_t queued_us = 0; // that they waited in the ventilator, to within a tenth
    std::vector<Range> settled{}; // as in SettledJobs
};

struct CancelJob {
    JobNumber number = 0;
    JobId id;
};

struct Ping {};

struct Drain {};

// The sink has recorded the results of these: a worker that keeps results until then may let them
// go. Only to workers that asked for it.
struct SettledJobs {
    std::vector<Range> rows;
};

using LaneMessage = std::variant<JobBatch, CancelJob, Ping, Drain, SettledJobs>;

// ---- to the sink's door from workers ------------------------------------------------------

struct ResultRow {
    JobId id;
    std::uint32_t attempt = 0;
    std::uint64_t run_us = 0;
    Bytes value{};                    // when it succeeded
    std::optional<Failure> failure{}; // when it did not
    std::uint64_t waited_us = 0;      // in the worker, before it was started; short ones are 0
};

struct Result {
    Epoch epoch = 0;
    std::string worker;
    std::string content_type; // of values that are opaque bytes
    std::vector<ResultRow> rows;
    Held held{};
    std::uint64_t queued_us = 0; // as the jobs' batch said
};

struct Progress {
    JobId id;
    std::uint32_t attempt = 0;
    double progress = 0; // 0-1
    std::string note;
};

struct Partial { // a piece of the result, ahead of it
    JobId id;
    std::uint32_t attempt = 0;
    Bytes value; // one encoded msgpack value
    Held held{};
};

using SinkFact = std::variant<Linked<ToSink>, Result, Progress, Partial>;

// Two jobs of one id are the same job if these agree. Delay and ttl are left out: they count from
// the moment of submission, and a client that submits again says them anew.
bool is_same_body(const Terms& a, Bytes payload_a, const Terms& b, Bytes payload_b);

} // namespace penstock
