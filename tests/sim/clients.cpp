// Those who submit jobs, cancel them, and set what holds for their kinds.

#include "tests/sim/world.hpp"

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
    return t;
}

void World::submit_some() {
    Submit batch;
    batch.terms = draw_terms();
    batch.apart = happens(0.3);
    const int count = 1 + static_cast<int>(chance_.unit() * 8);
    for (int i = 0; i < count; ++i) {
        const std::string id = "j" + std::to_string(jobs_.size() + 1);
        Job& job = job_named(id);
        job.poison = happens(plan_.poison);
        job.may_expire = batch.terms.ttl > Duration(0);
        wishes_[id] = batch.terms;
        const auto& body = bodies_[id] = job.poison ? std::string("\xa1p") : std::string("\xa1g");
        batch.rows.push_back({*JobId::parse(id), body});
        if (happens(plan_.cancel)) at(between(0s, 3s), [this, id] { cancel(id); });
        if (happens(plan_.retry)) at(between(1s, 6s), [this, id] { retry_soon(id); });
    }
    const std::string frame = encode(batch);
    const auto deliver = [this, frame] {
        auto decoded = decode_ventilator_door(reader_, frame);
        dispatcher_->on(std::move(std::get<Submit>(decoded.messages.at(0))), now_, v_out_);
    };
    send(to_door_, deliver);
    submissions_.push_back([this, deliver] { send(to_door_, deliver); });
    if (happens(plan_.resubmit)) at(between(0s, 2s), [this, deliver] { send(to_door_, deliver); });
}

void World::cancel(const std::string& id) {
    ledger_->ask(0, {}, AskCancel{*JobId::parse(id)}, both_now(), s_out_);
}

bool World::set_kind(const AskKind& wish) {
    const sink::Outbox asked = ask(wish);
    auto& rows = s_out_.kinds.rows;
    rows.insert(rows.end(), asked.kinds.rows.begin(), asked.kinds.rows.end());
    return std::holds_alternative<KindAnswer>(asked.replies.at(0).answer);
}

} // namespace penstock::sim
