#include "ventilator/ventilator.hpp"

#include "protocol/codec.hpp"
#include "transport/arrived.hpp"
#include "transport/complaints.hpp"
#include "transport/link_end.hpp"
#include "transport/endpoint.hpp"
#include "transport/poll.hpp"
#include "ventilator/lanes.hpp"
#include "ventilator/recorded.hpp"

#include <random>
#include <spdlog/spdlog.h>
#include <unordered_map>

namespace penstock::ventilator {
namespace {


constexpr std::uint64_t kSinkKey = 1ull << 63; // in monitor events; lanes have their ids
constexpr int kBurst = 512;                    // questions taken before anything is answered
// Jobs taken in before anything is sent: a flood of them must not keep settled ones waiting.
constexpr std::size_t kBurstRows = 4096;
constexpr Duration kOverslept = std::chrono::seconds(1); // stopped, or on a machine that was
constexpr Duration kHelloAgain = std::chrono::milliseconds(500);

std::uint64_t random_bits() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) ^ device();
}

// The shell: receives, asks the machine, sends. It decides nothing about jobs.
class Shell {
public:
    Shell(const Options& options, zmq::context_t& context);
    void run(transport::Stop& stop);

private:
    void receive_door(Instant now);
    void receive_control(Instant now);
    void receive_hello(Instant now);
    void receive_events(Instant now);
    void take(VentilatorFact& fact, Instant now);
    void take(const Linked<FromSink>& linked, Instant now);
    Lane join(const Join& join, Instant now);
    void say_hello(Instant now);
    void doubt_sink(Instant now);
    void flush(Instant now);
    void send_link(Instant now);
    void send_lanes();
    void log_counts(Instant now);
    [[nodiscard]] Instant wake_at() const;

    const Options options_;
    transport::Monitors monitors_;
    zmq::socket_t door_, control_, status_, sink_;
    Lanes lanes_;
    RecordedDispatcher dispatcher_;
    Outbox outbox_;
    Reader reader_;
    transport::LinkEnd<FromSink, ToSink> link_;
    transport::Complaints door_complaints_{"ventilator-door"};
    transport::Complaints control_complaints_{"ventilator-control"};
    std::unordered_map<std::string, LaneId> inproc_joined_; // up at their first heartbeat
    std::uint64_t instance_ = random_bits();
    std::uint64_t malformed_ = 0;
    std::uint64_t sink_life_ = 0;
    std::string advertised_sink_;
    bool knows_sink_ = false; // a hello was answered and the connection has held since
    Instant hello_at_{};
};

Limits limits_of(const Options& o) {
    Limits limits;
    limits.jobs_max = o.jobs_max;
    limits.bytes_max = o.bytes_max;
    limits.ping = from_seconds(o.ping_seconds);
    limits.silent_limit = from_seconds(o.silent_limit_seconds);
    limits.ageing = from_seconds(o.ageing_seconds);
    return limits;
}

Shell::Shell(const Options& options, zmq::context_t& context)
    : options_(options), monitors_(context),
      door_(transport::open_socket(context, zmq::socket_type::pull)),
      control_(transport::open_socket(context, zmq::socket_type::router)),
      status_(transport::open_socket(context, zmq::socket_type::dealer)),
      sink_(transport::open_socket(context, zmq::socket_type::push)),
      lanes_(context, monitors_, options.bind_host, options.lanes_from, options.lanes_to,
             random_bits()),
      dispatcher_(limits_of(options), random_bits(), transport::both_now(),
                  record::record_to(options.record)) {
    for (const auto& kind : options.declared_kinds) dispatcher_.declare_kind(kind);
    for (const auto& [kind, settings] : options.kind_settings) {
        dispatcher_.configure_kind(kind, settings);
    }
    for (const auto& at : options.doors) transport::bind_socket(door_, at, "the ventilator's door");
    for (const auto& at : options.controls) {
        transport::bind_socket(control_, at, "the ventilator's control");
    }
    monitors_.watch(sink_, kSinkKey);
    transport::connect_socket(sink_, options.sink_door, "the ventilator");
    transport::connect_socket(status_, options.sink_status, "the ventilator");
    const std::size_t ports = std::size_t{options.lanes_to} - options.lanes_from + 1;
    spdlog::info("ventilator_room workers={} open_files={} lane_ports={}",
                 std::min(lanes_.most(), ports), transport::open_files_max(), ports);
}

