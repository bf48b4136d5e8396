// Those who submit jobs, cancel them, and set what holds for their kinds.

#include "gateway/ids.hpp"
#include "tests/sim/world.hpp"

#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

Terms World::draw_terms() {
    Terms t;
    t.kind = "k" + std::to_string(static_cast<int>(chance_.unit() * 2));
    t.priority = static_cast<int>(chance_.unit() * 10);
    t.timeout = happens(0.5) ? Duration(5s) : Duration(3600s);
    const bool loses = plan_.vanish > 0 || plan_.lane_reset > 0 || plan_.sink_kill > 0 ||
                       plan_.result_reset > 0;
    if (loses) t.timeout = 5s;
    t.max_attempts = 1 + static_cast<std::uint32_t>(chance_.unit() * 4);
    if (happens(0.2)) t.delay = between(0s, 3s);
    if (happens(0.1)) t.ttl = between(100ms, 5s);
    t.redeliver = !happens(0.1);
    const int tenant = static_cast<int>(chance_.unit() * plan_.tenants);
    t.tenant = std::string(1, static_cast<char>('A' + tenant));
    if (happens(plan_.needs)) t.needs = {"l0"};
    if (plan_.fair) t.timeout = plan_.hang > 0 ? draw_timeout() : 3600s;
    if (plan_.steady > 0) { // all alike, but for who goes first
        t.kind = "k0";
        t.delay = t.ttl = 0s;
    }
    return t;
}

// With ids of the client's own, or those that its Idempotency-Keys come to: so it may ask again.
void World::submit_some() {
    Wish& wish = requests_.emplace_back();
    wish.batch.terms = draw_terms();
    if (happens(plan_.needs)) wish.batch.terms.content_type = "text/plain";
    wish.batch.apart = happens(0.3);
    const bool by_key = happens(0.3);
    const int rows = 1 + static_cast<int>(chance_.unit() * 8);
    if (plan_.alike && happens(0.3)) wish.batch.terms.content_type = "text/plain";
    for (int i = 0; i < rows; ++i) {
        const std::string name = "j" + std::to_string(jobs_.size() + 1);
        const std::string id = by_key ? gateway::id_of_key(wish.batch.terms.tenant, name).text() : name;
        Job& job = job_named(id);
        job.poison = happens(plan_.poison);
        job.may_expire = wish.batch.terms.ttl > Duration(0);
        wishes_[id] = wish.batch.terms;
        const auto& body = bodies_[id] = job.poison ? std::string("\xa1p") : std::string("\xa1g");
        wish.batch.rows.push_back({job.id, body});
        wish.bytes += body.size();
        wish.ids.push_back(id);
        if (happens(plan_.cancel)) at(between(0s, 3s), [this, id] { cancel(id); });
        if (happens(plan_.retry)) at(between(1s, 6s), [this, id] { retry_soon(id); });
    }
    ++requests_open_;
    const std::size_t request = requests_.size() - 1;
    submit(request);
    if (happens(plan_.resubmit)) at(between(0s, 2s), [this, request] { submit(request); });
}

void World::submit(std::size_t request) {
    ++requests_[request].under_way;
    send(to_gateway_, [this, request] { gateway_takes(request); });
}

void World::hear(std::size_t request, const std::vector<Refusal>& refused) {
    Wish& wish = requests_[request];
    --wish.under_way;
    for (const auto& [id, why] : refused) {
        saw("not accepted: " + why);
        if (why == "id-conflict" || why == "unknown-kind") fail(id + " was refused: " + why);
    }
    if (!refused.empty()) {
        at(between(50ms, 1s), [this, request] { submit(request); });
    } else if (!std::exchange(wish.accepted, true)) {
        --requests_open_;
    }
}

// The gateway has gone, and every client that waited for it asks again.
void World::lose_patience() {
    for (std::size_t i = 0; i < requests_.size(); ++i) {
        if (std::exchange(requests_[i].under_way, 0) == 0) continue;
        at(between(1ms, hastened(1s)), [this, i] { submit(i); });
    }
}

// They find that their jobs are unknown.
void World::submit_all_again() {
    for (std::size_t i = 0; i < requests_.size(); ++i) {
        if (std::exchange(requests_[i].accepted, false)) ++requests_open_;
        submit(i);
    }
}

void World::cancel(const std::string& id) {
    ledger_->ask(0, {}, AskCancel{*JobId::parse(id)}, both_now(), s_out());
    const auto& said = std::get<CancelAnswer>(s_out().replies.back().answer);
    if (said.result == CancelResult::cancelled) {
        Job& job = job_named(id);
        job.cancelled = std::min(job.cancelled, now_);
    }
}

bool World::set_kind(const AskKind& wish) {
    const sink::Outbox asked = ask(wish);
    auto& rows = s_out().kinds.rows;
    rows.insert(rows.end(), asked.kinds.rows.begin(), asked.kinds.rows.end());
    return std::holds_alternative<KindAnswer>(asked.replies.at(0).answer);
}

} // namespace penstock::sim
