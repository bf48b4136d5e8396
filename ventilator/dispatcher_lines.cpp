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
    if (lines.size() <= kSpareLinesMax || line.needs.empty() || !line.is_empty()) return;
    roster_.drop_line(line);
    --lines_;
    const auto needs = line.needs;
    lines.erase(needs);
}

void Dispatcher::enqueue(Index index) {
    Record& r = records_[index];
    r.stage = Stage::queued;
    Line& line = line_of(r);
    ++r.kind->queued;
    if (r.deaths > 0) {
        links_.push_back(line.suspects, index);
        if (!line.has_suspects) suspect_lines_.push_back(&line);
        line.has_suspects = true;
    } else {
        const std::uint32_t before = line.waiting.occupied();
        const std::uint32_t member = std::exchange(r.ahead, 0);
        const Waiting::Coming coming{index, r.arrived, member, r.attempt > 0};
        r.lane = line.waiting.push(r.terms, coming, r.kind->turn());
        if (line.waiting.occupied() != before) roster_.begin(line, r.terms->first.priority);
    }
    arm(index);
}

// It goes no more, or it is a suspect that goes now.
void Dispatcher::dequeue(Index index) {
    Record& r = records_[index];
    Line& line = line_of(r);
    --r.kind->queued;
    if (r.deaths > 0) {
        links_.remove(line.suspects, index);
        return;
    }
    const int priority = r.terms->first.priority;
    line.waiting.remove(index, std::exchange(r.lane, kNoIndex), r.arrived);
    if (!line.waiting.has(priority)) roster_.end(line, priority);
    drop_line_if_spare(line);
}

Index Dispatcher::take_next(Line& line, int priority) {
    const Index index = line.waiting.first(priority);
    Record& r = records_[index];
    --r.kind->queued;
    line.waiting.take(index, std::exchange(r.lane, kNoIndex), r.arrived, r.kind->turn());
    if (!line.waiting.has(priority)) {
        roster_.end(line, priority);
        return index;
    }
    // Among a million that wait, the next of this line is in no cache. By the time of its turn it is.
    const Index next = line.waiting.first(priority);
    records_.prefetch(next);
    queues_.places.prefetch(next);
    links_.prefetch(next);
    return index;
}

} // namespace penstock::ventilator
