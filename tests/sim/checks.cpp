// What has to hold: after every fault, and at the end.

#include "tests/sim/world.hpp"

#include <algorithm>
#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

constexpr double kCallMost = 7; // jobs that may start at once, however few a second

} // namespace

void World::fail(const std::string& why) {
    if (!failure_.empty()) return;
    failure_ = why + " (at " + std::to_string(seconds(now_.time_since_epoch()) - 3600) + " s)";
}

// Of a kind that was given jobs right now.
void World::check_limits(const JobBatch& batch) {
    if (plan_.settings == 0) return;
    for (const auto& kind : dispatcher_->stats(now_).kinds) {
        if (kind.kind != batch.kind) continue;
        if (kind.settings.paused.value_or(false)) fail(kind.kind + " is paused and was sent");
        if (kind.running > kind.settings.max_running.value_or(UINT32_MAX)) {
            fail("more of " + kind.kind + " run than may");
        }
        check_rate(batch, kind.settings.rate.value_or(0));
    }
}

// While one ventilator has known one rate. A call of several jobs is paid for when it is made.
void World::check_rate(const JobBatch& batch, double rate) {
    constexpr Duration kWindow = 1s;
    Paced& paced = paced_[batch.kind];
    if (paced.rate != rate || paced.life != v_life_) paced = {rate, v_life_, {}};
    paced.starts.insert(paced.starts.end(), batch.rows.size(), now_);
    while (paced.starts.front() <= now_ - kWindow) paced.starts.pop_front();
    const std::size_t before = paced.starts.size() - batch.rows.size();
    if (rate > 0 && static_cast<double>(before) > rate * seconds(kWindow) + kCallMost) {
        fail("more of " + batch.kind + " start than its rate allows");
    }
}

Job& World::job_named(const std::string& id) {
    const auto [found, is_new] = jobs_.try_emplace(id);
    if (is_new) found->second.id = *JobId::parse(id);
    return found->second;
}

// What the sink did to jobs in the event that just ended. With a store nothing is true before it is
// written: then `committed` looks.
void World::check_touched() {
    for (const JobId& id : std::exchange(touched_, {})) check_touched(id);
}

void World::check_touched(const JobId& id) {
    const std::string text = id.text();
    if (const auto job = jobs_.find(text); job != jobs_.end()) check_job(text, job->second);
}

void World::check_all_jobs() {
    for (auto& [id, job] : jobs_) check_job(id, job);
}

// What was stored stays, and so does an outcome.
void World::check_job(const std::string& id, Job& job) {
    std::optional<State> outcome;
    if (plan_.durable) { // what the sink believes may not be safe yet
        const bool is_stored = disk_.find(job.id) != nullptr;
        if (job.stored && !is_stored) fail(id + " was stored, and is gone");
        job.stored = is_stored;
        if (const auto* row = disk_.outcome(job.id)) outcome = row->state;
    } else {
        outcome = ledger_->state_of(job.id);
        if (outcome && !is_final(*outcome) && !job.outcome) return;
    }
    if (!outcome && job.outcome) fail(id + " lost its outcome");
    if (outcome && job.outcome && *outcome != *job.outcome) fail(id + " changed its outcome");
    if (outcome) job.outcome = outcome;
}

sink::Outbox World::ask(const StatusQuestion& question) {
    sink::Outbox asked;
    ledger_->ask(0, {}, question, both_now(), asked);
    return asked;
}

std::string World::describe(const std::string& id) {
    const sink::Outbox asked = ask(AskStatus{*JobId::parse(id), false});
    const auto& answer = std::get<JobAnswer>(asked.replies.at(0).answer);
    if (answer.found != Found::found) return id + " (unknown to the sink)";
    const JobView& job = answer.job;
    return id + " (" + std::string(to_string(job.state)) + ", attempt " +
           std::to_string(job.attempt) + ", deaths " + std::to_string(job.deaths) + ", worker " +
           job.worker + ", number " + std::to_string(job.number) + ", \"" +
           dispatcher_->explain(job.number, now_).text + "\", dispatched " + std::to_string(job_named(id).dispatched) + ")";
}

void World::check() {
    check_all_jobs();
    for (auto& [id, job] : jobs_) {
        ++endings_[job.outcome ? std::string(to_string(*job.outcome)) : "lost with its sink"];
        if (!job.outcome && !job.outcome_lost) fail(describe(id) + " has no outcome");
        check_attempts(id, job);
        check_reason(id);
        if (job.poison && job.outcome == State::succeeded) fail(id + " is poison and succeeded");
    }
    for (const Family& family : families_) check_family(family);
    check_readers();
    check_slow_listener();
    if (dispatcher_->open_jobs() != 0) {
        fail("the dispatcher still holds " + std::to_string(dispatcher_->open_jobs()) + " jobs");
    }
    const sink::Outbox asked = ask(AskStats{});
    const auto& stats = std::get<SinkStats>(asked.replies.at(0).answer);
    std::uint64_t outcomes = 0;
    for (const auto& k : stats.kinds) {
        outcomes += k.succeeded + k.failed + k.cancelled + k.expired + k.quarantined;
    }
    const bool counts_all = !plan_.durable || sink_life_ == 1;
    if (counts_all && outcomes != stats.finished_jobs) fail("outcomes were counted twice");
    if (const std::string held = held_for_nothing(); !held.empty()) fail(held);
}

// Credit that is used though nothing is held for it. Empty: there is none.
std::string World::held_for_nothing() {
    // Where answers are lost with their connections, what was taken away is waited for for a minute.
    if (plan_.lane_reset > 0 || plan_.sink_kill > 0 || plan_.result_reset > 0) return {};
    for (const auto& view : dispatcher_->workers(now_).workers) {
        for (const auto& w : workers_) {
            const bool says_something = std::any_of(
                w->on_the_way.begin(), w->on_the_way.end(),
                [](const auto& lane) { return !lane.second.empty(); }); // it woke a moment ago
            const bool calm = w->alive && w->name == view.worker && w->running.empty() &&
                              !says_something && w->asleep_until <= now_;
            if (calm && view.outstanding != 0) {
                return view.worker + " holds nothing but has used credit for " +
                       std::to_string(view.outstanding) + " on lane " + std::to_string(w->lane);
            }
        }
    }
    return {};
}

} // namespace penstock::sim
