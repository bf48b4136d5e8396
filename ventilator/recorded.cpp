#include "ventilator/recorded.hpp"

#include <utility>

namespace penstock::ventilator {
namespace {

// Names every member once; one that is added does not compile until it is here.
constexpr auto kEachLimit = [](auto io, auto& limits) {
    auto& [jobs_max, bytes_max, kinds_max, lines_max, ping, silence, silent_limit, started_after,
           connect_within, ageing, lane_bytes_max] = limits;
    io(jobs_max), io(bytes_max), io(kinds_max), io(lines_max), io(ping), io(silence);
    io(silent_limit), io(started_after), io(connect_within), io(ageing);
    io(lane_bytes_max);
};

record::Header header_of(const Limits& limits, std::uint64_t seed, Now now) {
    return {"ventilator", now, seed, false, record::numbers_of(limits, kEachLimit), ""};
}

} // namespace

Limits limits_of(const record::Header& header) {
    return record::limits_of<Limits>(header, kEachLimit);
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
    : machine_(limits, seed, now.at), notes_(recording, header_of(limits, seed, now)) {}

void RecordedDispatcher::note(const Submit& submit, Instant now) {
    if (!notes_.mask().covers()) return note_frame(now, encode(submit));
    Submit covered{submit.terms, submit.rows, {}, submit.apart, submit.part};
    notes_.mask().cover(covered.rows, &SubmitRow::payload, notes_.room());
    note_frame(now, encode(covered));
}

void RecordedDispatcher::note(const FromSink& message, Instant now) {
    const auto* take = std::get_if<Take>(&message);
    if (take == nullptr || !notes_.mask().covers()) return note_frame(now, encode(LinkHead{}, message));
    Take covered{take->terms, take->rows, {}};
    notes_.mask().cover(covered.rows, &Take::Row::payload, notes_.room());
    note_frame(now, encode(LinkHead{}, FromSink(std::move(covered))));
}

void RecordedDispatcher::note_question(const ControlQuestion& question, Instant now) {
    notes_.add_at(now, OnTape::question, std::string_view(encode(std::nullopt, question)));
}

void RecordedDispatcher::heard(const Joined& joined) {
    add(notes_.spoken, joined);
    notes_.heard();
}

ControlAnswer RecordedDispatcher::answer(const ControlQuestion& question, Instant now) {
    if (notes_) note_question(question, now);
    ControlAnswer answer = answer_of(machine_, question, now);
    if (notes_) {
        notes_.spoken.add(answer);
        notes_.heard();
    }
    return answer;
}

void RecordedDispatcher::note_said(const Outbox& out) {
    add(notes_.spoken, out);
    if (notes_.spoken.empty()) return notes_.flush();
    notes_.said(record::Sort::said);
}

void RecordedDispatcher::note_said_to_lanes(const Outbox& out) {
    add_to_lanes(notes_.spoken, out);
    notes_.said(OnTape::said_to_lanes);
}

} // namespace penstock::ventilator
