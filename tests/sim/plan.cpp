#include "tests/sim/plan.hpp"

#include <cmath>

namespace penstock::sim {

using namespace std::chrono_literals;

Plan draw_plan(Chance& chance) {
    Plan p;
    const auto maybe = [&](double odds, double most) {
        return chance.unit() < odds ? chance.unit() * most : 0.0;
    };
    const double weather = chance.unit();
    p.storm = weather < 0.25 ? 1 : weather < 0.5 ? 1 + chance.unit() * 4 : 5 + chance.unit() * 15;
    p.jobs = 20 + static_cast<int>(chance.unit() * 100);
    p.workers = 1 + static_cast<int>(chance.unit() * 7);
    p.crash = maybe(0.6, 1.0);
    p.vanish = maybe(0.3, 0.3);
    p.lane_reset = maybe(0.4, 0.6);
    p.pause = maybe(0.4, 0.6);
    p.link_break = maybe(0.5, 1.0);
    p.sink_kill = maybe(0.15, 0.15);
    p.poison = maybe(0.3, 0.05);
    p.flaky = maybe(0.7, 0.4);
    p.busy = maybe(0.3, 0.3);
    p.cancel = maybe(0.4, 0.2);
    p.resubmit = maybe(0.3, 0.3);
    p.needs = maybe(0.4, 0.5);
    p.picky = maybe(0.4, 0.6);
    p.tenants = 1 + chance.unit() * 4;
    p.ageing = chance.unit() < 0.3 ? 0 : 1 + chance.unit() * 5;
    p.together = maybe(0.5, 1.0);
    p.settings = maybe(0.3, 1.0);
    p.ventilator_kill = maybe(0.25, 0.3);
    p.groups = static_cast<int>(maybe(0.5, 8.0));
    p.retry = maybe(0.3, 0.3);
    p.durable = chance.unit() < 0.6;
    if (p.durable) p.sink_kill = maybe(0.7, 0.5);
    p.result_reset = maybe(0.3, 0.5);
    p.ventilator_pause = maybe(0.25, 0.3);
    p.sink_pause = maybe(0.25, 0.3);
    p.stale = maybe(0.3, 1.0);
    p.answer_lost = maybe(0.3, 0.3);
    if (p.durable) p.disk_full = maybe(0.3, 0.3);
    p.gateway_kill = maybe(0.4, 1.0);
    p.tight = chance.unit() < 0.3 ? 1 : 0;
    p.stall = maybe(0.4, 1.0);
    p.middle_lost = maybe(0.4, 2.0);
    p.outage = maybe(0.15, 0.2);
    p.lane_bytes = std::ceil(maybe(0.2, 12));
    return p;
}

Plan draw_fair_plan(Chance& chance) {
    Plan p;
    const auto maybe = [&](double odds, double least, double most) {
        return chance.unit() < odds ? least + chance.unit() * (most - least) : 0.0;
    };
    p.fair = true;
    p.durable = chance.unit() < 0.3;
    p.jobs = 40 + static_cast<int>(chance.unit() * 100);
    p.workers = 1 + static_cast<int>(chance.unit() * 5);
    p.tenants = 1 + chance.unit() * 4;
    p.ageing = 0;
    const double sort = chance.unit();
    if (sort < 0.15) { // one queue, and how long it will take
        p.durable = false;
        p.steady = 0.05 + chance.unit() * 0.15;
        p.rate = maybe(0.4, 0.2, 0.6) * p.workers / p.steady; // less than its workers could run
        p.jobs = 100 + static_cast<int>(chance.unit() * 200);
        p.asks = 20;
        p.flaky = 0;
        return p;
    }
    p.flaky = maybe(0.7, 0, 0.4);
    p.cancel = maybe(0.3, 0, 0.2);
    p.resubmit = maybe(0.3, 0, 0.3);
    p.retry = maybe(0.2, 0, 0.3);
    p.groups = static_cast<int>(maybe(0.3, 0, 8));
    p.pieces = maybe(0.5, 0.2, 1);
    p.together = maybe(0.5, 0, 1);
    p.settings = maybe(0.4, 0.2, 1);
    if (sort < 0.5) { // attempts that do not end by themselves, or not in time
        p.hang = maybe(0.7, 0.05, 0.4);
        p.crash = maybe(0.5, 0.1, 1);
        p.vanish = 0;
    } else if (sort < 0.75) {
        p.alike = true;
        p.asks = 20;
    } else { // everybody asks
        p.asks = 20;
        p.late = maybe(0.5, 1, 8);
        p.needs = maybe(0.3, 0, 0.5);
        p.picky = maybe(0.3, 0, 0.6);
    }
    return p;
}

const std::vector<const char*>& rules() {
    static const std::vector<const char*> all = {
        "rule: its time was up",
        "rule: its time was up, as its kind says",
        "rule: tried again when its time was up",
        "rule: failed when its time was up",
        "rule: a batch was full",
        "rule: a batch went when its time had come",
        "rule: some jobs of a batch failed",
        "rule: pieces in their order",
        "rule: a reader was told that pieces are lost",
        "rule: how far it is",
        "rule: how far a later attempt is",
        "rule: what happened to a job, in order",
        "rule: a slow listener lost events",
        "rule: nobody listened, and all went as before",
        "rule: told why it waits: paused",
        "rule: told why it waits: no-worker",
        "rule: told why it waits: max-running",
        "rule: told why it waits: rate",
        "rule: told why it waits: batch",
        "rule: told why it waits: position",
        "rule: told why it waits: delayed",
        "rule: position, to the one",
        "rule: its start was estimated",
        "rule: its start was estimated, by the rate",
    };
    return all;
}

std::string to_string(const Plan& p) {
    std::string out = "storm=" + std::to_string(p.storm) + " jobs=" + std::to_string(p.jobs) + " workers=" + std::to_string(p.workers);
    const std::pair<const char*, double> odds[] = {
        {"crash", p.crash},   {"vanish", p.vanish},         {"lane_reset", p.lane_reset},
        {"pause", p.pause},   {"link_break", p.link_break}, {"sink_kill", p.sink_kill},
        {"poison", p.poison}, {"flaky", p.flaky},           {"busy", p.busy},
        {"cancel", p.cancel}, {"resubmit", p.resubmit},
        {"together", p.together}, {"settings", p.settings},
        {"ventilator_kill", p.ventilator_kill},
        {"groups", p.groups}, {"retry", p.retry}, {"durable", p.durable ? 1 : 0},
        {"result_reset", p.result_reset}, {"ventilator_pause", p.ventilator_pause},
        {"sink_pause", p.sink_pause}, {"stale", p.stale}, {"answer_lost", p.answer_lost},
        {"outage", p.outage}, {"lane_bytes", p.lane_bytes}, {"disk_full", p.disk_full}, {"gateway_kill", p.gateway_kill},
        {"tight", p.tight}, {"stall", p.stall}, {"middle_lost", p.middle_lost},
        {"needs", p.needs}, {"picky", p.picky}, {"tenants", p.tenants}, {"ageing", p.ageing},
        {"fair", p.fair ? 1 : 0}, {"hang", p.hang}, {"pieces", p.pieces}, {"asks", p.asks}, {"late", p.late},
        {"alike", p.alike ? 1 : 0}, {"steady", p.steady}, {"rate", p.rate}};
    for (const auto& [name, value] : odds) {
        if (value > 0) out += std::string(" ") + name + "=" + std::to_string(value);
    }
    return out;
}

ventilator::Limits dispatcher_limits(const Plan& plan) {
    ventilator::Limits limits;
    limits.ageing = from_seconds(plan.ageing);
    if (plan.lane_bytes > 0) limits.lane_bytes_max = static_cast<std::size_t>(plan.lane_bytes);
    if (plan.tight > 0) {
        limits.jobs_max = static_cast<std::uint64_t>(plan.jobs) / 4 + 8;
        limits.bytes_max = static_cast<std::uint64_t>(plan.jobs) / 2 + 16; // a payload has 2
    }
    return limits;
}

} // namespace penstock::sim
