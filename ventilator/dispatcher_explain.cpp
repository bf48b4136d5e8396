// Where a job stands in its queue, when it may start, and why it is not running yet.

#include "ventilator/dispatcher.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace penstock::ventilator {
namespace {

std::string quoted(const std::string& name) {
    return "`" + name + "`";
}

std::string listed(const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& name : names) out += (out.empty() ? "" : ",") + name;
    return out;
}

std::string count_of(std::uint64_t count, const std::string& word) {
    return std::to_string(count) + " " + word + (count == 1 ? "" : "s");
}

std::string plain(double number) { // 10, 0.5
    std::array<char, 32> text{};
    const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    return {text.data(), end};
}

std::string for_people(Duration time) {
    const double s = seconds(std::max(time, Duration(0)));
    if (s < 1) return std::to_string(std::lround(s * 1000)) + " ms";
    if (s < 120) return std::to_string(std::lround(s)) + " s";
    return std::to_string(std::lround(s / 60)) + " min";
}

} // namespace

// So many of the kind's jobs can run at a time.
std::uint64_t Dispatcher::most_at_once(const KindState& kind) {
    const auto& limit = kind.settings.max_running;
    return limit ? std::min<std::uint64_t>(kind.slots, *limit) : kind.slots;
}

// Of its kind. What waits with other needs shares the kind's turns: as many of them as of its own.
std::uint64_t Dispatcher::count_before(const Record& r, Index index, Instant now) {
    const int priority = r.terms->first.priority;
    const Line& own = line_of(r);
    std::uint64_t jobs = 0;
    if (r.deaths > 0) {
        for (Index at = own.suspects.first; at != index; at = links_.next(at)) ++jobs;
        return jobs;
    }
    Pool* pool = own.claims.empty() ? nullptr : &roster_.pool(own.claims.front().pool);
    if (pool != nullptr) pool->look_at_ages(now, limits_.ageing);
    const std::uint64_t rank = own.waiting.before(index, r.lane, r.kind->turn());
    const KindState& kind = *r.kind;
    jobs += kind.suspects;
    for (int other = 0; other <= kPriorityMax; ++other) {
        const bool first = pool == nullptr ? other > priority
                                           : pool->goes_before(other, priority, limits_.ageing);
        if (other != priority && first) jobs += kind.waiting[static_cast<std::size_t>(other)];
    }
    const auto p = static_cast<std::size_t>(priority);
    const std::uint64_t elsewhere = kind.waiting[p] - own.waiting.count(priority);
    jobs += std::min(elsewhere, rank * (kind.waiting_lines[p] - 1));
    return jobs + rank;
}

Dispatcher::Standpoint Dispatcher::standpoint(Index index, Instant now) {
    Standpoint out;
    const Record& r = records_[index];
    const KindState& kind = *r.kind;
    if (r.stage == Stage::delayed) out.start_in = std::max(0.0, seconds(r.due - now));
    if (r.stage != Stage::queued) return out;
    out.position = count_before(r, index, now) + 1;
    const KindSettings& set = kind.settings;
    const bool paused = set.paused.value_or(false);
    if (paused || !sees_worker(line_of(r), r.terms->first.priority)) return out;
    const auto at_once = static_cast<double>(most_at_once(kind));
    double pace = kind.pace.per_run() * at_once;
    if (pace <= 0 && kind.run_us > 0) {
        const Share* share = line_of(r).claims.empty() ? nullptr : &roster_.pool(line_of(r).claims.front().pool).shares[line_of(r).claims.front().share];
        const double together = share == nullptr ? 1 : std::max(1u, share->together.max);
        pace = at_once * together * 1e6 / kind.run_us;
    }
    const auto position = static_cast<double>(out.position);
    // The next one starts when a slot gets free: half a turn from now, as far as one can know.
    if (pace > 0) out.start_in = (position - 0.5) / pace;
    const bool by_rate = set.rate && (pace <= 0 || pace > 0.9 * *set.rate);
    if (by_rate) { // when it may is known
        const double next = std::max(0.0, seconds(kind.rate.wake_at() - now));
        out.start_in = next + (position - 1) / *set.rate;
    }
    return out;
}

Positions Dispatcher::positions(const AskPosition& question, Instant now) {
    Positions out;
    for (const JobNumber number : question.numbers) {
        const Index index = find(number);
        const Standpoint at = index == kNoIndex ? Standpoint() : standpoint(index, now);
        out.rows.push_back({number, at.position, at.start_in});
    }
    return out;
}

// ---- why ----------------------------------------------------------------------------------