void Shell::run(transport::Stop& stop) {
    transport::Poll poll({&door_, &control_, &status_}, {monitors_.fd(), stop.fd()});
    Instant drain_until = kNever;
    Instant last = transport::clock_now();
    while (true) {
        const Instant due =
            std::max(last, std::min({wake_at(), drain_until, last + kOverslept}));
        poll.wait(due);
        const Instant now = transport::clock_now();
        if (now - kOverslept > due) doubt_sink(now);
        last = now;
        if (stop.draining()) {
            if (drain_until == kNever) {
                stop.quiet();
                spdlog::info("ventilator_draining open={}", dispatcher_.open_jobs());
                dispatcher_.drain();
                drain_until = now + from_seconds(options_.drain_seconds);
            }
            if (stop.at_once() || dispatcher_.drained() || now >= drain_until) break;
        }
        if (poll.ready(0)) receive_door(now);
        if (poll.ready(1)) receive_control(now);
        if (poll.ready(2)) receive_hello(now);
        if (poll.ready(3)) receive_events(now);
        dispatcher_.tick(now, outbox_);
        dispatcher_.pump(now, outbox_);
        flush(now);
        say_hello(now);
    }
    sink_.set(zmq::sockopt::linger, 1000);
    monitors_.forget(sink_, kSinkKey);
    spdlog::info("ventilator_left open={}", dispatcher_.open_jobs());
}

Instant Shell::wake_at() const {
    if (lanes_.is_waiting() || (knows_sink_ && link_.unsent() != nullptr)) {
        return transport::clock_now() + std::chrono::milliseconds(1);
    }
    // What the link owes a sink that is away waits for it.
    return std::min(dispatcher_.wake_at(), knows_sink_ ? link_.wake_at() : hello_at_);
}

// ---- receiving ----------------------------------------------------------------------------

void Shell::receive_door(Instant now) {
    for (std::size_t rows = 0; rows < kBurstRows; ++rows) {
        auto frame = transport::receive_frame(door_, malformed_);
        if (!frame) return;
        const transport::Arrived arrived(std::move(*frame));
        auto decoded = decode_ventilator_door(reader_, arrived.bytes());
        if (!decoded.error.empty()) {
            dispatcher_.count_malformed();
            door_complaints_.add(decoded.error, now);
            continue;
        }
        for (auto& fact : decoded.messages) {
            if (auto* submit = std::get_if<Submit>(&fact)) {
                rows += submit->rows.size();
                submit->held = arrived.held();
            } else if (auto* linked = std::get_if<Linked<FromSink>>(&fact)) {
                auto* offered = std::get_if<penstock::Take>(&linked->message);
                if (offered != nullptr) offered->held = arrived.held();
            }
            take(fact, now);
        }
    }
}

void Shell::take(VentilatorFact& fact, Instant now) {
    if (auto* submit = std::get_if<Submit>(&fact)) {
        dispatcher_.on(std::move(*submit), now, outbox_);
    } else if (const auto* linked = std::get_if<Linked<FromSink>>(&fact)) {
        take(*linked, now);
    } else if (const auto* heartbeat = std::get_if<Heartbeat>(&fact)) {
        if (const auto joined = inproc_joined_.find(heartbeat->worker);
            joined != inproc_joined_.end()) {
            dispatcher_.lane_up(joined->second, now);
            inproc_joined_.erase(joined);
        }
        dispatcher_.on(*heartbeat, now);
    } else if (const auto* bye = std::get_if<Bye>(&fact)) {
        spdlog::info("worker_leaving worker={} handed_back={}", bye->worker, bye->waiting.size());
        dispatcher_.on(*bye, outbox_);
    }
}

void Shell::take(const Linked<FromSink>& linked, Instant now) {
    if (link_.takes(linked, now)) dispatcher_.on(linked.message, now, outbox_);
}

void Shell::receive_control(Instant now) {
    for (int i = 0; i < kBurst; ++i) {
        auto asked = transport::receive_question(control_, malformed_);
        if (!asked) return;
        const auto decoded = decode_control(reader_, transport::view(asked->body));
        if (!decoded.error.empty()) {
            dispatcher_.count_malformed();
            control_complaints_.add(decoded.error, now);
            transport::send_answer(control_, asked->envelope,
                                   encode(std::nullopt, Problem{decoded.error}));
            continue;
        }
        for (const auto& [request, question] : decoded.messages) {
            ControlAnswer answer;
            if (const auto* wish = std::get_if<Join>(&question))
                answer = join(*wish, now);
            else
                answer = dispatcher_.answer(question, now);
            transport::send_answer(control_, asked->envelope, encode(request, answer));
        }
    }
}

Lane Shell::join(const Join& wish, Instant now) {
    const Joined joined = dispatcher_.join(wish, now, outbox_);
    Lane lane;
    lane.error = joined.error;
    if (!lane.error.empty()) return lane;
    const Lanes::Opened opened =
        wish.same_process ? lanes_.open_inproc(joined.lane) : lanes_.open(joined.lane, now);
    lane.endpoint = opened.endpoint;
    lane.error = opened.error;
    if (!lane.error.empty()) {
        dispatcher_.lane_down(joined.lane, outbox_);
        spdlog::warn("worker_refused worker={} why=\"{}\"", joined.worker, lane.error);
        return lane;
    }
    if (wish.same_process) inproc_joined_[joined.worker] = joined.lane;
    lane.worker = joined.worker;
    lane.sink = advertised_sink_;
    lane.door = options_.advertised_door;
    if (!wish.via.empty()) {
        for (std::string* at : {&lane.endpoint, &lane.sink, &lane.door}) {
            *at = transport::as_reached_from(*at, wish.via);
        }
    }
    lane.window = joined.window;
    lane.epoch = dispatcher_.epoch();
    lane.ping = from_seconds(options_.ping_seconds);
    spdlog::info("worker_joined worker={} slots={} kinds={} lane={}", joined.worker, wish.slots,
                 wish.kinds.size(), lane.endpoint);
    return lane;
}

