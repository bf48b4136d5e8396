#pragma once
// What the sink has to say, until what it says is safe. A burst of facts changes the ledger and
// leaves answers; with a durable store one batch of changes is being written at a time, the answers
// that rest on it wait for it, and what comes meanwhile is the next batch. It also knows what of it
// is void when another ventilator has come.
//
// Decides only: the shell writes, sends, and says when a batch is written. Without a store nothing
// waits here: `burst` is said and emptied.

#include "protocol/link.hpp"
#include "sink/changes.hpp"
#include "sink/outbox.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace penstock::sink {

using FrameLink = Link<std::shared_ptr<const std::string>>;

struct HelloReply {
    Asker asker = 0;
    Request request;
    HelloAnswer answer; // its `got` is filled in when it is said
};

struct Burst {
    Outbox outbox;
    std::vector<HelloReply> hellos;
    std::string events;    // a frame
    std::uint64_t got = 0; // of the link, when it ended

    [[nodiscard]] bool empty() const {
        return outbox.empty() && hellos.empty() && events.empty();
    }
};

class Unsaid {
public:
    // `unkept_bytes_max` may come while a batch is being written, before nothing more is read.
    explicit Unsaid(std::size_t unkept_bytes_max) : unkept_bytes_max_(unkept_bytes_max) {}

    [[nodiscard]] Burst& burst() { return burst_; } // that is under way

    void arrived(std::size_t bytes) { unkept_bytes_ += bytes; }

    // More came than the disk takes. Peers keep what isn't read.
    [[nodiscard]] bool is_behind() const {
        return is_writing_ && unkept_bytes_ > unkept_bytes_max_;
    }

    // A ventilator was let in: the one before, whose connection broke, or (`is_new`) another one.
    void meet(const HelloAnswer& answer, bool is_new, FrameLink& link);

    struct Next {
        Changes write;            // if there are any: a batch; then `written`
        std::optional<Burst> say; // now
    };

    // The burst is over. While a batch is being written it goes on as a part of the next one.
    void pause();
    // REQUIRES: !is_writing(). What the ledger changed since the last time is the next batch.
    [[nodiscard]] Next end_burst(Changes changes, FrameLink& link);

    [[nodiscard]] bool is_writing() const { return is_writing_; }

    // All of the batch is safe: what may be said now, and how much of the link has arrived.
    // REQUIRES: is_writing().
    [[nodiscard]] Burst written(FrameLink& link);

private:
    std::size_t unkept_bytes_max_;
    Burst burst_;
    Burst waiting_; // for the batch that is being written
    bool is_writing_ = false;
    std::size_t unkept_bytes_ = 0; // that came, or wait to be said, since the last batch was closed
    std::size_t counted_ = 0;      // replies of the burst that are in these
};

// In this order: an answer to a hello says how far the link is, and what the link says after it
// counts from there.
template <class Speaker>
void say(Burst& burst, const FrameLink& link, Speaker& speaker) {
    for (HelloReply& hello : burst.hellos) {
        hello.answer.got = link.tellable();
        speaker.say(hello);
    }
    speaker.say_on_link(burst.outbox);
    speaker.say_replies(burst.outbox);
    speaker.publish(burst.events);
}

} // namespace penstock::sink
