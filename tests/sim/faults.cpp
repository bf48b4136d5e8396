// What goes wrong, and who changes settings meanwhile.

#include "tests/sim/world.hpp"

#include <algorithm>
#include <iterator>

namespace penstock::sim {

using namespace std::chrono_literals;

bool World::has_open_jobs() const {
    return dispatcher_->open_jobs() > 0 || ledger_->open_jobs() > 0;
}

void World::count(const char* fault) {
    if (has_open_jobs())
        ++faults_[fault];
    else
        saw("(a fault while nothing was open: not counted)");
}

// Of one worker: it has jobs, or results of which it has not heard that they are settled.
void World::count(const char* fault, const Worker& w) {
    const bool has_sent = std::any_of(w.on_the_way.begin(), w.on_the_way.end(),
                                      [](const auto& lane) { return !lane.second.empty(); });
    if (has_sent || !w.running.empty() || !w.waiting.empty() || !w.kept.empty())
        count(fault);
    else
        saw("(a fault of a worker that had nothing: not counted)");
}

// How long something lasts: now and then longer than anybody's patience.
Duration World::outage(Duration usual, Duration long_one) {
    return happens(plan_.outage / plan_.storm) ? between(long_one / 2, long_one)
                                               : between(1ms, hastened(usual));
}

Duration World::hastened(Duration usual) const {
    return std::max(Duration(2ms), Duration(static_cast<std::int64_t>(static_cast<double>(usual.count()) / plan_.storm)));
}

// SIGSTOP, and SIGCONT: everything that came meanwhile is there at once.
void World::pause_role(Instant& until, const char* fault) {
    if (until > now_) return;
    count(fault);
    until = now_ + outage(4s, 70s);
    at(until - now_, [] {});
}

// A ventilator that was replaced is alive after all, and does not know it: nothing it says may
// change anything.
void World::stale_ventilator_speaks() {
    const Epoch newest = ledger_->epoch();
    if (newest < 2) return;
    count("stale ventilator");
    const Epoch epoch = 1 + static_cast<Epoch>(chance_.unit() * static_cast<double>(newest - 1));
    const JobNumber number = 1 + static_cast<JobNumber>(chance_.unit() * 50);
    const LinkHead head{epoch, 1 + static_cast<std::uint64_t>(chance_.unit() * 20), 0};
    send(to_sink_, [this, f = encode(head, ToSink{Final{number, State::failed, {"stale", "", false}}})] {
        sink_frame(f);
    });
    Hello hello;
    hello.instance = 1'000'000 + epoch; // nobody's that the sink has met last
    hello.epoch = epoch;
    if (ledger_->hello(hello, sink_life_).error.empty()) fail("a fenced ventilator was let in");
}

// A new process on the same address: it knows what its disk does, or nothing, and its outcomes are
// gone.
void World::kill_sink() {
    count("sink killed");
    if (!plan_.durable) {
        for (auto& [text, job] : jobs_) {
            if (job.outcome) job.outcome_lost = true;
            job.outcome.reset();
        }
        lose_families();
    }
    for (auto& w : workers_) end_results(*w);
    forget_told();
    for (Pipe* pipe : {&to_sink_, &to_ventilator_, &to_asker_, &to_status_, &from_status_}) end(*pipe);
    ++hello_rounds_;
    linked_ = s_linked_ = false;
    ++sink_life_;
    ledger_ = std::make_unique<sink::Ledger>(sink::Limits(), sink_life_, now_);
    ledger_->chronicle().listen(!plan_.deaf);
    if (unsaid_.is_writing()) saw(writing_.empty() ? "write untold with its process" : "write lost with its process");
    s_link_ = {};
    unsaid_ = sink::Unsaid(kUnkeptBytesMax);
    writing_ = {};
    unread_.clear();
    s_asleep_until_ = {};
    s_wake_ = kNever;
    if (plan_.durable) {
        ledger_->restore(disk_.read(), both_now());
        ledger_->restored(both_now());
        ledger_->set_full(!has_room());
        look_at_disk();
        s_link_.may_tell(0);
    }
    met_life_ = 0;
    dispatcher_->sink_down();
    // What nobody else had is gone: clients who find their job unknown submit it again.
    if (!plan_.durable && plan_.ventilator_kill > 0) {
        at(between(2s, 3s), [this] { submit_all_again(); });
    }
    at(between(1ms, hastened(2s)), [this] { meet(); });
}

// It was cut off, not killed: its lanes have ended, and it goes on with what it has open. When the next
// one is there, nothing that it says may count.
void World::leave_ventilator_behind() {
    if (plan_.stale == 0 || v_link_.epoch() == 0 || !happens(0.5)) return;
    auto old = std::make_shared<OldVentilator>(OldVentilator{std::move(dispatcher_), {}, v_link_});
    for (const auto& w : workers_) {
        if (w->lane != 0) old->machine->lane_down(w->lane, old->out);
    }
    for (int i = 1; i <= 20; ++i) at(i * between(10ms, 500ms), [this, old] { old_ventilator_speaks(*old); });
}

void World::old_ventilator_speaks(OldVentilator& old) {
    old.machine->tick(now_, old.out);
    old.machine->pump(now_, old.out);
    if (ledger_->epoch() <= old.link.epoch() || old.out.to_sink.empty()) return;
    count("stale ventilator");
    for (const ToSink& message : old.out.to_sink) {
        const LinkHead head = old.link.number();
        send(to_sink_, [this, frame = encode(head, message)] { sink_frame(frame); });
    }
    old.out = {};
}

// kill -9 of the ventilator: every connection to it ends. What workers run goes on; clients that
// got no answer submit again.
void World::kill_ventilator() {
    count("ventilator killed");
    ++v_life_;
    numbers_.clear();
    v_asleep_until_ = {};
    for (Pipe* pipe : {&to_sink_, &to_ventilator_, &to_door_, &to_asker_, &to_control_, &from_control_}) end(*pipe);
    linked_ = s_linked_ = false;
    ledger_->set_ventilator_up(false);
    leave_ventilator_behind();
    dispatcher_ =
        std::make_unique<ventilator::Dispatcher>(dispatcher_limits(plan_), seed_ ^ v_life_, now_);
    for (const char* kind : {"k0", "k1"}) dispatcher_->declare_kind(kind);
    v_out_ = {};
    v_link_ = {};
    v_wake_ = kNever;
    for (auto& each : workers_) {
        Worker* w = each.get();
        ++w->lane_pipe.life;
        w->waiting.clear();
        w->lane = 0;
        // A plain one waits for three pings first.
        at_ventilator(w->sdk ? between(1ms, 10ms) : 15s, [this, w] {
            if (w->alive && w->lane == 0) awake(*w, [this, w] { join(*w); });
        });
    }
    const Duration met = between(1ms, hastened(2s));
    v_meets_at_ = now_ + met;
    at_ventilator(met, [this] { meet(); });
    while_offered(met);
}

// What may come between an offer and its answer: the next death, and people who cancel.
void World::while_offered(Duration met) {
    for (int i = 0; i < 5 && plan_.cancel > 0 && !jobs_.empty(); ++i) {
        auto any = jobs_.begin();
        std::advance(any, static_cast<std::ptrdiff_t>(chance_.unit() * static_cast<double>(jobs_.size())));
        at_ventilator(met + between(0ms, 5ms), [this, id = any->first] { cancel(id); });
    }
    if (happens(0.3)) at_ventilator(met + between(0ms, 5ms), [this] { kill_ventilator(); });
}

void World::set_something() {
    AskKind wish;
    wish.kind = happens(0.5) ? "k0" : "k1";
    if (happens(0.3)) wish.set.paused = happens(0.5);
    if (happens(0.4)) wish.set.max_running = 1 + static_cast<std::uint32_t>(chance_.unit() * 4);
    if (happens(0.4)) wish.set.rate = 1 + chance_.unit() * 200;
    if (happens(0.3)) wish.clear.emplace_back("max_running");
    if (happens(0.3)) wish.clear.emplace_back("rate");
    if (plan_.hang > 0 && happens(0.3)) wish.set.timeout = between(20ms, 2s);
    set_kind(wish);
}

void World::clear_settings() {
    for (const char* kind : {"k0", "k1"}) {
        const bool done = set_kind({kind, {}, {"paused", "max_running", "rate"}});
        if (!done) return at(100ms, [this] { clear_settings(); });
    }
}

void World::fault_tick() {
    if (healing_ || ++ticks_ % kTicksPerSweep == 0) check_all_jobs();
    const bool is_idle = !has_open_jobs() && ticks_ % 4 != 0; // little can be shown
    if (!healing_ && !is_idle) {
        const double share = seconds(kFaultTick) * plan_.storm;
        fault_the_workers(share);
        fault_the_roles(share);
    }
    at(healing_ ? kHealTick : kFaultTick, [this] { fault_tick(); });
}

void World::fault_the_workers(double share) {
    for (std::size_t i = 0; i < workers_.size(); ++i) {
        Worker& w = *workers_[i];
        if (!w.alive || w.lane == 0) continue;
        if (happens(plan_.crash * share))
            crash(w);
        else if (happens(plan_.lane_reset * share))
            reset_lane(w);
        else if (w.sdk && happens(plan_.pause * share))
            pause(w);
        else if (happens(plan_.result_reset * share))
            reset_results(w);
    }
}

void World::fault_the_roles(double share) {
    if (happens(plan_.link_break * share)) break_link();
    if (happens(plan_.middle_lost * share)) lose_from_the_middle();
    if (happens(plan_.stall * share)) stall_one();
    if (happens(plan_.disk_full * share)) fill_disk();
    if (happens(plan_.gateway_kill * share)) kill_gateway();
    if (happens(plan_.sink_kill * share)) kill_sink();
    if (happens(plan_.settings * share)) set_something();
    if (happens(plan_.ventilator_kill * share)) kill_ventilator();
    if (happens(plan_.ventilator_pause * share)) pause_role(v_asleep_until_, "ventilator stopped");
    if (happens(plan_.sink_pause * share)) pause_role(s_asleep_until_, "sink stopped");
    if (happens(plan_.stale * share)) stale_ventilator_speaks();
}

} // namespace penstock::sim
