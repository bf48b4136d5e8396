// What has to hold: after every fault, and at the end.

#include "tests/sim/world.hpp"

namespace penstock::sim {

using namespace std::chrono_literals;

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
    }
}

// An outcome, once seen, stays; and no lane holds more than the dispatcher believes.
void World::check_job(const std::string& id, Job& job) {
    if (plan_.durable) { // what the sink believes may not be safe yet
        const bool is_stored = disk_.find(*JobId::parse(id)) != nullptr;
        if (job.stored && !is_stored) fail(id + " was stored, and is gone");
        job.stored = is_stored;
        const auto* outcome = disk_.outcome(*JobId::parse(id));
        if (outcome == nullptr && job.outcome) fail(id + " lost its outcome");
        if (outcome == nullptr) return;
        if (job.outcome && outcome->state != *job.outcome) fail(id + " changed its outcome");
        job.outcome = outcome->state;
        return;
    }
    const sink::Outbox asked = ask(AskStatus{*JobId::parse(id), false});
    const auto& answer = std::get<JobAnswer>(asked.replies.at(0).answer);
    if (answer.found != Found::found) {
        if (job.outcome) fail(id + " lost its outcome");
        return;
    }
    if (job.outcome && answer.job.state != *job.outcome) fail(id + " changed its outcome");
    if (is_final(answer.job.state)) job.outcome = answer.job.state;
}

sink::Outbox World::ask(const StatusQuestion& question) {
    sink::Outbox asked;
    ledger_->ask(0, {}, question, both_now(), asked);
    return asked;
}

std::uint64_t World::open_at_sink() {
    return std::get<SinkStats>(ask(AskStats{}).replies.at(0).answer).open_jobs;
}

std::string World::describe(const std::string& id) {
    const sink::Outbox asked = ask(AskStatus{*JobId::parse(id), false});
    const JobView job = std::get<JobAnswer>(asked.replies.at(0).answer).job;
    return id + " (" + std::string(to_string(job.state)) + ", attempt " +
           std::to_string(job.attempt) + ", deaths " + std::to_string(job.deaths) + ", worker " +
           job.worker + ", number " + std::to_string(job.number) + ", \"" +
           dispatcher_->explain(job.number, now_).text + "\", dispatched " + std::to_string(jobs_[id].dispatched) + ")";
}

void World::check() {
    for (auto& [id, job] : jobs_) {
        check_job(id, job);
        if (!job.outcome && !job.outcome_lost) fail(describe(id) + " has no outcome");
        if (job.poison && job.outcome == State::succeeded) fail(id + " is poison and succeeded");
    }
    for (const Family& family : families_) check_family(family);
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
    for (const auto& view : dispatcher_->workers(now_).workers) {
        for (const auto& w : workers_) {
            const bool calm = w->alive && w->name == view.worker && w->running.empty() &&
                              w->asleep_until <= now_;
            const bool loses = plan_.lane_reset > 0 || plan_.sink_kill > 0 || plan_.result_reset > 0;
            if (calm && !loses && view.outstanding != 0) {
                fail(view.worker + " holds nothing but has used credit");
            }
        }
    }
}

} // namespace penstock::sim
