// What was asked for with a job, and what a worker may rely on: when an attempt may begin and how many
// there may be, who gets none, and what a worker may forget.

#include "tests/sim/world.hpp"

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kSilenceSeen = 2500ms; // a worker's, with all that it takes to see it
constexpr Duration kSettledTold = 3s;
constexpr Duration kHeard = 3s; // by the ventilator, what the sink has said
// Three deaths are counted. Others may be blamed for the first ones: what died with its worker, having
// run, looks like what killed it.
constexpr int kKilledMost = 6;

} // namespace

void World::note_arrival(const Submit& submit) {
    for (const SubmitRow& row : submit.rows) {
        Job& job = job_named(row.id.text());
        job.came_first = std::min(job.came_first, now_);
        job.came_last = now_;
    }
}

void World::note_numbers(const Store& store) {
    for (std::size_t i = 0; i < store.rows.size(); ++i) numbers_[store.rows[i].id.text()] = store.first + i;
}

// It is given to a worker right now.
void World::check_dispatch(const Worker& w, const JobRow& row) {
    const std::string id = row.id.text();
    const Job& job = job_named(id);
    const bool was_submitted = job.came_first != kNever && wishes_.contains(id);
    if (was_submitted && row.attempt == 1) {
        const Terms& wish = wishes_.at(id);
        if (now_ < job.came_first + wish.delay) fail(id + " was started before its delay was over");
        // A ventilator that took it over counts from when the sink had it.
        const bool has_ttl = wish.ttl > Duration(0) && plan_.ventilator_kill == 0;
        if (has_ttl && now_ > job.came_last + wish.ttl + kTimersLate) fail(id + " was started after its time");
    }
    const bool is_silent = w.sdk && w.asleep_until > now_ && w.asleep_since + kSilenceSeen < now_;
    if (is_silent && v_asleep_until_ + kSilenceSeen < now_) fail(w.name + " is silent and got " + id);
}

// Nothing ends an attempt but its worker's answer.
bool World::is_calm() const {
    return plan_.crash + plan_.poison + plan_.lane_reset + plan_.pause + plan_.result_reset + plan_.sink_kill +
               plan_.sink_pause + plan_.ventilator_kill + plan_.ventilator_pause + plan_.answer_lost +
               plan_.stall + plan_.tight ==
           0;
}

// What a client was told is cancelled is not sent; a fault may keep the ventilator from hearing of it.
void World::check_order(const Worker& w, const JobBatch& batch, const JobRow& row) {
    const std::string id = row.id.text();
    const Job& job = job_named(id);
    const bool hears_late = plan_.link_break + plan_.middle_lost + plan_.disk_full > 0;
    const bool has_heard = job.cancelled != kNever && job.cancelled + kHeard < now_;
    if (has_heard && is_calm() && !hears_late) fail(id + " was sent, and is cancelled");
    // Without ageing the more urgent go first, of a kind and among those that this worker takes. Others of
    // a call go with its first; what was sent before has rules of its own. Not each is looked at: it takes
    // time.
    const bool is_strict = plan_.ageing == 0 && plan_.settings == 0 && plan_.lane_bytes == 0;
    const bool is_first = !batch.together || &row == &batch.rows.front();
    const auto wish = wishes_.find(id);
    if (!is_strict || !is_first || row.attempt != 1 || row.number % 4 != 0 || wish == wishes_.end()) return;
    AskPosition question;
    for (const auto& [other, number] : numbers_) {
        const auto its = wishes_.find(other);
        if (its == wishes_.end() || job_named(other).dispatched > 0) continue;
        const Terms& t = its->second;
        const bool may_go = t.kind == batch.kind && (t.needs.empty() || w.has_label);
        if (may_go && t.priority > wish->second.priority) question.numbers.push_back(number);
    }
    for (const auto& at : dispatcher_->positions(question, now_).rows) {
        if (at.position > 0) fail("a job more urgent than " + id + " waits");
    }
}

// Each of them counts then.
void World::check_attempts(const std::string& id, const Job& job) {
    if (!is_calm() || job.lost > 0 || !wishes_.contains(id)) return;
    const int most = static_cast<int>(wishes_.at(id).max_attempts);
    if (job.dispatched > most) fail(id + " had more attempts than it may have");
    if (job.outcome == State::failed && job.dispatched < most && !family_of_.contains(id)) {
        fail(id + " had fewer attempts than it may have");
    }
}

// Nobody's job ends so who did not ask for it.
void World::check_reason(const std::string& id) {
    const auto asked = ask(AskStatus{*JobId::parse(id), true});
    const JobView& job = std::get<JobAnswer>(asked.replies.at(0).answer).job;
    const auto wish = wishes_.find(id);
    if (wish == wishes_.end()) return;
    if (job.state == State::succeeded && job.value != value_of(id)) fail(id + " has the result of another");
    check_last_attempt(id, job);
    const bool was_lost = job.failure && job.failure->code == "worker-lost";
    if (was_lost && wish->second.redeliver) fail(id + " was not redelivered");
    if (job.state == State::expired && wish->second.ttl == Duration(0)) fail(id + " has no ttl and expired");
}

// What must not be redelivered is tried again when a run of it failed, and never because nobody knows
// how one ended. What a ventilator sent in its last milliseconds is not known to the next one.
void World::note_begun(const JobId& id) {
    Job& job = job_named(id.text());
    const auto wish = wishes_.find(id.text());
    const bool once = wish != wishes_.end() && !wish->second.redeliver && wish->second.timeout > 60s;
    if (++job.begun > job.failed + 1 && once && plan_.ventilator_kill + plan_.ventilator_pause == 0) {
        fail(id.text() + " ran again, and must not be redelivered");
    }
}

void World::note_killed(const JobId& id) {
    const bool sees_deaths = plan_.lane_reset + plan_.pause + plan_.result_reset + plan_.sink_kill +
                                 plan_.ventilator_kill + plan_.ventilator_pause + plan_.answer_lost +
                                 plan_.vanish ==
                             0 &&
                             plan_.storm <= 1;
    const int killed = ++job_named(id.text()).killed;
    if (sees_deaths && killed > kKilledMost) fail(id.text() + " killed " + std::to_string(killed) + " workers");
}

// A machine that wants to be called at a time that is over never lets its process sleep.
void World::check_wakes() {
    if (dispatcher_->wake_at() <= now_) fail("the ventilator never sleeps");
}

// Who keeps results is told which of them are settled.
void World::check_kept() {
    const bool is_late = plan_.link_break + plan_.sink_pause + plan_.ventilator_pause + plan_.stall +
                             plan_.middle_lost + plan_.disk_full >
                         0;
    const bool loses = plan_.lane_reset + plan_.pause + plan_.result_reset + plan_.sink_kill +
                           plan_.ventilator_kill + plan_.answer_lost >
                       0;
    for (const auto& w : workers_) {
        if (is_late || loses || !w->alive || w->lane == 0) continue;
        for (const Kept& kept : w->kept) {
            if (kept.since + kSettledTold < now_) fail(w->name + " keeps what is settled: " + kept.held.id.text());
        }
    }
}

} // namespace penstock::sim
