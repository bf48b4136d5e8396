// What is left when everything has ended: in the machines, on the disk, and in a sink that begins with
// that disk.

#include "tests/sim/world.hpp"

#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

// What has to be the same in the next life.
std::string in_short(const StatusAnswer& answer) {
    if (const auto* group = std::get_if<GroupAnswer>(&answer)) {
        return group->id.text() + " " + std::string(to_string(group->found)) + " " +
               std::string(to_string(group->state)) + " " + std::to_string(group->succeeded) + " of " +
               std::to_string(group->finished) + " of " + std::to_string(group->members) + ", then " +
               group->then.text() + ", on failure " + group->on_failure.text();
    }
    const auto& [found, why, job] = std::get<JobAnswer>(answer);
    std::string out = job.id.text() + " " + std::string(to_string(found)) + " " +
                      std::string(to_string(job.state)) + ", attempt " + std::to_string(job.attempt) +
                      ", deaths " + std::to_string(job.deaths) + ", value " +
                      std::to_string(job.value.size()) + ", of " + job.group.text() + ", after " +
                      job.retry_of.text() + ", at " + std::to_string(job.finished_at);
    if (job.failure) out += ", " + job.failure->code + ": " + job.failure->message;
    return out;
}

} // namespace

void World::check_remains() {
    disk_.write(std::exchange(writing_, {})); // all that is under way
    check_kept();
    check_dispatcher_is_empty();
    check_what_would_be_restored();
    if (failure_.empty()) check_that_it_goes();
}

// An open job is what the dispatcher holds, and there is none.
void World::check_dispatcher_is_empty() {
    const Room room = dispatcher_->room();
    const ventilator::Limits limits = dispatcher_limits(plan_);
    if (room.jobs_free != limits.jobs_max) fail("the dispatcher holds jobs that are not open");
    if (room.bytes_free != limits.bytes_max) fail("the dispatcher counts bytes of no job");
    if (dispatcher_->terms() > 0) fail("the dispatcher keeps terms of no job");
    const DispatchStats stats = dispatcher_->stats(now_);
    if (dispatcher_->pools() > stats.workers) fail("the dispatcher keeps a pool without lanes");
    for (const auto& kind : stats.kinds) {
        if (kind.queued + kind.running > 0) fail("jobs of " + kind.kind + " wait or run, and none is open");
        const auto known = std::get<KindAnswer>(ask(AskKind{kind.kind, {}, {}}).replies.at(0).answer);
        if (!(kind.settings == known.settings)) fail(kind.kind + " is not as it was set");
    }
}

// A sink that reads its disk says the same of everything.
void World::check_what_would_be_restored() {
    if (!plan_.durable) return;
    disk_.write(ledger_->take_changes());
    sink::Ledger next(sink::Limits(), seed_, now_);
    next.restore(disk_.read(), both_now());
    next.restored(both_now());
    const auto answer = [&](sink::Ledger& ledger, const StatusQuestion& question) {
        sink::Outbox out;
        ledger.ask(0, {}, question, both_now(), out);
        return in_short(out.replies.at(0).answer);
    };
    const auto compare = [&](const StatusQuestion& question) {
        const std::string is = answer(*ledger_, question), would_be = answer(next, question);
        if (is != would_be) fail(is + " would be restored as " + would_be);
    };
    for (const auto& [id, job] : jobs_) compare(AskStatus{*JobId::parse(id), true});
    for (const Family& f : families_) {
        compare(AskGroup{*JobId::parse(f.id), AskGroup::Until::now, {}, 0, 0, false});
    }
    const auto stats = [&](sink::Ledger& ledger) {
        sink::Outbox out;
        ledger.ask(0, {}, AskStats{}, both_now(), out);
        return std::get<SinkStats>(out.replies.at(0).answer);
    };
    const SinkStats is = stats(*ledger_), would_be = stats(next);
    const bool has_pieces = plan_.pieces > 0; // which no disk keeps
    if (is.bytes != would_be.bytes && !has_pieces) fail("what would be restored has other bytes");
    if (is.finished_jobs != would_be.finished_jobs || would_be.open_jobs != 0) {
        fail("what would be restored are other jobs");
    }
}

// Everything is kept as long as was promised, and then nothing of it remains.
void World::check_that_it_goes() {
    const auto passes = [&](Duration time) {
        now_ += time;
        for (int i = 0; i < 20; ++i) { // a batch that is written lets some go
            ledger_->tick(both_now(), s_out());
            if (plan_.durable) disk_.write(ledger_->take_changes());
        }
    };
    const std::size_t kept = ledger_->jobs();
    const Duration ttl = sink::Limits().result_ttl;
    passes(ttl - kFaultTime - kHealTime); // the first ended after the beginning
    if (ledger_->jobs() != kept) fail("a finished job went before its time");
    passes(kFaultTime + kHealTime);
    const SinkStats left = std::get<SinkStats>(ask(AskStats{}).replies.at(0).answer);
    if (left.finished_jobs + left.open_jobs > 0) fail("jobs are there for ever");
    if (left.bytes > 0) fail("bytes of jobs that are gone are counted");
    if (ledger_->terms() > 0) fail("terms of jobs that are gone are kept");
    if (!plan_.durable) return;
    if (!disk_.is_empty()) fail("the disk keeps what is gone");
}

} // namespace penstock::sim
