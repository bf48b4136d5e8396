#include "ventilator/replay.hpp"

#include <utility>

namespace penstock::ventilator {
Replay::Replay(record::TapeReader& tape)
    : tape_(tape),
      machine_(limits_of(tape.header_of("ventilator")), tape.header().seed, tape.header().begun.at) {}

void Replay::show(const JobId& id, record::Show show) {
    about_.emplace(id);
    show_ = std::move(show);
}

record::Difference Replay::difference(const std::string& of, const record::Said& then,
                                      const record::Said& now) const {
    return {tape_.number(), this->now() - tape_.header().begun.at, of, then, now};
}

std::optional<record::Difference> Replay::play() {
    const std::uint64_t sort = tape_.sort();
    const bool to_lanes = sort == static_cast<std::uint64_t>(OnTape::said_to_lanes);
    const bool is_said = to_lanes || sort == static_cast<std::uint64_t>(record::Sort::said);
    const bool is_heard = sort == static_cast<std::uint64_t>(record::Sort::heard);
    record::Spoken spoken;
    if (std::exchange(is_turn_over_, false) && !is_said) {
        add(spoken, out_);
        if (!spoken.empty()) return difference("the turn before it", {}, spoken.take());
    }
    if (is_heard) {
        const record::Said then = tape_.said(), now = answer_.take();
        if (then != now) return difference("the answer to " + asked_, then, now);
        return std::nullopt;
    }
    if (!is_said) {
        give(static_cast<OnTape>(sort));
        return std::nullopt;
    }
    note_said();
    add_to_lanes(spoken, out_);
    if (!to_lanes) {
        spoken = {};
        add(spoken, out_);
        out_.to_sink.clear();
    }
    out_.to_lanes.clear();
    out_.close_lanes.clear();
    const record::Said then = tape_.said(), now = spoken.take();
    if (then != now) return difference("a turn", then, now);
    return std::nullopt;
}

void Replay::give(OnTape what) {
    record::Get get(tape_);
    const auto read = [&](auto value) {
        get(value);
        return value;
    };
    switch (what) {
    case OnTape::declare_kind:
        return machine_.declare_kind(read(std::string()));
    case OnTape::configure_kind: {
        const std::string kind = read(std::string());
        return machine_.configure_kind(kind, read(KindSettings()));
    }
    case OnTape::fact:
        return give_fact();
    case OnTape::question:
        return give_question();
    case OnTape::lane_up:
        ++tally_.given["lane up"];
        return machine_.lane_up(read(LaneId()), now());
    case OnTape::lane_down:
        ++tally_.given["lane down"];
        return machine_.lane_down(read(LaneId()), out_);
    case OnTape::sink_up: {
        ++tally_.given["sink up"];
        const auto life = read(std::uint64_t());
        const auto epoch = read(Epoch());
        return machine_.sink_up(life, epoch, read(false), out_);
    }
    case OnTape::sink_down:
        ++tally_.given["sink down"];
        return machine_.sink_down();
    case OnTape::drain:
        return machine_.drain();
    case OnTape::malformed:
        ++tally_.given["malformed"];
        return machine_.count_malformed();
    case OnTape::tick:
        return machine_.tick(now(), out_);
    case OnTape::pump:
        is_turn_over_ = true;
        return machine_.pump(now(), out_);
    case OnTape::said_to_lanes:
        break; // play() has seen to it
    }
    tape_.fail("it is of a sort that a ventilator of this program does not know");
}

void Replay::give_fact() {
    auto decoded = decode_ventilator_door(reader_, tape_.bytes());
    if (!decoded.error.empty()) tape_.fail(decoded.error);
    for (auto& fact : decoded.messages) {
        ++tally_.given[std::string(record::name_of(fact))];
        if (about_) line("gets", about_->words(fact));
        if (auto* submit = std::get_if<Submit>(&fact)) {
            tally_.submitted += submit->rows.size();
            machine_.on(std::move(*submit), now(), out_);
        } else if (const auto* linked = std::get_if<Linked<FromSink>>(&fact)) {
            machine_.on(linked->message, now(), out_);
            if (const auto* settled = std::get_if<Settled>(&linked->message)) {
                for (const auto& row : settled->rows) tally_.finished += row.count;
            }
        } else if (const auto* heartbeat = std::get_if<Heartbeat>(&fact)) {
            machine_.on(*heartbeat, now());
        } else {
            machine_.on(std::get<Bye>(fact), out_);
        }
    }
}

void Replay::give_question() {
    const auto decoded = decode_control(reader_, tape_.bytes());
    if (!decoded.error.empty()) tape_.fail(decoded.error);
    for (const auto& asked : decoded.messages) {
        asked_ = record::name_of(asked.question);
        ++tally_.given[asked_];
        if (about_) line("gets", about_->words(asked.question));
        if (const auto* wish = std::get_if<Join>(&asked.question))
            add(answer_, machine_.join(*wish, now(), out_));
        else
            answer_.add(answer_of(machine_, asked.question, now()));
    }
}

void Replay::note_said() {
    if (about_) { // before there is a sink, it is said again
        for (const ToSink& message : out_.to_sink) line("says to the sink", about_->words(message));
    }
    for (const ToLane& to : out_.to_lanes) {
        const auto* batch = std::get_if<JobBatch>(&to.message);
        if (batch != nullptr) tally_.decisions += batch->rows.size();
        if (about_) line("says to lane " + std::to_string(to.lane), about_->words(to.message));
    }
}

void Replay::line(const std::string& way, const std::optional<std::string>& text) const {
    if (text) show_({tape_.number(), now() - tape_.header().begun.at, way, *text});
}

record::Tally Replay::tally() const {
    record::Tally out = tally_;
    out.open = machine_.open_jobs();
    return out;
}

} // namespace penstock::ventilator
