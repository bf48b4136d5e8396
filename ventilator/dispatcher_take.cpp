// Jobs that the sink has and offers: they were accepted before, so they are never refused. They get
// numbers here like any other, and may be dispatched when the sink says `stored` of these.

#include "ventilator/dispatcher.hpp"

#include <algorithm>

namespace penstock::ventilator {
namespace {

constexpr std::size_t kTakenRowsMax = 4096; // in one message

} // namespace

void Dispatcher::on(const Take& m, Instant now) {
    const auto terms = terms_.intern(Terms(m.terms));
    KindState& kind = add_kind(m.terms.kind); // whatever the limit: who accepted it had room
    // What came together is one request, as in a submit: a group takes turns with what is submitted
    // meanwhile. (One of more jobs than a message holds has a turn for each of its messages.)
    const bool is_request = m.rows.size() > 1;
    std::uint32_t member = 0;
    Line& line = line_of(kind, m.terms.needs);
    for (const Take::Row& row : m.rows) {
        const Index index = records_.allocate();
        Record& r = records_[index];
        r.number = next_number_++;
        r.terms = terms;
        r.kind = &kind;
        r.payload = Blob(row.payload, m.held);
        r.id = row.id;
        ++line.jobs;
        r.stage = Stage::taking;
        r.attempt = row.attempt;
        r.deaths = row.deaths;
        r.runs = row.runs;
        // What became of earlier attempts is not said: each that was not a death counts as a
        // failure, so that a job can't outlive its max_attempts by outliving ventilators.
        r.failures = row.attempt - std::min(row.attempt, row.deaths);
        if (is_request) r.ahead = ++member;
        r.arrived = now - row.age;
        if (terms->first.ttl > Duration(0)) r.expires = r.arrived + terms->first.ttl;
        ++terms->second.jobs;
        ++kind.submitted;
        bytes_ += row.payload.size();
        by_number_.insert(r.number, index);
        links_.push_back(unsent_, index);
    }
    terms_.forget_if_unused(terms);
}

// REQUIRES: called in the order of numbers, by whoever sends what is new to the sink.
void Dispatcher::say_taken(const Record& r, Outbox& out) const {
    auto* taken = out.to_sink.empty() ? nullptr : std::get_if<Taken>(&out.to_sink.back());
    const bool follows = taken != nullptr && taken->first + taken->ids.size() == r.number &&
                         taken->ids.size() < kTakenRowsMax;
    if (!follows) taken = &std::get<Taken>(out.to_sink.emplace_back(Taken{r.number, {}}));
    taken->ids.push_back(r.id);
}

} // namespace penstock::ventilator
