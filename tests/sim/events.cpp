// What the sink tells whoever listens: numbered without a gap in each of its lives, and of each job in an
// order that its states allow. One listener hears everything at once; another one reads slowly, loses
// what its queue does not hold, and knows how much that was.

#include "tests/sim/world.hpp"

#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

using What = penstock::Event::What;

constexpr Duration kSlowRead = 5ms;
constexpr std::size_t kSlowFrames = 3;

} // namespace

// A frame; empty if nothing happened.
std::string World::happened() {
    if (ledger_->chronicle().empty()) return {};
    Events events = ledger_->chronicle().take();
    events.life = sink_life_;
    return encode(events);
}

void World::publish(const std::string& frame) {
    if (frame.empty()) return;
    const auto decoded = decode_events(reader_, frame);
    if (!decoded.error.empty()) return fail("a listener can't read: " + decoded.error);
    const Events& events = decoded.messages.at(0);
    if (events.life != sink_life_) fail("events are of another life");
    if (events.first != next_event_) fail("events have other numbers than they should");
    next_event_ = events.first + events.rows.size();
    for (const auto& event : events.rows) {
        check_event(event);
        if (!plan_.durable) touched_.push_back(event.id); // else it was looked at when it was written
    }
    hear_slowly(events);
}

// A sink that began again with its store does not say again what it has stored.
void World::check_event(const penstock::Event& event) {
    const std::string id = event.id.text();
    const auto [at, is_first] = told_.try_emplace(id);
    Told& told = at->second;
    const bool is_stored = event.what == What::stored;
    const bool may_be_older = plan_.durable && sink_life_ > 1;
    if (is_first && !is_stored && !may_be_older) fail(id + " was not said to be stored");
    if (!is_first && is_stored) fail(id + " was said to be stored once more");
    if (told.finished) fail(id + " had ended, and something happened to it");
    if (event.attempt < told.attempt) fail(id + " went back to an attempt before");
    told.attempt = event.attempt;
    told.finished = is_final(event.what);
    const bool is_over = event.what == What::retrying || event.what == What::lost;
    const bool runs = !is_stored && !is_over && !told.finished;
    if (plan_.fair && runs && event.attempt <= told.over) fail(id + " goes on with an attempt that was over");
    if (is_over) told.over = event.attempt;
    if (!told.finished) return;
    const auto* row = plan_.durable ? disk_.outcome(event.id) : nullptr;
    const auto is = row != nullptr ? std::optional(row->state) : ledger_->state_of(event.id);
    const bool is_written = !plan_.durable || row != nullptr;
    const bool is_so = is_written && is && is_final(*is) && event_of(*is) == event.what;
    if (!is_so) fail(id + " did not end as it was said");
    if (plan_.fair) saw("rule: what happened to a job, in order");
}

// It reads one frame in a while. It can tell from the numbers what it missed; the sink never knows.
void World::hear_slowly(const Events& events) {
    for (auto frames = (now_ - slow_.read_at) / kSlowRead; frames > 0 && !slow_.unread.empty(); --frames) read_slowly();
    slow_.read_at = now_;
    if (slow_.unread.size() < kSlowFrames) return slow_.unread.push_back({events.first, events.rows.size()});
    slow_.lost += events.rows.size();
    if (plan_.fair) saw("rule: a slow listener lost events");
}

void World::read_slowly() {
    const auto [first, count] = slow_.unread.front();
    slow_.unread.pop_front();
    if (first < slow_.next) fail("a slow listener hears what it has heard");
    slow_.missed += first - slow_.next;
    slow_.next = first + count;
}

void World::check_slow_listener() {
    while (!slow_.unread.empty()) read_slowly();
    slow_.missed += next_event_ - slow_.next; // as who listens anew is greeted
    if (slow_.missed != slow_.lost) fail("a slow listener does not know what it missed");
}

void World::forget_told() {
    told_.clear();
    touched_.clear();
    next_event_ = 1;
    slow_ = {};
}

} // namespace penstock::sim
