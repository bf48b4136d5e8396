#include "tests/sim/world.hpp"

#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kFaultTime = 20s; // with faults
constexpr Duration kHealTime = 400s; // then everything has to come to rest

} // namespace

World::World(std::uint64_t seed, const Plan& plan)
    : plan_(plan), chance_(seed), now_(std::chrono::hours(1)), seed_(seed) {
    dispatcher_ = std::make_unique<ventilator::Dispatcher>(dispatcher_limits(plan), seed, now_);
    for (const char* kind : {"k0", "k1"}) dispatcher_->declare_kind(kind); // whoever joins first
    ledger_ = std::make_unique<sink::Ledger>(sink::Limits(), seed, now_);
    ledger_->chronicle().listen(!plan.durable);
    if (plan.durable) {
        ledger_->restored(both_now());
        s_link_.may_tell(0);
    }
}

World::~World() = default;

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
    events_.push({pipe.last, ++order_, [this, &pipe, life = pipe.life, deliver = std::move(deliver)] {
                      if (pipe.life == life)
                          deliver();
                      else
                          count("message lost");
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
        check_touched();
        const bool awake = v_asleep_until_ <= now_ && s_asleep_until_ <= now_;
        quiet = healing_ && awake && dispatcher_->open_jobs() == 0 && linked_ &&
                v_link_.unconfirmed() == 0 && s_link_.unconfirmed() == 0 &&
                now_ > end - kHealTime + 5s && ledger_->open_jobs() == 0;
    }
    if (failure_.empty()) check();
    return failure_;
}

// ---- the two shells -----------------------------------------------------------------------

void World::step_ventilator() {
    if (v_asleep_until_ > now_) return;
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
    if (s_asleep_until_ > now_) return;
    ledger_->tick(both_now(), s_out_);
    if (plan_.durable) {
        hand_over();
    } else {
        say_on_link(s_out_);
        s_out_ = {};
        for (const auto& [answer, life] : std::exchange(hellos_, {})) answer_hello(answer, life);
    }
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
    if (v_asleep_until_ > now_) {
        return at_ventilator(v_asleep_until_ - now_, [this, frame] { ventilator_frame(frame); });
    }
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
    if (s_asleep_until_ > now_) {
        return at(s_asleep_until_ - now_, [this, frame, life = sink_life_] {
            if (life == sink_life_) sink_frame(frame);
        });
    }
    auto decoded = decode_sink_door(reader_, frame);
    if (!decoded.error.empty()) return fail("the sink can't read: " + decoded.error);
    const Now both = both_now();
    for (auto& fact : decoded.messages) {
        if (const auto* result = std::get_if<Result>(&fact)) {
            ledger_->on(*result, both, s_out_);
        } else if (const auto* linked = std::get_if<Linked<ToSink>>(&fact)) {
            const auto arrival = s_link_.arrived(linked->head);
            if (arrival == decltype(s_link_)::Arrival::again) count("message again");
            if (arrival == decltype(s_link_)::Arrival::gap) count("message out of order");
            if (arrival != decltype(s_link_)::Arrival::take) continue;
            if (std::holds_alternative<Resend>(linked->message))
                s_link_.rewind(linked->head.got);
            else
                ledger_->on(linked->message, both, s_out_);
        }
    }
}

// ---- the connection between them ----------------------------------------------------------

void World::meet() {
    const Instant awake = std::max(v_asleep_until_, s_asleep_until_);
    if (awake > now_) return at_ventilator(awake - now_, [this] { meet(); });
    if (linked_) return;
    Hello hello;
    hello.instance = v_life_;
    hello.epoch = dispatcher_->epoch();
    hello.got = v_link_.got();
    const HelloAnswer answer = ledger_->hello(hello, sink_life_);
    if (!answer.error.empty()) return fail("hello was refused: " + answer.error);
    if (std::exchange(met_life_, v_life_) != v_life_) {
        s_out_.forget_link();
        unsaid_.outbox.forget_link();
        s_link_.restart(answer.epoch, sink_life_);
        unsaid_.got = s_link_.got();
    } else {
        s_link_.rewind(hello.got);
    }
    hellos_.emplace_back(answer, v_life_);
}

void World::answer_hello(const HelloAnswer& answer, std::uint64_t v_life) {
    if (v_life != v_life_ || linked_) return; // it was of one that is gone
    const bool same_life = v_link_.epoch() == answer.epoch && known_sink_ == sink_life_;
    if (same_life)
        v_link_.rewind(s_link_.tellable());
    else
        v_link_.restart(answer.epoch, sink_life_);
    known_sink_ = sink_life_;
    linked_ = true;
    ledger_->set_ventilator_up(true);
    dispatcher_->sink_up(sink_life_, answer.epoch, answer.remembers, v_out_);
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
                const bool is_safe = !plan_.durable || disk_.find(row.id) != nullptr;
                if (!ledger_->state_of(row.id) || !is_safe) {
                    fail(id + " was dispatched and is not stored");
                }
                ++job_named(id).dispatched;
                if (!to.batches) frames.push_back(encode_plain(*batch, row));
            }
            if (to.batches) frames.push_back(encode(*batch));
        } else if (const auto* cancelled = std::get_if<CancelJob>(&to.message)) {
            frames.push_back(encode(*cancelled));
        } else if (const auto* settled = std::get_if<SettledJobs>(&to.message)) {
            frames.push_back(encode(*settled));
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

} // namespace penstock::sim
