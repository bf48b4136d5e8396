#pragma once
// The ledger as the shell calls it: it takes part in nothing, but writes down what the ledger is given
// and what it said, if that is wanted (docs/REPLAY.md). Without a tape each call is one branch.

#include "record/notes.hpp"
#include "sink/ledger.hpp"

#include <map>

namespace penstock::sink {

// The records of a sink's tape, and what stands in them.
enum class OnTape : std::uint64_t {
    restore = record::kFirstOfRole, // rows, their bytes, bodies
    restored,
    hello,        // a frame of the status, life; `heard` follows
    fact,         // a frame of the door, bodies
    ask_stored,   // asker, timeout, request, id, body
    question,     // asker, a frame of the status, bodies
    tick,
    malformed,
    take_changes, // `heard` follows
    full,         // whether it is
    ventilator_up, // whether it is
    forget_link,
};

Limits limits_of(const record::Header& header); // throws TapeError

// What it says, as it is compared.
void add(record::Spoken& spoken, const Outbox& out);
record::Said said_of(const Changes& changes);

// The digests of jobs as somebody who asks for one may say them (AskWait::body). Of jobs whose payloads
// are covered the machine finds others: a tape has both.
std::vector<std::uint64_t> bodies_of(const Store& store);
std::vector<std::uint64_t> bodies_of(const StatusQuestion& question);
// `terms` are those by whose keys the page's jobs know them; the page's are added.
std::vector<std::uint64_t> bodies_of(const Changes& page, std::map<std::uint64_t, Terms>& terms);

// Every member is the ledger's of the same name.
class RecordedLedger {
public:
    RecordedLedger(const Limits& limits, std::uint64_t seed, Now now,
                   const record::Recording& recording);

    HelloAnswer hello(const Hello& hello, std::uint64_t life);
    void on(const ToSink& message, Now now, Outbox& out) {
        if (notes_) note(message, now);
        machine_.on(message, now, out);
    }
    void on(const Result& result, Now now, Outbox& out) {
        if (notes_) note(result, now);
        machine_.on(result, now, out);
    }
    void on(const Progress& progress) {
        if (notes_) notes_.add(OnTape::fact, std::string_view(encode(progress)), kNoBodies);
        machine_.on(progress);
    }
    void on(const Partial& partial, Outbox& out) {
        if (notes_) note(partial);
        machine_.on(partial, out);
    }
    void ask(Asker asker, const AskStored::Row& row, Duration timeout, Now now, Outbox& out) {
        if (notes_) note(asker, row, timeout, now);
        machine_.ask(asker, row, timeout, now, out);
    }
    void ask(Asker asker, Request request, const StatusQuestion& question, Now now, Outbox& out) {
        if (notes_) note(asker, request, question, now);
        machine_.ask(asker, request, question, now, out);
    }
    void tick(Now now, Outbox& out) {
        if (notes_) notes_.add_at(now, OnTape::tick);
        machine_.tick(now, out);
    }
    void count_malformed() {
        if (notes_) notes_.add(OnTape::malformed);
        machine_.count_malformed();
    }
    void restore(const Changes& page, Now now);
    void restored(Now now);
    [[nodiscard]] Changes take_changes();
    void set_full(bool full) {
        if (notes_ && full != is_full_) notes_.add(OnTape::full, full);
        is_full_ = full;
        machine_.set_full(full);
    }
    void set_ventilator_up(bool up) {
        if (notes_) notes_.add(OnTape::ventilator_up, up);
        machine_.set_ventilator_up(up);
    }

    // All that was said since the last call leaves now: it goes out, or waits until it is safe.
    void said(const Outbox& out) {
        if (notes_) note_said(out);
    }
    // What was said to the ventilator since then does not leave.
    void link_forgotten() {
        if (notes_) notes_.add(OnTape::forget_link);
    }

    [[nodiscard]] Epoch epoch() const { return machine_.epoch(); }
    [[nodiscard]] Instant wake_at() const { return machine_.wake_at(); }
    [[nodiscard]] bool has_changes() const { return machine_.has_changes(); }
    [[nodiscard]] Chronicle& chronicle() { return machine_.chronicle(); }
    [[nodiscard]] std::size_t jobs() const { return machine_.jobs(); }
    // What it is given this way is not on the tape.
    [[nodiscard]] Ledger& machine() { return machine_; }

private:
    using Bodies = std::vector<std::uint64_t>;
    static const Bodies kNoBodies;

    void note(const ToSink& message, Now now);
    void note(const Result& result, Now now);
    void note(const Partial& partial);
    void note(Asker asker, const AskStored::Row& row, Duration timeout, Now now);
    void note(Asker asker, Request request, const StatusQuestion& question, Now now);
    void note_said(const Outbox& out);
    [[nodiscard]] Bodies covered(Bodies bodies) const;
    void cover(OpenGroup& group);
    void cover(Changes& page) const;
    template <class Row>
    void note_pieces(std::vector<Row>& rows, std::vector<Row> Changes::* member, Now now);

    Ledger machine_;
    record::Notes notes_;
    std::map<std::uint64_t, Terms> terms_; // by key, while it is restored
    bool is_full_ = false;
};

} // namespace penstock::sink