void Shell::receive_events(Instant now) {
    for (const auto& event : monitors_.take()) {
        if (event.key == kSinkKey) {
            const bool is_up = event.what == transport::PeerEvent::What::up;
            if (knows_sink_ && !is_up) spdlog::warn("sink_away waiting for {}", options_.sink_door);
            // After every new connection the two sides compare what has arrived.
            knows_sink_ = false;
            hello_at_ = now;
            if (!is_up) dispatcher_.sink_down();
        } else if (const auto lane = lanes_.read(event)) {
            if (lane->is_up)
                dispatcher_.lane_up(lane->lane, now);
            else
                dispatcher_.lane_down(lane->lane, outbox_);
        }
    }
}

// ---- the sink -----------------------------------------------------------------------------

// While this process was stopped another ventilator may have begun, and its connections held: it
// gives out nothing until the sink has said that it is still the newest.
void Shell::doubt_sink(Instant now) {
    if (knows_sink_) spdlog::warn("ventilator_overslept asking the sink whether it was replaced");
    knows_sink_ = false;
    hello_at_ = now;
    dispatcher_.sink_down();
}

void Shell::say_hello(Instant now) {
    if (knows_sink_ || now < hello_at_) return;
    Hello hello;
    hello.instance = instance_;
    hello.epoch = dispatcher_.epoch();
    hello.door = options_.advertised_door;
    hello.got = link_.got();
    transport::send_question(status_, encode(std::nullopt, StatusQuestion{hello}));
    hello_at_ = now + kHelloAgain;
}

void Shell::receive_hello(Instant now) {
    while (const auto frame = transport::receive_answer(status_, malformed_)) {
        auto decoded = decode_status_answer(reader_, transport::view(*frame));
        for (const auto& asked : decoded.messages) {
            const auto* answer = std::get_if<HelloAnswer>(&asked.question);
            if (answer == nullptr || knows_sink_) continue;
            if (!answer->error.empty()) {
                spdlog::error("sink_refuses_us why=\"{}\"", answer->error);
                hello_at_ = now + std::chrono::seconds(5);
                continue;
            }
            const bool same_life =
                answer->sink_epoch == sink_life_ && answer->epoch == dispatcher_.epoch();
            if (same_life) {
                link_.rewind(answer->got);
            } else {
                link_.restart(answer->epoch, answer->sink_epoch);
                link_.owe_resend(); // what overtook this answer was of an epoch not known here
            }
            sink_life_ = answer->sink_epoch;
            advertised_sink_ = answer->door.empty() ? options_.sink_door : answer->door;
            knows_sink_ = true;
            spdlog::info("sink_here epoch={} same_life={}", answer->epoch, same_life);
            dispatcher_.sink_up(answer->sink_epoch, answer->epoch, answer->remembers, outbox_);
        }
    }
}

// ---- sending ------------------------------------------------------------------------------

void Shell::flush(Instant now) {
    if (link_.epoch() != 0)
        dispatcher_.said(outbox_);
    else
        dispatcher_.said_to_lanes(outbox_);
    send_link(now);
    send_lanes();
    for (const LaneId lane : outbox_.close_lanes) {
        spdlog::info("lane_closed lane={}", lane);
        lanes_.close(lane, now);
    }
    if (link_.epoch() != 0) outbox_.to_sink.clear();
    outbox_.to_lanes.clear();
    outbox_.close_lanes.clear();
}

void Shell::send_link(Instant now) {
    if (link_.epoch() == 0) return; // there is nothing to say before the first hello was answered
    for (const ToSink& message : outbox_.to_sink) link_.say(message);
    if (knows_sink_) link_.pump(sink_, now);
}

void Shell::send_lanes() {
    lanes_.retry();
    for (const ToLane& to : outbox_.to_lanes) {
        const auto* batch = std::get_if<JobBatch>(&to.message);
        if (batch == nullptr) {
            const std::string frame = std::visit(
                [](const auto& m) {
                    if constexpr (std::is_same_v<decltype(m), const JobBatch&>)
                        return std::string();
                    else
                        return encode(m);
                },
                to.message);
            lanes_.send(to.lane, transport::make_frame(frame));
        } else if (to.batches) {
            lanes_.send(to.lane, transport::make_frame(encode(*batch)));
        } else {
            for (const JobRow& row : batch->rows) {
                lanes_.send(to.lane, transport::make_frame(encode_plain(*batch, row)));
            }
        }
    }
}

} // namespace

void run(const Options& options, zmq::context_t& context, transport::Stop& stop,
         const std::function<void()>& ready) {
    Shell shell(options, context);
    ready();
    shell.run(stop);
}

} // namespace penstock::ventilator
