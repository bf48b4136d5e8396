#pragma once
// The dispatcher as the shell calls it: it takes part in nothing, but writes down what the dispatcher
// is given and what it said, if that is wanted (docs/REPLAY.md). Without a tape each call is one branch.

#include "record/notes.hpp"
#include "ventilator/dispatcher.hpp"

namespace penstock::ventilator {

// The records of a ventilator's tape, and what stands in them.
enum class OnTape : std::uint64_t {
    declare_kind = record::kFirstOfRole, // name
    configure_kind,                      // name, settings
    fact,                                // a frame of the door
    question,                            // a frame of the control; `heard` follows
    lane_up,                             // lane
    lane_down,                           // lane
    sink_up,                             // life, epoch, remembers
    sink_down,
    drain,
    malformed,
    tick,
    pump,
    said_to_lanes, // as `said`; what was said to the sink waits
};

Limits limits_of(const record::Header& header); // throws TapeError

// What it says, as it is compared.
void add(record::Spoken& spoken, const Outbox& out);
void add_to_lanes(record::Spoken& spoken, const Outbox& out);
void add(record::Spoken& spoken, const Joined& joined);

// Every member is the dispatcher's of the same name.
class RecordedDispatcher {
public:
    RecordedDispatcher(const Limits& limits, std::uint64_t seed, Now now,
                       const record::Recording& recording);

    void on(Submit submit, Instant now, Outbox& out) {
        if (notes_) note(submit, now);
        machine_.on(std::move(submit), now, out);
    }
    void on(const FromSink& message, Instant now, Outbox& out) {
        if (notes_) note(message, now);
        machine_.on(message, now, out);
    }
    void on(const Heartbeat& heartbeat, Instant now) {
        if (notes_) note_frame(now, encode(heartbeat));
        machine_.on(heartbeat, now);
    }
    void on(const Bye& bye, Outbox& out) {
        if (notes_) notes_.add(OnTape::fact, std::string_view(encode(bye)));
        machine_.on(bye, out);
    }
    Joined join(const Join& join, Instant now, Outbox& out) {
        if (notes_) note_question(join, now);
        Joined joined = machine_.join(join, now, out);
        if (notes_) heard(joined);
        return joined;
    }
    void lane_up(LaneId lane, Instant now) {
        if (notes_) notes_.add_at(now, OnTape::lane_up, lane);
        machine_.lane_up(lane, now);
    }
    void lane_down(LaneId lane, Outbox& out) {
        if (notes_) notes_.add(OnTape::lane_down, lane);
        machine_.lane_down(lane, out);
    }
    void sink_up(std::uint64_t life, Epoch epoch, bool remembers, Outbox& out) {
        if (notes_) notes_.add(OnTape::sink_up, life, epoch, remembers);
        machine_.sink_up(life, epoch, remembers, out);
    }
    void sink_down() {
        if (notes_) notes_.add(OnTape::sink_down);
        machine_.sink_down();
    }
    void declare_kind(const std::string& kind) {
        if (notes_) notes_.add(OnTape::declare_kind, kind);
        machine_.declare_kind(kind);
    }
    void configure_kind(const std::string& kind, const KindSettings& settings) {
        if (notes_) notes_.add(OnTape::configure_kind, kind, settings);
        machine_.configure_kind(kind, settings);
    }
    void drain() {
        if (notes_) notes_.add(OnTape::drain);
        machine_.drain();
    }
    void count_malformed() {
        if (notes_) notes_.add(OnTape::malformed);
        machine_.count_malformed();
    }
    void tick(Instant now, Outbox& out) {
        if (notes_) notes_.add_at(now, OnTape::tick);
        machine_.tick(now, out);
    }
    void pump(Instant now, Outbox& out) {
        if (notes_) notes_.add_at(now, OnTape::pump);
        machine_.pump(now, out);
    }

    // All that was said since the last call leaves now, after a `pump`.
    void said(const Outbox& out) {
        if (notes_) note_said(out);
    }
    // What was said to the sink stands in `out` again the next time: there is no sink yet.
    void said_to_lanes(const Outbox& out) {
        if (notes_) note_said_to_lanes(out);
    }

    // Any question but a join. One that only looks is given `now` all the same.
    ControlAnswer answer(const ControlQuestion& question, Instant now);

    [[nodiscard]] bool drained() const { return machine_.drained(); }
    [[nodiscard]] Instant wake_at() const { return machine_.wake_at(); }
    [[nodiscard]] std::size_t open_jobs() const { return machine_.open_jobs(); }
    [[nodiscard]] Epoch epoch() const { return machine_.epoch(); }
    [[nodiscard]] const Dispatcher& machine() const { return machine_; }

private:
    void note_frame(Instant now, std::string_view frame) {
        notes_.add_at(now, OnTape::fact, frame);
    }
    void note(const Submit& submit, Instant now);
    void note(const FromSink& message, Instant now);
    void note_question(const ControlQuestion& question, Instant now);
    void note_said(const Outbox& out);
    void note_said_to_lanes(const Outbox& out);
    void heard(const Joined& joined);

    Dispatcher machine_;
    record::Notes notes_;
};

// Of a dispatcher, to any question but a join.
ControlAnswer answer_of(Dispatcher& machine, const ControlQuestion& question, Instant now);

} // namespace penstock::ventilator