Explanation Dispatcher::explain(JobNumber number, Instant now) {
    Explanation out;
    const Index index = find(number);
    if (index == kNoIndex) {
        out.text =
            "This ventilator does not have the job open: it is finished, or of an older one.";
        return out;
    }
    out.known = true;
    const Record& r = records_[index];
    const Standpoint at = standpoint(index, now);
    out.position = at.position;
    out.start_in = at.start_in;
    const bool is_running = r.stage == Stage::out;
    if (!sink_is_up_ && !is_running) {
        out.why = "sink-away";
        out.text = "Nothing is dispatched while the sink can't be reached: see that it runs, and "
                   "that the ventilator's --sink names it.";
        return out;
    }
    switch (r.stage) {
    case Stage::delayed:
        out.why = "delayed";
        if (r.runs) {
            out.text = "A worker of the ventilator before may be running it, and is waited for "
                       "for another ";
        } else {
            out.text = r.attempt > 0 ? "Attempt " + std::to_string(r.attempt) +
                                           " failed: the next one starts in "
                                     : "It asked to start later: in ";
        }
        out.text += for_people(r.due - now) + ".";
        break;
    case Stage::queued:
        explain_queued(index, out);
        break;
    case Stage::out:
        explain_out(r, now, out);
        break;
    default:
        out.why = "storing";
        out.text = "The ventilator waits for the sink to record what happened last. That takes "
                   "milliseconds: if it stays so, look at the sink's log.";
        break;
    }
    return out;
}

// A worker that is not silent, and may be given jobs.
bool Dispatcher::sees_worker(const Line& line, int priority) const {
    return std::any_of(line.claims.begin(), line.claims.end(), [&](const Line::Claim& claim) {
        const Pool& pool = roster_.pool(claim.pool);
        return priority >= pool.min_priority && pool.able > 0;
    });
}

std::string Dispatcher::no_worker_text(const Line& line, int priority) const {
    const KindState& kind = *line.kind;
    if (kind.workers == 0) {
        return "No worker has the kind " + quoted(kind.name) +
               ": start one that does (penstock "
               "worker --kinds " +
               kind.name + ").";
    }
    if (line.claims.empty()) {
        const bool is_one = kind.workers == 1;
        return (is_one ? "The one worker" : "None of the " + count_of(kind.workers, "worker")) +
               " with the kind " + quoted(kind.name) + (is_one ? " has not" : " has") +
               " all the labels that the job needs: start one with --labels " +
               listed(line.needs) + ".";
    }
    int least = kPriorityMax;
    for (const auto& claim : line.claims) {
        least = std::min(least, roster_.pool(claim.pool).min_priority);
    }
    return "The workers for it take no priority below " + std::to_string(least) +
           ", and the job has " + std::to_string(priority) +
           ": start one without --min-priority, or submit it with a higher priority.";
}

void Dispatcher::explain_queued(Index index, Explanation& out) {
    const Record& r = records_[index];
    const KindState& kind = *r.kind;
    const Line& line = line_of(r);
    const int priority = r.terms->first.priority;
    const auto& settings = kind.settings;
    const bool has_claim = std::any_of(line.claims.begin(), line.claims.end(), [&](const auto& c) {
        return priority >= roster_.pool(c.pool).min_priority;
    });
    if (draining_) {
        out.why = "draining";
        out.text = "The ventilator is leaving and dispatches nothing more: start the next one.";
    } else if (settings.paused.value_or(false)) {
        out.why = "paused";
        out.text =
            "The kind " + quoted(kind.name) + " is paused: penstock resume " + kind.name + ".";
    } else if (!has_claim) {
        out.why = "no-worker";
        out.text = no_worker_text(line, priority);
    } else if (settings.max_running && kind.running + kind.ghosts >= *settings.max_running) {
        out.why = "max-running";
        const std::uint64_t running = kind.running + kind.ghosts;
        out.text = count_of(running, "job") + " of the kind " + (running == 1 ? "runs" : "run") +
                   ", and no more may (max_running " +
                   std::to_string(*settings.max_running) + "): it is number " +
                   std::to_string(out.position) + " of those that wait.";
    } else if (kind.held && settings.rate) {
        out.why = "rate";
        out.text = "The kind may start " + plain(*settings.rate) +
                   " a second (rate): it is number " + std::to_string(out.position) +
                   " of those that wait.";
    } else if (r.deaths > 0) {
        out.why = "suspect";
        out.text = count_of(r.deaths, "worker") + " died while it may have been running it: it "
                                                  "waits for a worker that it can have to itself.";
    } else if (!sees_worker(line, priority)) {
        out.why = "workers-silent";
        out.text = "Every worker that could take it is silent, leaving, or not connected yet: look "
                   "at penstock workers, and start another.";
    } else if (const Share* share = gathering(line, priority)) {
        out.why = "batch";
        out.text = "Its workers take up to " + count_of(share->together.max, "job") +
                   " together: it waits for others, " + for_people(share->together.wait) +
                   " at most.";
    } else {
        out.why = "position";
        out.text = "It is number " + std::to_string(out.position) + " of " +
                   std::to_string(kind.queued) + " that wait for the " +
                   (kind.slots == 1 ? "one slot" : count_of(kind.slots, "slot")) +
                   " of its kind: more workers start it sooner.";
    }
}

void Dispatcher::explain_out(const Record& r, Instant now, Explanation& out) const {
    const LaneState& lane = roster_[r.lane];
    out.why = "running";
    out.text = "Attempt " + std::to_string(r.attempt) + " was given to the worker " +
               quoted(lane.worker) + " " + for_people(now - r.dispatched) + " ago";
    if (lane.silent) {
        out.why = "workers-silent";
        out.text += ", which has not been heard of for " + for_people(now - lane.heard) +
                    ": if it stays silent its jobs go elsewhere.";
    } else if (r.cancelling) {
        out.text += ", and was cancelled: the worker has been told.";
    } else {
        out.text += ".";
    }
}

} // namespace penstock::ventilator
