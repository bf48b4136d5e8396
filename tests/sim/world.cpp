#include "tests/sim/world.hpp"

#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

constexpr Duration kCalm = 5s;       // in which nothing may go wrong any more, at the least
constexpr Duration kRest = 500ms;    // longer than any write takes
// Longer than is waited for an answer to what a join names, and for one from a host that vanished.
constexpr Duration kNamed = 3s, kVanished = 65s;

} // namespace

World::World(std::uint64_t seed, const Plan& plan)
    : plan_(plan), chance_(seed), now_(std::chrono::hours(1)), seed_(seed) {
    dispatcher_ = std::make_unique<ventilator::Dispatcher>(dispatcher_limits(plan), seed, now_);
    for (const char* kind : {"k0", "k1"}) dispatcher_->declare_kind(kind); // whoever joins first
    ledger_ = std::make_unique<sink::Ledger>(sink::Limits(), seed, now_);
    ledger_->chronicle().listen(!plan.deaf);
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

std::string World::run() {
    if (plan_.alike) draw_alike();
    for (int i = 0; i < plan_.workers; ++i) start_worker(i);
    at(1ms, [this] { meet(); });
    start_gateway();
    at(kFaultTick, [this] { fault_tick(); });
    for (int i = 0; i < plan_.jobs / 4 + 1; ++i) {
        at(between(0s, plan_.steady > 0 ? 1s : kFaultTime - 2s), [this] { submit_some(); });
    }
    for (int i = 0; i < plan_.groups; ++i) {
        at(between(0s, kFaultTime - 2s), [this] { submit_group(); });
    }
    if (plan_.rate > 0) at(1ms, [this] { set_rate(); });
    if (plan_.asks > 0) at(1s, [this] { ask_why(); });
    at(kFaultTime, [this] {
        healing_ = true;
        asked_.clear();
        clear_settings();
    });
    const Instant end = now_ + kFaultTime + kHealTime;
    bool quiet = false;
    Instant rested_since = kNever;
    while (!events_.empty() && failure_.empty() && now_ < end && !quiet) {
        Timed next = events_.top();
        events_.pop();
        now_ = next.when;
        next.event();
        step_ventilator();
        step_sink();
        check_touched();
        const bool awake = v_asleep_until_ <= now_ && s_asleep_until_ <= now_;
        const bool rests = healing_ && awake && requests_open_ == 0 &&
                           dispatcher_->open_jobs() == 0 && linked_ &&
                           v_link_.unconfirmed() == 0 && s_link_.unconfirmed() == 0 &&
                           ledger_->open_jobs() == 0;
        // A late answer may still be on its way, or wait for the disk.
        rested_since = rests ? std::min(rested_since, now_) : kNever;
        quiet = rests && now_ > rested_since + kRest && now_ > end - kHealTime + kCalm;
        const Duration let_go = plan_.vanish > 0 ? kVanished : kNamed;
        if (quiet && now_ < rested_since + let_go) quiet = held_for_nothing().empty();
    }
    if (failure_.empty()) check();
    if (failure_.empty()) check_remains();
    return failure_;
}

// ---- the two shells -----------------------------------------------------------------------

void World::step_ventilator() {
    if (v_asleep_until_ > now_) return;
    dispatcher_->tick(now_, v_out_);
    dispatcher_->pump(now_, v_out_);
    lane_messages();
    note_started();
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
        if (const auto* store = std::get_if<Store>(&message)) note_numbers(*store);
        if (plan_.fair) note_said(message);
        if (v_link_.epoch() == 0) continue;
        const LinkHead head = v_link_.number();
        v_link_.push(std::make_shared<const std::string>(encode(head, message)));
    }
    v_out_ = {};
    pump_link();
    check_wakes();
    if (plan_.alike) check_nobody_idles();
    const Instant wake = dispatcher_->wake_at();
    if (wake != v_wake_ && wake != kNever) {
        v_wake_ = wake;
        if (wake > now_) at(wake - now_, [] {});
    }
}

