// The dispatcher's lines: where a job waits, and which job of a line goes next.

#include "ventilator/dispatcher.hpp"

#include <algorithm>
#include <utility>

namespace penstock::ventilator {

namespace {

constexpr std::size_t kSpareLinesMax = 16; // of a kind, kept although they are empty

} // namespace

Line& Dispatcher::line_of(const Record& r) {
    const std::vector<std::string>& needs = r.terms->first.needs;
    if (needs.empty()) return *r.kind->plain;
    const TermsTable::Note& note = r.terms->second.queue;
    if (note.life != 0 && queues_.queues[note.index].life == note.life) {
        return *queues_.queues[note.index].line;
    }
    return line_of(*r.kind, needs);
}

Line& Dispatcher::line_of(KindState& kind, const std::vector<std::string>& needs) {
    auto& line = kind.lines[needs];
    if (line) return *line;
    line = std::make_unique<Line>(queues_, &kind, needs);
    ++lines_;
    roster_.add_line(*line);
    return *line;
}

// Lines come with what clients ask for: those that nobody needs any more have to go.
void Dispatcher::drop_line_if_spare(Line& line) {
    auto& lines = line.kind->lines;
    const bool may_stay = lines.size() <= kSpareLinesMax && lines_ < limits_.lines_max / 2;
    if (may_stay || line.needs.empty() || !line.is_empty()) return;
    roster_.drop_line(line);
    --lines_;
    const auto needs = line.needs;
    lines.erase(needs);
}

void Dispatcher::enqueue(Index index) {
    Record& r = records_[index];
    KindState& kind = *r.kind;
    r.stage = Stage::queued;
    Line& line = line_of(r);
    ++kind.queued;
    if (r.deaths > 0) {
        ++kind.suspects;
        links_.push_back(line.suspects, index);
        if (!line.has_suspects) suspect_lines_.push_back(&line);
        line.has_suspects = true;
    } else {
        const int priority = r.terms->first.priority;
        const std::uint32_t before = line.waiting.occupied();
        const std::uint32_t member = std::exchange(r.ahead, 0);
        const Waiting::Coming coming{index, r.waits_since(), member, r.attempt > 0};
        r.lane = line.waiting.push(r.terms, coming, kind.turn());
        ++kind.waiting[static_cast<std::size_t>(priority)];
        if (line.waiting.occupied() != before) begin(line, priority);
    }
    arm(index);
}

// It goes no more, or it is a suspect that goes now.
void Dispatcher::dequeue(Index index) {
    Record& r = records_[index];
    Line& line = line_of(r);
    --r.kind->queued;
    if (r.deaths > 0) {
        --r.kind->suspects;
        links_.remove(line.suspects, index);
        return;
    }
    const int priority = r.terms->first.priority;
    line.waiting.remove(index, std::exchange(r.lane, kNoIndex), r.waits_since());
    --r.kind->waiting[static_cast<std::size_t>(priority)];
    if (!line.waiting.has(priority)) end(line, priority);
}

Index Dispatcher::take_next(Line& line, int priority) {
    const Index index = line.waiting.first(priority);
    Record& r = records_[index];
    --r.kind->queued;
    --r.kind->waiting[static_cast<std::size_t>(priority)];
    line.waiting.take(index, std::exchange(r.lane, kNoIndex), r.waits_since(), r.kind->turn());
    if (!line.waiting.has(priority)) {
        end(line, priority);
        return index;
    }
    // Among a million that wait, the next ones of this line are in no cache. By their turn they are.
    if (std::exchange(taken_, r.number) + 1 == r.number) ask_ahead_of(r.number); // a bulk goes
    const Index next = line.waiting.first(priority);
    records_.prefetch(next);
    queues_.places.prefetch(next);
    links_.prefetch(next);
    return index;
}

// The line got its first job of this priority, or lost its last.
void Dispatcher::begin(const Line& line, int priority) {
    ++line.kind->waiting_lines[static_cast<std::size_t>(priority)];
    roster_.begin(line, priority);
}

void Dispatcher::end(const Line& line, int priority) {
    --line.kind->waiting_lines[static_cast<std::size_t>(priority)];
    roster_.end(line, priority);
}

} // namespace penstock::ventilator
