#include "tests/sim/world.hpp"

#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kFaultTime = 20s; // with faults
constexpr Duration kHealTime = 400s; // then everything has to come to rest
constexpr Duration kFaultTick = 50ms;

ventilator::Limits limits_of(const Plan& plan) {
    ventilator::Limits limits;
    limits.ageing = from_seconds(plan.ageing);
    return limits;
}

} // namespace

Plan draw_plan(Chance& chance) {
    Plan p;
    const auto maybe = [&](double odds, double most) {
        return chance.unit() < odds ? chance.unit() * most : 0.0;
    };
    p.jobs = 20 + static_cast<int>(chance.unit() * 100);
    p.workers = 1 + static_cast<int>(chance.unit() * 5);
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
    return p;
}

std::string to_string(const Plan& p) {
    std::string out = "jobs=" + std::to_string(p.jobs) + " workers=" + std::to_string(p.workers);
    const std::pair<const char*, double> odds[] = {
        {"crash", p.crash},   {"vanish", p.vanish},         {"lane_reset", p.lane_reset},
        {"pause", p.pause},   {"link_break", p.link_break}, {"sink_kill", p.sink_kill},
        {"poison", p.poison}, {"flaky", p.flaky},           {"busy", p.busy},
        {"cancel", p.cancel}, {"resubmit", p.resubmit},
        {"together", p.together}, {"settings", p.settings},
        {"ventilator_kill", p.ventilator_kill},
        {"groups", p.groups}, {"retry", p.retry},
        {"needs", p.needs}, {"picky", p.picky}, {"tenants", p.tenants}, {"ageing", p.ageing}};
    for (const auto& [name, value] : odds) {
        if (value > 0) out += std::string(" ") + name + "=" + std::to_string(value);
    }
    return out;
}

World::World(std::uint64_t seed, const Plan& plan)
    : plan_(plan), chance_(seed), now_(std::chrono::hours(1)), seed_(seed) {
    dispatcher_ = std::make_unique<ventilator::Dispatcher>(limits_of(plan), seed, now_);
    ledger_ = std::make_unique<sink::Ledger>(sink::Limits(), seed, now_);
}

World::~World() = default;

void World::fail(const std::string& why) {
    if (!failure_.empty()) return;
    failure_ = why + " (at " + std::to_string(seconds(now_.time_since_epoch()) - 3600) + " s)";
}

void World::at(Duration later, Event event) {
    events_.push({now_ + later, ++order_, std::move(event)});
}

void World::at_ventilator(Duration later, Event event) {
    at(later, [this, life = v_life_, event = std::move(event)] {
        if (life == v_life_) event();
    });
}

Duration World::between(Duration low, Duration high) {
    return low + Duration(static_cast<std::int64_t>(chance_.unit() *
                                                    static_cast<double>((high - low).count())));
}

// In order within the connection; gone if the connection ends before it arrives.
void World::send(Pipe& pipe, Event deliver) {
    pipe.last = std::max(pipe.last, now_ + between(100us, 2ms));
    events_.push({pipe.last, ++order_, [&pipe, life = pipe.life, deliver = std::move(deliver)] {
                      if (pipe.life == life) deliver();
                  }});
}

std::string World::run() {
    for (int i = 0; i < plan_.workers; ++i) start_worker(i);
    at(1ms, [this] { meet(); });
    at(kFaultTick, [this] { fault_tick(); });
    for (int i = 0; i < plan_.jobs / 4 + 1; ++i) {
        at(between(0s, kFaultTime - 5s), [this] { submit_some(); });
    }
    for (int i = 0; i < plan_.groups; ++i) {
        at(between(0s, kFaultTime - 5s), [this] { submit_group(); });
    }
    at(kFaultTime, [this] {
        healing_ = true;
        clear_settings();
    });
    const Instant end = now_ + kFaultTime + kHealTime;
    bool quiet = false;
    while (!events_.empty() && failure_.empty() && now_ < end && !quiet) {
        Timed next = events_.top();
        events_.pop();
        now_ = next.when;
        next.event();
        step_ventilator();
        step_sink();
        quiet = healing_ && dispatcher_->open_jobs() == 0 && linked_ &&
                v_link_.unconfirmed() == 0 && s_link_.unconfirmed() == 0 &&
                now_ > end - kHealTime + 5s && open_at_sink() == 0;
    }
    if (failure_.empty()) check();
    return failure_;
}

// ---- the two shells -----------------------------------------------------------------------

