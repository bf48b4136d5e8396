#include "ventilator/waiting.hpp"

#include <algorithm>

namespace penstock::ventilator {
namespace {

constexpr std::size_t kEmptyQueuesMax = 8; // kept at a priority for tenants that come back
// At a priority of a line. Tenants beyond them share queues, and so turns.
constexpr std::size_t kQueuesMax = 1'000;

} // namespace

Waiting::~Waiting() {
    for (const auto& level : levels_) {
        if (!level) continue;
        for (const auto& [tenant, queue] : level->by_tenant) queues_.queues.release(queue);
    }
}

Waiting::Level& Waiting::level_of(int priority) {
    auto& level = levels_[static_cast<std::size_t>(priority)];
    if (!level) level = std::make_unique<Level>();
    return *level;
}

Index Waiting::queue_of(TermsTable::Pointer terms) {
    auto& last = terms->second.queue;
    const bool is_known = last.life != 0 && queues_.queues[last.index].life == last.life;
    if (is_known && queues_.queues[last.index].line == line_) return last.index;
    const Terms& t = terms->first;
    auto& by_tenant = level_of(t.priority).by_tenant;
    auto found = by_tenant.find(t.tenant);
    if (found == by_tenant.end() && by_tenant.size() >= kQueuesMax) {
        found = by_tenant.lower_bound(t.tenant);
        if (found == by_tenant.end()) found = by_tenant.begin();
    }
    if (found == by_tenant.end()) {
        const Index index = queues_.queues.allocate();
        Queue& queue = queues_.queues[index];
        queue.line = line_;
        queue.priority = t.priority;
        queue.life = ++queues_.lives;
        queue.tenant = t.tenant;
        found = by_tenant.emplace(t.tenant, index).first;
    }
    last = {found->second, queues_.queues[found->second].life};
    return found->second;
}

Index Waiting::push(TermsTable::Pointer terms, const Coming& coming, std::uint32_t turn) {
    const Index index = queue_of(terms);
    Queue& queue = queues_.queues[index];
    Level& level = *levels_[static_cast<std::size_t>(queue.priority)];
    if (queue.rounds.count() == 0) {
        queues_.turns.push_back(level.turns, index);
        if (level.turns.count == 1) level.used = 0;
    }
    if (coming.again)
        queue.rounds.push_first(queues_.places, coming.job);
    else
        queue.rounds.push(queues_.places, coming.job, coming.member, turn);
    level.ages.add(Ages::slot_of(coming.since, queues_.slot_width));
    ++level.count;
    ++count_;
    occupied_ |= 1u << queue.priority;
    return index;
}

void Waiting::remove(Index job, Index index, Instant since) {
    Queue& queue = queues_.queues[index];
    Level& level = *levels_[static_cast<std::size_t>(queue.priority)];
    queue.rounds.remove(queues_.places, job);
    left(level, index, since);
}

void Waiting::take(Index job, Index index, Instant since, std::uint32_t turn) {
    Queue& queue = queues_.queues[index];
    Level& level = *levels_[static_cast<std::size_t>(queue.priority)];
    PENSTOCK_CHECK(level.turns.first == index && queue.rounds.first() == job);
    queue.rounds.take(queues_.places);
    if (++level.used >= turn && queue.rounds.count() > 0) {
        queues_.turns.remove(level.turns, index);
        queues_.turns.push_back(level.turns, index);
        level.used = 0;
    }
    left(level, index, since);
}

// A job left the level; its queue may have become empty.
void Waiting::left(Level& level, Index index, Instant since) {
    level.ages.remove(Ages::slot_of(since, queues_.slot_width));
    --level.count;
    --count_;
    Queue& queue = queues_.queues[index];
    if (level.count == 0) occupied_ &= ~(1u << queue.priority);
    if (queue.rounds.count() > 0) return;
    if (level.turns.first == index) level.used = 0;
    queues_.turns.remove(level.turns, index);
    if (level.by_tenant.size() <= level.turns.count + kEmptyQueuesMax) return;
    level.by_tenant.erase(level.by_tenant.find(queue.tenant));
    queues_.queues.release(index);
}

Index Waiting::first(int priority) const {
    const Level& level = *levels_[static_cast<std::size_t>(priority)];
    return queues_.queues[level.turns.first].rounds.first();
}

// Tenants have their turns in the order in which they stand, the first one what is left of its
// turn. So until a job's turn comes, each other tenant has had as many turns, one more if it stands
// before.
std::uint64_t Waiting::before(Index job, Index index, std::uint32_t turn) const {
    const Queue& own = queues_.queues[index];
    const Level& level = *levels_[static_cast<std::size_t>(own.priority)];
    const std::uint64_t rank = own.rounds.before(queues_.places, job);
    if (level.turns.count < 2) return rank;
    const bool is_first = level.turns.first == index;
    const std::uint64_t rest = turn - std::min(turn - 1, level.used); // of the first one's turn
    std::uint64_t turns = rank / turn; // that it has had before the one in which the job goes
    if (is_first) turns = rank < rest ? 0 : 1 + (rank - rest) / turn;
    std::uint64_t jobs = rank;
    bool stands_before = true;
    for (Index at = level.turns.first; at != kNoIndex; at = queues_.turns.next(at)) {
        if (at == index) {
            stands_before = false;
            continue;
        }
        std::uint64_t theirs = (turns + (stands_before ? 1 : 0)) * turn;
        if (at == level.turns.first) theirs = turns * turn + rest; // it stands before
        jobs += std::min<std::uint64_t>(theirs, queues_.queues[at].rounds.count());
    }
    return jobs;
}

std::uint64_t Waiting::count(int priority) const {
    const auto& level = levels_[static_cast<std::size_t>(priority)];
    return level ? level->count : 0;
}

Instant Waiting::oldest(int priority) const {
    const auto& level = levels_[static_cast<std::size_t>(priority)];
    return level ? level->ages.oldest(queues_.slot_width) : kNever;
}

} // namespace penstock::ventilator
