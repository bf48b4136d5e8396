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
    Held held{};
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
    Held held{};
};

struct Progress {
    JobId id;
    std::uint32_t attempt = 0;
    double progress = 0; // 0-1
    std::string note;
};

using SinkFact = std::variant<Linked<ToSink>, Result, Progress>;

// Two jobs of one id are the same job if these agree. Delay and ttl are left out: they count from
// the moment of submission, and a client that submits again says them anew.
bool is_same_body(const Terms& a, Bytes payload_a, const Terms& b, Bytes payload_b);

} // namespace penstock