void World::step_ventilator() {
    dispatcher_->tick(now_, v_out_);
    dispatcher_->pump(now_, v_out_);
    lane_messages();
    for (const auto lane : v_out_.close_lanes) {
        if (Worker* w = worker_of(lane)) {
            ++w->lane_pipe.life; // what was on its way is gone
            const bool aware = w->sdk;
            // An SDK worker sees the end of the connection; a plain one only the silence.
            at_ventilator(aware ? between(1ms, 5ms) : 15s, [this, w, lane] {
                if (w->alive && w->lane == lane) awake(*w, [this, w] { join(*w); });
            });
        }
    }
    for (const ToSink& message : v_out_.to_sink) {
        if (v_link_.epoch() == 0) continue;
        const LinkHead head = v_link_.number();
        v_link_.push(std::make_shared<const std::string>(encode(head, message)));
    }
    v_out_ = {};
    pump_link();
    const Instant wake = dispatcher_->wake_at();
    if (wake != v_wake_ && wake != kNever) {
        v_wake_ = wake;
        if (wake > now_) at(wake - now_, [] {});
    }
}

void World::step_sink() {
    const Now both{now_, WallTime(std::chrono::duration_cast<std::chrono::microseconds>(
                             now_.time_since_epoch()))};
    ledger_->tick(both, s_out_);
    const auto add = [&](FromSink message) {
        const LinkHead head = s_link_.number();
        s_link_.push(std::make_shared<const std::string>(encode(head, message)));
    };
    if (s_link_.epoch() != 0) {
        if (!s_out_.kinds.rows.empty()) add(s_out_.kinds);
        const Stored& stored = s_out_.stored;
        if (!stored.rows.empty() || !stored.duplicates.empty() || !stored.conflicts.empty()) {
            add(s_out_.stored);
        }
        if (!s_out_.settled.rows.empty() || !s_out_.settled.failed.empty()) add(s_out_.settled);
        if (!s_out_.open.rows.empty()) add(s_out_.open);
        if (!s_out_.cancel.numbers.empty()) add(s_out_.cancel);
        for (const Take& take : s_out_.takes) add(take);
    }
    s_out_ = {};
    pump_link();
    const Instant wake = ledger_->wake_at();
    if (wake <= now_) {
        at(100us, [] {});
    } else if (wake != s_wake_ && wake != kNever) {
        s_wake_ = wake;
        at(wake - now_, [] {});
    }
}

void World::pump_link() {
    if (!linked_) return;
    while (const auto* frame = v_link_.unsent()) {
        send(to_sink_, [this, bytes = *frame] { sink_frame(*bytes); });
        v_link_.mark_sent();
    }
    while (const auto* frame = s_link_.unsent()) {
        send(to_ventilator_, [this, bytes = *frame] { ventilator_frame(*bytes); });
        s_link_.mark_sent();
    }
    if (v_link_.owes_resend()) {
        send(to_sink_,
             [this, f = encode(v_link_.unnumbered(), ToSink{Resend{}})] { sink_frame(f); });
    } else if (v_link_.untold() > 0 && happens(0.3)) {
        send(to_sink_,
             [this, f = encode(v_link_.unnumbered(), ToSink{Confirm{}})] { sink_frame(f); });
    }
    if (s_link_.owes_resend()) {
        send(to_ventilator_,
             [this, f = encode(s_link_.unnumbered(), FromSink{Resend{}})] { ventilator_frame(f); });
    } else if (s_link_.untold() > 0 && happens(0.3)) {
        send(to_ventilator_, [this, f = encode(s_link_.unnumbered(), FromSink{Confirm{}})] {
            ventilator_frame(f);
        });
    }
}

void World::ventilator_frame(const std::string& frame) {
    auto decoded = decode_ventilator_door(reader_, frame);
    if (!decoded.error.empty()) return fail("the ventilator can't read: " + decoded.error);
    for (auto& fact : decoded.messages) {
        const auto& linked = std::get<Linked<FromSink>>(fact);
        if (v_link_.arrived(linked.head) != decltype(v_link_)::Arrival::take) continue;
        if (std::holds_alternative<Resend>(linked.message))
            v_link_.rewind(linked.head.got);
        else
            dispatcher_->on(linked.message, now_, v_out_);
    }
}

void World::sink_frame(const std::string& frame) {
    auto decoded = decode_sink_door(reader_, frame);
    if (!decoded.error.empty()) return fail("the sink can't read: " + decoded.error);
    const Now both{now_, WallTime()};
    for (auto& fact : decoded.messages) {
        if (const auto* result = std::get_if<Result>(&fact)) {
            ledger_->on(*result, both, s_out_);
        } else if (const auto* linked = std::get_if<Linked<ToSink>>(&fact)) {
            if (s_link_.arrived(linked->head) != decltype(s_link_)::Arrival::take) continue;
            if (std::holds_alternative<Resend>(linked->message))
                s_link_.rewind(linked->head.got);
            else
                ledger_->on(linked->message, both, s_out_);
        }
    }
}

