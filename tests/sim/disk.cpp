// The sink's disk: a batch of changes takes a while to be safe, and is lost with the process until it
// is. What the sink has to say of it waits.

#include "tests/sim/world.hpp"

#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

Now World::both_now() const {
    return {now_, WallTime(std::chrono::duration_cast<std::chrono::microseconds>(
                      now_.time_since_epoch()))};
}

void World::say_on_link(sink::Outbox& out) {
    if (s_link_.epoch() == 0) return;
    out.say_on_link([&](const FromSink& message) {
        const LinkHead head = s_link_.number();
        s_link_.push(std::make_shared<const std::string>(encode(head, message)));
    });
}

void World::hand_over() {
    s_out_.own_bytes();
    if (is_writing_) return;
    const bool is_quiet = s_out_.empty() && hellos_.empty() && !ledger_->has_changes() &&
                          s_link_.tellable() == s_link_.got();
    if (is_quiet) return;
    unsaid_ = {ledger_->take_changes(), std::exchange(s_out_, {}), std::exchange(hellos_, {}),
               s_link_.got()};
    if (unsaid_.changes.empty()) return committed();
    is_writing_ = true;
    at(happens(0.1) ? between(1ms, 300ms) : between(100us, 5ms), [this, life = sink_life_] {
        if (life != sink_life_) return count("write lost");
        is_writing_ = false;
        committed();
    });
}

void World::committed() {
    Unsaid said = std::exchange(unsaid_, {});
    disk_.write(said.changes);
    check_written(said.changes);
    s_link_.may_tell(said.got);
    for (const auto& [answer, life] : said.hellos) answer_hello(answer, life);
    say_on_link(said.outbox);
    pump_link();
}

void World::check_written(const sink::Changes& changes) {
    if (disk_.outcomes_replaced() > 0) fail("an outcome was written over another one");
    for (const auto& row : changes.jobs) check_touched(row.id);
    for (const auto& row : changes.outcomes) {
        if (const JobId* id = disk_.id_of(row.order)) check_touched(*id);
    }
    if (!changes.jobs_gone.empty()) check_all_jobs();
}

} // namespace penstock::sim