void World::step_sink() {
    if (s_asleep_until_ > now_) return;
    ledger_->tick(both_now(), s_out());
    end_burst();
    pump_link();
    const Instant wake = ledger_->wake_at();
    if (wake <= now_) {
        at(100us, [] {});
    } else if (wake != s_wake_ && wake != kNever) {
        s_wake_ = wake;
        at(wake - now_, [] {});
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
        if (!is_next(v_link_.arrived(linked.head))) continue;
        if (std::holds_alternative<Resend>(linked.message)) {
            v_link_.rewind(linked.head.got);
            continue;
        }
        if (plan_.fair) note_heard(linked.message);
        dispatcher_->on(linked.message, now_, v_out_);
    }
}

void World::sink_frame(const std::string& frame) {
    if (s_asleep_until_ > now_) {
        return at(s_asleep_until_ - now_, [this, frame, life = sink_life_] {
            if (life == sink_life_) sink_frame(frame);
        });
    }
    if (unsaid_.is_behind()) { // it reads nothing until what it has is written
        saw("sink behind its disk");
        unread_.push_back(frame);
        return;
    }
    unsaid_.arrived(frame.size());
    auto decoded = decode_sink_door(reader_, frame);
    if (!decoded.error.empty()) return fail("the sink can't read: " + decoded.error);
    const Now both = both_now();
    for (auto& fact : decoded.messages) {
        if (const auto* result = std::get_if<Result>(&fact)) {
            ledger_->on(*result, both, s_out());
        } else if (const auto* progress = std::get_if<Progress>(&fact)) {
            ledger_->on(*progress);
        } else if (const auto* piece = std::get_if<Partial>(&fact)) {
            ledger_->on(*piece, s_out());
        } else if (const auto* linked = std::get_if<Linked<ToSink>>(&fact)) {
            if (!is_next(s_link_.arrived(linked->head))) continue;
            if (std::holds_alternative<Resend>(linked->message))
                s_link_.rewind(linked->head.got);
            else
                ledger_->on(linked->message, both, s_out());
        }
    }
}

void World::lane_messages() {
    for (const auto& to : v_out_.to_lanes) {
        Worker* w = worker_of(to.lane);
        if (w == nullptr) continue;
        std::vector<std::string> frames;
        if (const auto* batch = std::get_if<JobBatch>(&to.message)) {
            check_limits(*batch);
            if (plan_.alike && batch->together) check_batch(*batch);
            for (const JobRow& row : batch->rows) {
                const std::string id = row.id.text();
                const bool is_safe = !plan_.durable || disk_.find(row.id) != nullptr;
                if (!ledger_->state_of(row.id) || !is_safe) {
                    fail(id + " was dispatched and is not stored");
                }
                ++job_named(id).dispatched;
                check_dispatch(*w, row);
                check_order(*w, *batch, row);
                if (plan_.fair) note_dispatch(to.lane, *batch, row);
                if (!to.batches) frames.push_back(encode_plain(*batch, row));
            }
            if (to.batches) frames.push_back(encode(*batch));
        } else if (const auto* cancelled = std::get_if<CancelJob>(&to.message)) {
            if (plan_.fair) check_cancel(to.lane, *cancelled);
            frames.push_back(encode(*cancelled));
        } else if (const auto* settled = std::get_if<SettledJobs>(&to.message)) {
            frames.push_back(encode(*settled));
        } else {
            frames.push_back(encode(Ping{}));
        }
        for (auto& frame : frames) {
            const auto when = static_cast<std::uint64_t>(now_.time_since_epoch().count());
            sent_ = sent_ * 31 + std::hash<std::string>()(frame) + when;
            if (happens(plan_.busy)) w->lane_pipe.last = std::max(w->lane_pipe.last, now_ + 3ms);
            send(w->lane_pipe, [this, w, lane = to.lane, f = std::move(frame)] {
                awake(*w, [this, w, lane, f] { lane_delivers(*w, lane, f); });
            });
        }
    }
}

} // namespace penstock::sim