// ---- the connection between them ----------------------------------------------------------

void World::meet() {
    Hello hello;
    hello.instance = v_life_;
    hello.epoch = dispatcher_->epoch();
    hello.got = v_link_.got();
    const HelloAnswer answer = ledger_->hello(hello, sink_life_);
    if (!answer.error.empty()) return fail("hello was refused: " + answer.error);
    if (std::exchange(met_life_, v_life_) != v_life_)
        s_link_.restart(answer.epoch);
    else
        s_link_.rewind(hello.got);
    if (v_link_.epoch() == answer.epoch)
        v_link_.rewind(s_link_.got());
    else
        v_link_.restart(answer.epoch);
    linked_ = true;
    ledger_->set_ventilator_up(true);
    dispatcher_->sink_up(sink_life_, answer.epoch, v_out_);
}

void World::break_link() {
    if (!linked_) return;
    ++faults_;
    linked_ = false;
    ledger_->set_ventilator_up(false);
    const bool flushes = happens(0.5); // the socket's own queue survives, the kernel's does not
    if (!flushes) {
        ++to_sink_.life;
        ++to_ventilator_.life;
    } else if (happens(0.5)) {
        ++to_ventilator_.life;
    } else {
        ++to_sink_.life;
    }
    dispatcher_->sink_down();
    at(between(1ms, 2s), [this] { meet(); });
}

// A new process on the same address: it knows nothing, and its outcomes are gone.
void World::kill_sink() {
    ++faults_;
    for (auto& [text, job] : jobs_) {
        if (job.outcome) job.outcome_lost = true;
        job.outcome.reset();
    }
    lose_families();
    for (auto& w : workers_) ++w->sink_pipe.life;
    ++to_sink_.life;
    ++to_ventilator_.life;
    linked_ = false;
    ++sink_life_;
    ledger_ = std::make_unique<sink::Ledger>(sink::Limits(), sink_life_, now_);
    s_link_ = {};
    s_out_ = {};
    met_life_ = 0;
    dispatcher_->sink_down();
    at(between(1ms, 2s), [this] { meet(); });
}

