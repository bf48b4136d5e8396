#pragma once
// What a handler is given and what it gives back.
//
// A handler of `Worker::on` runs on a slot's own thread and gets a Job& that ends with the call. A
// handler of `Worker::on_async` gets a shared Job and a Completion, returns at once, and calls the
// completion later from any thread. Both kinds of handlers may be called from several threads.

#include "protocol/message.hpp"
#include "protocol/time.hpp"
#include "protocol/wire.hpp"

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::worker {

class Batch;
class Job;

enum class Retry : std::uint8_t { allowed, pointless };

// One attempt's result: a value, or a failure.
class Reply {
public:
    // One encoded msgpack value (protocol/wire.hpp's Writer makes them). Anything else fails the
    // attempt with the code `bad-value`.
    static Reply value(std::string encoded);
    // A value that lives as long as the job does: its payload, or a value inside of it.
    static Reply borrowed(Bytes encoded);
    static Reply same_as_payload(const Job& job); // with its content type
    static Reply nil();
    static Reply integer(std::int64_t value);
    static Reply real(double value);
    static Reply text(std::string_view value);
    // Opaque bytes: they are served to HTTP clients as they are, with this content type.
    static Reply bytes(std::string content_type, std::string_view bytes);
    // `code` is a slug for programs, `message` a sentence for people.
    static Reply failure(std::string code, std::string message, Retry retry);

    Reply() = default; // nil

    [[nodiscard]] bool failed() const { return failure_ != nullptr; }

    [[nodiscard]] Bytes encoded() const { return owned_.empty() ? borrowed_ : Bytes(owned_); }

    [[nodiscard]] const std::string& content_type() const { return content_type_; }

    [[nodiscard]] const Failure* why() const { return failure_.get(); } // null unless failed

private:
    Bytes borrowed_{"\xc0", 1}; // nil
    std::string owned_;
    std::string content_type_;
    std::unique_ptr<Failure> failure_;
};

class Job {
public:
    // Made by the worker. A handler of `on` must not keep its Job beyond the call.
    Job(Batch& batch, std::uint32_t row, Instant started)
        : batch_(&batch), row_(row), started_(started) {}

    Job(const Job&) = delete;
    Job& operator=(const Job&) = delete;
    ~Job() = default;

    [[nodiscard]] const JobId& id() const;
    [[nodiscard]] const std::string& kind() const;
    [[nodiscard]] std::uint32_t attempt() const; // from 1
    [[nodiscard]] Bytes payload() const;         // one encoded msgpack value
    // The payload, parsed at the first call. Absent if it is not msgpack. Not thread-safe.
    [[nodiscard]] Node read() const;
    [[nodiscard]] const std::string& content_type() const; // of a payload that is opaque bytes
    [[nodiscard]] Duration timeout() const;                // of this attempt

    [[nodiscard]] Instant deadline() const { return started_ + timeout(); }

    // Somebody cancelled the job: stop, and return or throw anything. Cheap enough for inner loops.
    [[nodiscard]] bool cancelled() const;
    // The same, to wait on. Callbacks run on the worker's loop and must not block.
    [[nodiscard]] std::stop_token stop_token() const;

    // 0 to 1, and a few words. Only the latest counts; it is sent a few times a second at most.
    void progress(double fraction, std::string_view note) const;

    // A piece of the result, ahead of it: one encoded msgpack value. It is sent at once, before the
    // result and behind the pieces before it. The sink keeps 1 MiB of them a job; those of an
    // attempt that is lost are void. When the sink takes nothing for long, pieces are dropped: the
    // first of an attempt that is, and all that come after it. Those that were on their way when a
    // sink died are gone. False: it is not one value, or larger than 1 MiB.
    bool partial(Bytes encoded) const;

private:
    Batch* batch_;
    std::uint32_t row_;
    Instant started_;
    mutable std::optional<Reader> reader_;
    mutable Node root_;
};

// Answers an asynchronous job. The first call counts. Copies answer the same job; if the last one
// goes away without a call, the attempt fails with `handler-error`.
class Completion {
public:
    class Pending;

    explicit Completion(std::shared_ptr<Pending> pending) : pending_(std::move(pending)) {}

    void operator()(Reply reply) const;

private:
    std::shared_ptr<Pending> pending_;
};

// Takes several jobs in one call and gives one reply for each, in their order. A job's failure is its
// own; what the handler throws fails all of them.
using BatchHandler = std::function<std::vector<Reply>(std::span<Job* const>)>;

using Handler = std::function<Reply(Job&)>;
using AsyncHandler = std::function<void(std::shared_ptr<Job>, Completion)>;

} // namespace penstock::worker
