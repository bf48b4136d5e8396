#include "gateway/ring.hpp"

#include <algorithm>
#include <charconv>

namespace penstock::gateway {
namespace {

std::optional<std::uint64_t> natural_of(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

// With the text that will be made of it.
std::size_t cost_of(const Event& e) {
    std::size_t text = e.note.size() + e.kind.size();
    for (const auto& tag : e.tags) text += tag.size();
    return sizeof(Told) + 256 + 2 * text;
}

} // namespace

std::optional<Mark> Mark::parse(std::string_view text) {
    const std::size_t dot = text.find('.');
    if (dot == std::string_view::npos) return std::nullopt;
    const auto life = natural_of(text.substr(0, dot));
    const auto number = natural_of(text.substr(dot + 1));
    if (!life || !number) return std::nullopt;
    return Mark{*life, *number};
}

std::string Mark::text() const {
    return std::to_string(life) + "." + std::to_string(number);
}

// ---- listeners -----------------------------------------------------------------------------

Ring::Listener::Listener(Ring& ring, Selection selection)
    : ring_(ring), selection_(std::move(selection)) {
    ring_.listeners_.push_back(this);
    ring_.seats(selection_).push_back(this);
}

Ring::Listener::~Listener() {
    std::erase(ring_.listeners_, this);
    auto& seats = ring_.seats(selection_);
    std::erase(seats, this);
    if (!seats.empty()) return;
    if (!selection_.job.empty())
        ring_.of_job_.erase(std::string(selection_.job.wire()));
    else if (!selection_.group.empty())
        ring_.of_group_.erase(std::string(selection_.group.wire()));
}

void Ring::Listener::replay(const Mark& seen) {
    if (!ring_.is_live()) return;
    if (seen.life != ring_.life_ || seen.number >= ring_.next_) return miss({0, true});
    std::size_t from = ring_.events_.size();
    while (from > 0 && ring_.events_[from - 1].number > seen.number) --from;
    const std::uint64_t there = ring_.events_.size() - from;
    if (const auto lost = ring_.next_ - 1 - seen.number - there; lost > 0) miss({lost, false});
    for (; from < ring_.events_.size(); ++from) {
        if (selection_.fits(ring_.events_[from].event)) owe(ring_.begin_ + from);
    }
}

void Ring::Listener::owe(std::uint64_t place) {
    if (due_.size() >= kEventsMax) return miss({1, false});
    due_.push_back(place);
}

void Ring::Listener::miss(Gap gap) {
    if (due_.empty() || (due_.back() & kGap) == 0) due_.push_back(kGap);
    due_.back() += gap.events;
    if (gap.restart) due_.back() |= kRestart;
}

Ring::Listener::Next Ring::Listener::next() {
    Next out;
    while (!due_.empty()) {
        const std::uint64_t place = due_.front();
        const bool is_gap = (place & kGap) != 0;
        const bool is_there = !is_gap && place >= ring_.begin_;
        if (is_there && out.is_gap()) return out;
        due_.pop_front();
        if (is_there) {
            out.told = &ring_.events_[place - ring_.begin_];
            return out;
        }
        out.missed += is_gap ? place & (kRestart - 1) : 1;
        out.restart = out.restart || (is_gap && (place & kRestart) != 0);
    }
    return out;
}

void Ring::Listener::wait(std::shared_ptr<Call> call, Instant until) {
    call_ = std::move(call);
    until_ = until;
}

// ---- the ring ------------------------------------------------------------------------------

std::vector<Ring::Listener*>& Ring::seats(const Selection& selection) {
    if (!selection.job.empty()) return of_job_[std::string(selection.job.wire())];
    if (!selection.group.empty()) return of_group_[std::string(selection.group.wire())];
    return of_any_;
}

void Ring::wake(Listener& listener, Calls& calls) {
    if (listener.call_) calls.push_back(std::move(listener.call_));
    listener.call_ = nullptr;
}

void Ring::note_gap(const Events& events, Calls& calls) {
    const bool same_life = events.life == life_;
    const std::uint64_t lost = same_life && events.first > next_ ? events.first - next_ : 0;
    if (same_life && lost == 0) return;
    if (!same_life) drop_all();
    // Whoever listened before the sink had spoken may have missed what that life began with.
    const bool restart = !same_life;
    life_ = events.life;
    next_ = events.first;
    for (Listener* listener : listeners_) {
        listener->miss({lost, restart});
        wake(*listener, calls);
    }
}

Ring::Calls Ring::take(Events&& events) {
    Calls calls;
    note_gap(events, calls);
    std::uint64_t number = events.first;
    for (Event& event : events.rows) {
        const std::uint64_t mine = number++;
        if (mine < next_) continue; // told before
        next_ = mine + 1;
        keep({mine, events.at, std::move(event), {}});
        tell(end() - 1, events_.back().event, calls);
    }
    return calls;
}

void Ring::keep(Told told) {
    bytes_ += cost_of(told.event);
    events_.push_back(std::move(told));
    while (events_.size() > kEventsMax || bytes_ > kBytesMax) {
        bytes_ -= cost_of(events_.front().event);
        events_.pop_front();
        ++begin_;
    }
}

void Ring::tell(std::uint64_t place, const Event& event, Calls& calls) {
    const auto show = [&](const std::vector<Listener*>& seats) {
        for (Listener* listener : seats) {
            if (!listener->selection_.fits(event)) continue;
            listener->owe(place);
            wake(*listener, calls);
        }
    };
    show(of_any_);
    if (!of_job_.empty()) {
        const auto found = of_job_.find(std::string(event.id.wire()));
        if (found != of_job_.end()) show(found->second);
    }
    if (!of_group_.empty() && !event.group.empty()) {
        const auto found = of_group_.find(std::string(event.group.wire()));
        if (found != of_group_.end()) show(found->second);
    }
}

Ring::Calls Ring::overdue(Instant now) {
    Calls calls;
    for (Listener* listener : listeners_) {
        if (listener->call_ && listener->until_ <= now) wake(*listener, calls);
    }
    return calls;
}

Ring::Calls Ring::everybody() {
    return overdue(kNever);
}

void Ring::drop_all() {
    begin_ = end();
    events_.clear();
    bytes_ = 0;
}

void Ring::forget() {
    drop_all();
    life_ = 0;
    next_ = 1;
}

} // namespace penstock::gateway