// kill -9 of the ventilator: every connection to it ends. What workers run goes on; clients that
// got no answer submit again.
void World::kill_ventilator() {
    ++faults_;
    ++v_life_;
    for (Pipe* pipe : {&to_sink_, &to_ventilator_, &to_door_}) ++pipe->life;
    linked_ = false;
    ledger_->set_ventilator_up(false);
    dispatcher_ =
        std::make_unique<ventilator::Dispatcher>(limits_of(plan_), seed_ ^ v_life_, now_);
    v_out_ = {};
    v_link_ = {};
    v_wake_ = kNever;
    for (auto& each : workers_) {
        Worker* w = each.get();
        ++w->lane_pipe.life;
        w->waiting.clear();
        w->on_the_way.clear();
        w->lane = 0;
        // A plain one waits for three pings first.
        at_ventilator(w->sdk ? between(1ms, 10ms) : 15s, [this, w] {
            if (w->alive && w->lane == 0) awake(*w, [this, w] { join(*w); });
        });
    }
    const Duration met = between(1ms, 2s);
    at_ventilator(met, [this] { meet(); });
    while_offered(met);
    at_ventilator(between(2s, 3s), [this] {
        for (const Event& submit : submissions_) submit();
    });
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

void World::lane_messages() {
    for (const auto& to : v_out_.to_lanes) {
        Worker* w = worker_of(to.lane);
        if (w == nullptr) continue;
        std::vector<std::string> frames;
        if (const auto* batch = std::get_if<JobBatch>(&to.message)) {
            check_limits(*batch);
            for (const JobRow& row : batch->rows) {
                const std::string id = row.id.text();
                sink::Outbox asked;
                ledger_->ask(0, {}, AskStatus{row.id, false}, {now_, WallTime()}, asked);
                const auto& known = std::get<JobAnswer>(asked.replies.at(0).answer);
                if (known.found != Found::found) fail(id + " was dispatched and is not stored");
                ++jobs_[id].dispatched;
                if (!to.batches) frames.push_back(encode_plain(*batch, row));
            }
            if (to.batches) frames.push_back(encode(*batch));
        } else if (const auto* cancelled = std::get_if<CancelJob>(&to.message)) {
            frames.push_back(encode(*cancelled));
        } else {
            frames.push_back(encode(Ping{}));
        }
        for (auto& frame : frames) {
            if (happens(plan_.busy)) w->lane_pipe.last = std::max(w->lane_pipe.last, now_ + 3ms);
            send(w->lane_pipe, [this, w, lane = to.lane, f = std::move(frame)] {
                awake(*w, [this, w, lane, f] { lane_delivers(*w, lane, f); });
            });
        }
    }
}

// ---- clients ------------------------------------------------------------------------------

Terms World::draw_terms() {
    Terms t;
    t.kind = "k" + std::to_string(static_cast<int>(chance_.unit() * 2));
    t.priority = static_cast<int>(chance_.unit() * 10);
    t.timeout = happens(0.5) ? Duration(5s) : Duration(3600s);
    if (plan_.vanish > 0 || plan_.lane_reset > 0 || plan_.sink_kill > 0) t.timeout = 5s;
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
        Job& job = jobs_[id];
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
    ledger_->ask(0, {}, AskCancel{*JobId::parse(id)}, {now_, WallTime()}, s_out_);
}

bool World::set_kind(const AskKind& wish) {
    sink::Outbox asked;
    ledger_->ask(0, {}, wish, {now_, WallTime()}, asked);
    auto& rows = s_out_.kinds.rows;
    rows.insert(rows.end(), asked.kinds.rows.begin(), asked.kinds.rows.end());
    return std::holds_alternative<KindAnswer>(asked.replies.at(0).answer);
}

void World::set_something() {
    AskKind wish;
    wish.kind = happens(0.5) ? "k0" : "k1";
    if (happens(0.3)) wish.set.paused = happens(0.5);
    if (happens(0.4)) wish.set.max_running = 1 + static_cast<std::uint32_t>(chance_.unit() * 4);
    if (happens(0.4)) wish.set.rate = 1 + chance_.unit() * 200;
    if (happens(0.3)) wish.clear.emplace_back("max_running");
    if (happens(0.3)) wish.clear.emplace_back("rate");
    set_kind(wish);
}

void World::clear_settings() {
    for (const char* kind : {"k0", "k1"}) {
        const bool done = set_kind({kind, {}, {"paused", "max_running", "rate"}});
        if (!done) return at(100ms, [this] { clear_settings(); });
    }
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

// ---- faults and checks --------------------------------------------------------------------

void World::fault_tick() {
    const double share = seconds(kFaultTick);
    for (auto& [id, job] : jobs_) check_job(id, job);
    if (!healing_) {
        for (std::size_t i = 0; i < workers_.size(); ++i) {
            Worker& w = *workers_[i];
            if (!w.alive || w.lane == 0) continue;
            if (happens(plan_.crash * share))
                crash(w);
            else if (happens(plan_.lane_reset * share))
                reset_lane(w);
            else if (w.sdk && happens(plan_.pause * share))
                pause(w);
        }
        if (happens(plan_.link_break * share)) break_link();
        if (happens(plan_.sink_kill * share)) kill_sink();
        if (happens(plan_.settings * share)) set_something();
        if (happens(plan_.ventilator_kill * share)) kill_ventilator();
    }
    at(kFaultTick, [this] { fault_tick(); });
}

// An outcome, once seen, stays; and no lane holds more than the dispatcher believes.
void World::check_job(const std::string& id, Job& job) {
    sink::Outbox asked;
    ledger_->ask(0, {}, AskStatus{*JobId::parse(id), false}, {now_, WallTime()}, asked);
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
    ledger_->ask(0, {}, question, {now_, WallTime()}, asked);
    return asked;
}

std::uint64_t World::open_at_sink() {
    return std::get<SinkStats>(ask(AskStats{}).replies.at(0).answer).open_jobs;
}

std::string World::describe(const std::string& id) {
    sink::Outbox asked;
    ledger_->ask(0, {}, AskStatus{*JobId::parse(id), false}, {now_, WallTime()}, asked);
    const JobView job = std::get<JobAnswer>(asked.replies.at(0).answer).job;
    return id + " (" + std::string(to_string(job.state)) + ", attempt " +
           std::to_string(job.attempt) + ", deaths " + std::to_string(job.deaths) + ", worker " +
           job.worker + ", dispatched " + std::to_string(jobs_[id].dispatched) + ")";
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
    sink::Outbox asked;
    ledger_->ask(0, {}, AskStats{}, {now_, WallTime()}, asked);
    const auto& stats = std::get<SinkStats>(asked.replies.at(0).answer);
    std::uint64_t outcomes = 0;
    for (const auto& k : stats.kinds) {
        outcomes += k.succeeded + k.failed + k.cancelled + k.expired + k.quarantined;
    }
    if (outcomes != stats.finished_jobs) fail("outcomes were counted twice");
    for (const auto& view : dispatcher_->workers(now_).workers) {
        for (const auto& w : workers_) {
            const bool calm = w->alive && w->name == view.worker && w->running.empty();
            if (calm && plan_.lane_reset == 0 && plan_.sink_kill == 0 && view.outstanding != 0) {
                fail(view.worker + " holds nothing but has used credit");
            }
        }
    }
}

} // namespace penstock::sim
