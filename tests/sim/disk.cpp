// The sink's disk, and the thread that writes it: a batch of changes takes a while to be safe, and is
// lost with the process until it is. What the sink says of it waits, by the rule that ships
// (sink/unsaid.hpp). When there is no space the thread tries again, as sink/keeper.cpp does.

#include "tests/sim/world.hpp"

#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kTryAgain = 100ms;  // when there was no space
constexpr Duration kLookAtDisk = 1s; // when nothing is written

} // namespace

Now World::both_now() const {
    return {now_, WallTime(std::chrono::duration_cast<std::chrono::microseconds>(
                      now_.time_since_epoch()))};
}

// A process that is stopped has stopped with all its threads.
void World::when_sink_runs(Duration later, Event event) {
    at(later, [this, life = sink_life_, event = std::move(event)] {
        if (life != sink_life_) return;
        if (s_asleep_until_ <= now_) return event();
        when_sink_runs(s_asleep_until_ - now_, event);
    });
}

void World::end_burst() {
    if (!plan_.durable) {
        sink::Burst& burst = unsaid_.burst();
        burst.events = happened();
        sink::say(burst, s_link_, *this);
        burst = {};
        return;
    }
    unsaid_.pause();
    if (unsaid_.is_writing()) return;
    unsaid_.burst().events = happened();
    sink::Unsaid::Next next = unsaid_.end_burst(ledger_->take_changes(), s_link_);
    if (next.say) speak(std::move(*next.say));
    if (next.write.empty()) return;
    writing_ = std::move(next.write);
    when_sink_runs(happens(0.1) ? between(1ms, 300ms) : between(100us, 5ms), [this] { write(); });
}

// Either all of it is there from now on, or nothing.
void World::write() {
    if (disk_full_until_ > now_) {
        saw("write put off for lack of space");
        ledger_->set_full(true);
        return when_sink_runs(kTryAgain, [this] { write(); });
    }
    disk_.write(writing_);
    check_written(std::exchange(writing_, {}));
    ledger_->set_full(!has_room());
    // The process may die, or be stopped, before anybody is told.
    when_sink_runs(between(0us, 500us), [this] { written(); });
}

void World::written() {
    speak(unsaid_.written(s_link_));
    while (!unread_.empty() && !unsaid_.is_behind()) {
        const std::string frame = std::move(unread_.front());
        unread_.pop_front();
        sink_frame(frame);
    }
}

void World::speak(sink::Burst burst) {
    sink::say(burst, s_link_, *this);
    pump_link();
}

void World::say_on_link(sink::Outbox& out) {
    if (s_link_.epoch() == 0) return;
    out.say_on_link([&](const FromSink& message) {
        const LinkHead head = s_link_.number();
        s_link_.push(std::make_shared<const std::string>(encode(head, message)));
    });
}

void World::check_written(const sink::Changes& changes) {
    if (disk_.outcomes_replaced() > 0) fail("an outcome was written over another one");
    for (const auto& row : changes.jobs) check_touched(row.id);
    for (const auto& row : changes.outcomes) {
        if (const JobId* id = disk_.id_of(row.order)) check_touched(*id);
    }
    if (!changes.jobs_gone.empty()) check_all_jobs();
}

// ---- when there is little space, or none ----------------------------------------------------

void World::fill_disk() {
    if (!plan_.durable || !has_room()) return;
    count("disk full");
    disk_low_until_ = now_ + between(100ms, hastened(5s));
    // Somebody else took the reserve, too.
    if (happens(0.5)) disk_full_until_ = now_ + between(0ms, disk_low_until_ - now_);
    look_at_disk();
}

void World::look_at_disk() {
    if (has_room()) return;
    when_sink_runs(kLookAtDisk, [this] {
        if (!unsaid_.is_writing()) ledger_->set_full(!has_room());
        look_at_disk();
    });
}

} // namespace penstock::sim
