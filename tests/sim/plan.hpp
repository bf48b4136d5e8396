#pragma once
// What goes wrong in one life of the simulated pipeline, and how often: drawn from its seed.

#include "protocol/retry_policy.hpp"
#include "ventilator/dispatcher.hpp"

#include <string>
#include <vector>

namespace penstock::sim {

// What a seed enables. Each seed draws its own, so that rare things meet often in some of them.
struct Plan {
    double storm = 1;      // so much more often everything below comes, and is over so much sooner
    int jobs = 60;
    int workers = 3;
    double crash = 0;      // of a worker, per second
    double vanish = 0;     // share of crashes that nobody is told of
    double lane_reset = 0; // per second
    double pause = 0;      // SIGSTOP of an SDK worker, per second
    double link_break = 0; // between ventilator and sink, per second
    double sink_kill = 0;  // per second
    bool durable = false;  // the sink has a store, and comes back with it
    double result_reset = 0; // a worker's connection to the sink, per second
    double ventilator_pause = 0, sink_pause = 0; // SIGSTOP, per second
    double stale = 0;      // a ventilator of an older epoch speaks, per second
    double answer_lost = 0; // share of answers to joins that never arrive
    double outage = 0;     // share of breaks and pauses that outlast every limit
    double ventilator_kill = 0; // per second
    double poison = 0;     // share of jobs that kill whoever runs them
    double flaky = 0.2;    // share of attempts that fail
    double busy = 0;       // share of sends that a socket refuses at first
    double cancel = 0;     // share of jobs that somebody cancels
    double resubmit = 0;   // share of jobs that are submitted twice
    double needs = 0;      // share of submits that ask for a label
    double picky = 0;      // share of workers that take urgent jobs only
    double tenants = 1;
    double ageing = 60; // seconds a step
    int groups = 0;        // of all modes, chains among them
    double retry = 0;      // share of jobs that are run again once they are finished
    double together = 0;   // share of SDK workers that take jobs of k0 together
    double disk_full = 0;  // per second, of a sink with a store
    double gateway_kill = 0; // per second
    double tight = 0;      // limits, so that submits are refused: 1 or 0
    double stall = 0;      // of any connection, per second
    double middle_lost = 0; // between ventilator and sink: some are lost, later ones arrive; per second
    double lane_bytes = 0; // of payloads out on one lane; 0: as it is
    double settings = 0;   // changes of what holds for a kind, per second

    // Of fair weather only.
    bool fair = false;     // nothing goes wrong but handlers, and here and there a worker
    double hang = 0;       // share of attempts that take longer than they may
    double pieces = 0;     // share of attempts that say pieces of their result, and how far they are
    double asks = 0;       // why a job does not run, per second
    double late = 0;       // seconds within which workers come
    bool alike = false;    // all workers take k0 together, so many as all others and for as long
    double steady = 0;     // seconds that each job runs; all of them come within the first second
    double rate = 0;       // of k0, from the beginning
    bool deaf = false;     // nobody listens to events
};

Plan draw_plan(Chance& chance);
// A quiet time, in which the rules of scheduling hold to the letter.
Plan draw_fair_plan(Chance& chance);
// What has to be seen in many such times, so that each rule was put to the test.
const std::vector<const char*>& rules();
std::string to_string(const Plan& plan);
ventilator::Limits dispatcher_limits(const Plan& plan);

} // namespace penstock::sim
