#include "ventilator/recorded.hpp"

#include <utility>

namespace penstock::ventilator {
namespace {

record::Header header_of(const Limits& limits, std::uint64_t seed, Now now, bool payloads) {
    record::Header header;
    header.role = "ventilator";
    header.begun = now;
    header.seed = seed;
    header.has_payloads = payloads;
    header.limits = to_header(limits);
    return header;
}

// Names every member once, for both directions; one that is added does not compile until it is here.
template <class Io, class L>
void each_limit(Io io, L& limits) {
    auto& [jobs_max, bytes_max, kinds_max, lines_max, ping, silence, silent_limit, started_after,
           connect_within, ageing, lane_bytes_max] = limits;
    io(jobs_max), io(bytes_max), io(kinds_max), io(lines_max), io(ping), io(silence);
    io(silent_limit), io(started_after), io(connect_within), io(ageing);
    io(lane_bytes_max);
}

struct ToHeader {
    std::vector<std::uint64_t>& out;
    void operator()(Duration d) const { out.push_back(static_cast<std::uint64_t>(d.count())); }
    void operator()(std::uint64_t n) const { out.push_back(n); }
};

struct FromHeader {
    const std::vector<std::uint64_t>& in;
    std::size_t at = 0;
    void operator()(Duration& d) { d = Duration(static_cast<std::int64_t>(in[at++])); }
    void operator()(std::uint64_t& n) { n = in[at++]; }
};

} // namespace

std::vector<std::uint64_t> to_header(const Limits& limits) {
    std::vector<std::uint64_t> out;
    each_limit(ToHeader{out}, limits);
    return out;
}

Limits limits_of(const record::Header& header) {
    Limits limits;
    if (header.limits.size() != to_header(limits).size()) {
        throw record::TapeError("it has limits that a ventilator of this program does not have");
    }
    each_limit(FromHeader{header.limits}, limits);
    return limits;
}

void add(record::Spoken& spoken, const Outbox& out) {
    for (const ToSink& message : out.to_sink) spoken.add(message);
    add_to_lanes(spoken, out);
}

void add_to_lanes(record::Spoken& spoken, const Outbox& out) {
    for (const ToLane& to : out.to_lanes) {
        spoken.add("lane messages", 1, to.lane, std::uint64_t{to.batches});
        spoken.add(to.message);
    }
    for (const LaneId lane : out.close_lanes) spoken.add("close", 1, lane);
}

void add(record::Spoken& spoken, const Joined& joined) {
    spoken.add("lane", 1, joined.lane, std::string_view(joined.error),
               std::string_view(joined.worker), std::uint64_t{joined.window});
}

ControlAnswer answer_of(Dispatcher& machine, const ControlQuestion& question, Instant now) {
    if (std::holds_alternative<AskRoom>(question)) return machine.room();
    if (const auto* ask = std::get_if<AskPosition>(&question)) return machine.positions(*ask, now);
    if (const auto* why = std::get_if<AskExplain>(&question)) {
        return machine.explain(why->number, now);
    }
    if (std::holds_alternative<AskWorkers>(question)) return machine.workers(now);
    return machine.stats(now);
}

RecordedDispatcher::RecordedDispatcher(const Limits& limits, std::uint64_t seed, Now now,
                                       const record::Recording& recording)
    : machine_(limits, seed, now.at), mask_(recording.key, !recording.payloads) {
    if (!recording.append) return;
    tape_ = std::make_unique<record::Tape>(recording,
                                           header_of(limits, seed, now, recording.payloads));
}

void RecordedDispatcher::note(const Submit& submit, Instant now) {
    if (!mask_.covers()) return note_frame(now, encode(submit));
    Submit covered{submit.terms, submit.rows, {}, submit.apart, submit.part};
    mask_.cover(covered.rows, &SubmitRow::payload, room_);
    note_frame(now, encode(covered));
}

void RecordedDispatcher::note(const FromSink& message, Instant now) {
    const auto* take = std::get_if<Take>(&message);
    if (take == nullptr || !mask_.covers()) return note_frame(now, encode(LinkHead{}, message));
    Take covered{take->terms, take->rows, {}};
    mask_.cover(covered.rows, &Take::Row::payload, room_);
    note_frame(now, encode(LinkHead{}, FromSink(std::move(covered))));
}

void RecordedDispatcher::note_question(const ControlQuestion& question, Instant now) {
    note_at(now, OnTape::question, std::string_view(encode(std::nullopt, question)));
}

void RecordedDispatcher::heard(const Joined& joined) {
    add(spoken_, joined);
    tape_->add(record::Sort::heard, spoken_.take());
}

ControlAnswer RecordedDispatcher::answer(const ControlQuestion& question, Instant now) {
    if (tape_) note_question(question, now);
    ControlAnswer answer = answer_of(machine_, question, now);
    if (tape_) {
        spoken_.add(answer);
        tape_->add(record::Sort::heard, spoken_.take());
    }
    return answer;
}

void RecordedDispatcher::note_said(const Outbox& out) {
    add(spoken_, out);
    if (!spoken_.empty()) tape_->add(record::Sort::said, spoken_.take());
    tape_->flush();
}

void RecordedDispatcher::note_said_to_lanes(const Outbox& out) {
    add_to_lanes(spoken_, out);
    tape_->add(static_cast<std::uint64_t>(OnTape::said_to_lanes), spoken_.take());
    tape_->flush();
}

} // namespace penstock::ventilator
