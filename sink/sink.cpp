#include "sink/sink.hpp"

#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "sink/bundles.hpp"
#include "sink/unsaid.hpp"
#include "sink/keeper.hpp"
#include "sink/publisher.hpp"
#include "sink/recorded.hpp"
#include "transport/arrived.hpp"
#include "transport/complaints.hpp"
#include "transport/link_end.hpp"
#include "transport/monitor.hpp"
#include "transport/poll.hpp"
#include "transport/sockets.hpp"

#include <map>
#include <memory>
#include <random>
#include <spdlog/spdlog.h>

namespace penstock::sink {
namespace {

constexpr int kBurst = 512; // questions taken before anything is answered
// Jobs taken in before anything is sent. More would let lanes run dry behind a flood of stores:
// a lane holds no more of very short ones (kPrefetchMax), a few milliseconds of work.
constexpr std::size_t kBurstRows = 4096;
// What may wait to be written while the disk is busy, before nothing more is read.
constexpr std::size_t kUnkeptBytesMax = 128u << 20;
constexpr Duration kLookAgain = std::chrono::milliseconds(50);
constexpr Duration kWriteWithin = std::chrono::seconds(5); // when it is to leave

std::uint64_t random_bits() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) ^ device();
}

std::size_t rows_of(const SinkFact& fact) {
    if (const auto* result = std::get_if<Result>(&fact)) return result->rows.size();
    const auto* linked = std::get_if<Linked<ToSink>>(&fact);
    const auto* store = linked == nullptr ? nullptr : std::get_if<Store>(&linked->message);
    return store == nullptr ? 0 : store->rows.size();
}

// The bytes of a job and of its value stay where they arrived, if they are large.
void hold(SinkFact& fact, const Held& held) {
    if (held.frame == nullptr) return;
    if (auto* result = std::get_if<Result>(&fact)) result->held = held;
    if (auto* partial = std::get_if<Partial>(&fact)) partial->held = held;
    auto* linked = std::get_if<Linked<ToSink>>(&fact);
    auto* store = linked == nullptr ? nullptr : std::get_if<Store>(&linked->message);
    if (store != nullptr) store->held = held;
}

// The shell: receives, asks the machine, sends. It decides nothing about jobs.
class Shell {
public:
    Shell(const Options& options, zmq::context_t& context);
    void run(transport::Stop& stop);

    // What sink::say says, in its order.
    void say(HelloReply& hello);
    void say_on_link(Outbox& outbox);
    void say_replies(const Outbox& outbox);
    void publish(const std::string& events) { publisher_.publish(events); }

private:
    void restore(const Options& options);
    void read_what_is_there(const transport::Poll& poll);
    void hand_over();
    void release(Burst burst);
    void finish_writing();
    void receive_door();
    void receive_questions();
    void receive_peer_events();
    void take(const Linked<ToSink>& linked);
    void meet(const Hello& hello, Request request, const Envelope& envelope);
    [[nodiscard]] Index remember(const Envelope& envelope); // an asker
    void flush();
    void pump_link();
    [[nodiscard]] Envelope take_envelope(Asker asker);
    [[nodiscard]] Instant wake_at() const;
    Outbox& outbox() { return unsaid_.burst().outbox; }

    const std::uint64_t life_ = random_bits() | 1;
    const std::string advertised_door_;
    zmq::context_t& context_;
    transport::Monitors monitors_;
    zmq::socket_t door_, status_;
    Publisher publisher_;
    std::unique_ptr<zmq::socket_t> ventilator_; // to the door of the one that said hello
    // In monitor events; of this connection. What an older one had to say is nobody's business, and
    // its name is in use until libzmq has closed it.
    std::uint64_t ventilator_key_ = 0;
    std::string ventilator_door_;
    std::uint64_t ventilator_instance_ = 0;
    RecordedLedger ledger_;
    Unsaid unsaid_{kUnkeptBytesMax};
    Reader reader_;
    transport::LinkEnd<ToSink, FromSink> link_;
    Slab<Envelope> askers_;
    transport::Complaints door_complaints_{"sink-door"};
    transport::Complaints status_complaints_{"sink-status"};
    std::uint64_t malformed_ = 0;
    Now now_{};
    std::unique_ptr<Keeper> keeper_; // null: memory is all there is. Last: it goes first
};

Limits limits_of(const Options& o) {
    Limits limits;
    limits.result_ttl = from_seconds(o.result_ttl_seconds);
    limits.finished_max = o.finished_max;
    limits.finished_bytes_max = o.finished_bytes_max;
    limits.waits_max = o.waits_max;
    limits.open_max = o.jobs_max;
    limits.open_bytes_max = o.bytes_max;
    if (!o.store.empty()) limits.durability = "disk";
    return limits;
}

Shell::Shell(const Options& options, zmq::context_t& context)
    : advertised_door_(options.advertised_door), context_(context), monitors_(context),
      door_(transport::open_socket(context, zmq::socket_type::pull)),
      status_(transport::open_socket(context, zmq::socket_type::router)),
      publisher_(context, life_),
      ledger_(limits_of(options), random_bits(), transport::both_now(),
              record::record_to(options.record)) {
    if (!options.store.empty()) restore(options);
    for (const auto& at : options.doors) transport::bind_socket(door_, at, "the sink's door");
    for (const auto& at : options.statuses)
        transport::bind_socket(status_, at, "the sink's status");
    publisher_.bind(options.events);
}

void Shell::run(transport::Stop& stop) {
    const int written = keeper_ ? keeper_->fd() : stop.fd();
    transport::Poll poll({&door_, &status_, &publisher_.socket()},
                         {monitors_.fd(), stop.fd(), written});
    transport::Poll behind({}, {stop.fd(), written}); // the disk: nothing new is read until it is done
    while (!stop.draining()) {
        const bool is_behind = unsaid_.is_behind();
        is_behind ? behind.wait(transport::clock_now() + kLookAgain) : poll.wait(wake_at());
        now_ = transport::both_now();
        if (!is_behind) read_what_is_there(poll);
        const bool has_news = keeper_ && (is_behind ? behind.ready(1) : poll.ready(5));
        if (has_news && keeper_->collect()) release(unsaid_.written(link_));
        if (keeper_) ledger_.set_full(!keeper_->has_room());
        ledger_.tick(now_, outbox());
        flush();
    }
    if (keeper_) finish_writing();
    status_.set(zmq::sockopt::linger, 1000);
    if (ventilator_) monitors_.forget(*ventilator_, ventilator_key_);
    spdlog::info("sink_left jobs={}", ledger_.jobs());
}

void Shell::read_what_is_there(const transport::Poll& poll) {
    if (poll.ready(0)) receive_door();
    if (poll.ready(1)) receive_questions();
    if (poll.ready(2)) ledger_.chronicle().listen(publisher_.receive_subscriptions());
    if (poll.ready(3)) receive_peer_events();
}

Instant Shell::wake_at() const {
    if (ventilator_ && link_.unsent() != nullptr) {
        return transport::clock_now() + std::chrono::milliseconds(1);
    }
    return std::min(ledger_.wake_at(), link_.wake_at());
}

void Shell::receive_door() {
    for (std::size_t rows = 0; rows < kBurstRows; ++rows) {
        auto frame = transport::receive_frame(door_, malformed_);
        if (!frame) return;
        const transport::Arrived arrived(std::move(*frame));
        unsaid_.arrived(arrived.bytes().size());
        auto decoded = decode_sink_door(reader_, arrived.bytes());
        if (!decoded.error.empty()) {
            ledger_.count_malformed();
            door_complaints_.add(decoded.error, now_.at);
            continue;
        }
        for (auto& fact : decoded.messages) {
            rows += rows_of(fact);
            hold(fact, arrived.held());
            if (const auto* result = std::get_if<Result>(&fact))
                ledger_.on(*result, now_, outbox());
            else if (const auto* p = std::get_if<Progress>(&fact))
                ledger_.on(*p);
            else if (const auto* partial = std::get_if<Partial>(&fact))
                ledger_.on(*partial, outbox());
            else
                take(std::get<Linked<ToSink>>(fact));
        }
    }
}

void Shell::take(const Linked<ToSink>& linked) {
    if (link_.takes(linked, now_.at)) ledger_.on(linked.message, now_, outbox());
}

void Shell::receive_questions() {
    for (int i = 0; i < kBurst; ++i) {
        auto asked = transport::receive_question(status_, malformed_);
        if (!asked) return;
        unsaid_.arrived(asked->body.size());
        const auto envelope =
            std::make_shared<const std::vector<zmq::message_t>>(std::move(asked->envelope));
        const auto decoded = decode_status(reader_, transport::view(asked->body));
        if (!decoded.error.empty()) {
            ledger_.count_malformed();
            status_complaints_.add(decoded.error, now_.at);
            transport::send_answer(status_, *envelope,
                                   encode(std::nullopt, Problem{decoded.error}));
            continue;
        }
        for (const auto& [request, question] : decoded.messages) {
            if (const auto* hello = std::get_if<Hello>(&question)) {
                meet(*hello, request, envelope);
                continue;
            }
            if (const auto* stored = std::get_if<AskStored>(&question)) {
                for (const auto& row : stored->rows) {
                    ledger_.ask(remember(envelope), row, stored->timeout, now_, outbox());
                }
                continue;
            }
            ledger_.ask(remember(envelope), request, question, now_, outbox());
        }
    }
}

Index Shell::remember(const Envelope& envelope) {
    const Index asker = askers_.allocate();
    askers_[asker] = envelope;
    return asker;
}

// A ventilator says hello, for the first time or after a break: both sides go on from what has
// arrived at the other.
void Shell::meet(const Hello& hello, Request request, const Envelope& envelope) {
    HelloAnswer answer = ledger_.hello(hello, life_);
    answer.door = advertised_door_;
    if (answer.error.empty()) {
        const bool is_new = hello.instance != ventilator_instance_;
        if (is_new && !answer.remembers) ledger_.link_forgotten();
        unsaid_.meet(answer, is_new, link_);
        if (is_new || hello.door != ventilator_door_ || !ventilator_) {
            if (ventilator_) monitors_.forget(*ventilator_, ventilator_key_);
            try {
                ventilator_ = std::make_unique<zmq::socket_t>(
                    transport::open_socket(context_, zmq::socket_type::push));
                monitors_.watch(*ventilator_, ++ventilator_key_);
                transport::connect_socket(*ventilator_, hello.door, "the sink");
            } catch (const std::exception& error) { // an address that is none; no descriptor left
                ventilator_.reset();
                answer.error = error.what();
            }
        }
        ventilator_instance_ = hello.instance;
        ventilator_door_ = hello.door;
        ledger_.set_ventilator_up(ventilator_ != nullptr);
        spdlog::info("ventilator_here epoch={} door={} new={}", answer.epoch, hello.door, is_new);
    }
    unsaid_.burst().hellos.push_back({remember(envelope), request, std::move(answer)});
}

void Shell::receive_peer_events() {
    for (const auto& event : monitors_.take()) {
        if (event.key != ventilator_key_) continue;
        const bool is_up = event.what == transport::PeerEvent::What::up;
        ledger_.set_ventilator_up(is_up);
        if (is_up) link_.rewind(0); // what the broken connection held is gone
    }
}

void Shell::flush() {
    if (keeper_) {
        hand_over();
        pump_link();
        return;
    }
    Burst& burst = unsaid_.burst();
    ledger_.said(burst.outbox);
    burst.events = publisher_.collect(ledger_.chronicle(), now_.wall);
    sink::say(burst, link_, *this);
    burst.hellos.clear();
    burst.outbox.forget_link();
    burst.outbox.replies.clear();
    burst.outbox.stored_replies.clear();
}

void Shell::say(HelloReply& hello) {
    transport::send_answer(status_, *take_envelope(hello.asker),
                           encode(hello.request, StatusAnswer{std::move(hello.answer)}));
}

void Shell::say_on_link(Outbox& outbox) {
    if (link_.epoch() == 0) return; // nobody has said hello yet
    outbox.say_on_link([this](const FromSink& message) { link_.say(message); });
    pump_link();
}

void Shell::pump_link() {
    if (ventilator_ && link_.epoch() != 0) link_.pump(*ventilator_, now_.at);
}

Envelope Shell::take_envelope(Asker asker) {
    const auto index = static_cast<Index>(asker);
    Envelope envelope = std::move(askers_[index]);
    askers_.release(index);
    return envelope;
}

void Shell::say_replies(const Outbox& outbox) {
    if (outbox.replies.empty() && outbox.stored_replies.empty()) return;
    Bundles bundles(status_);
    for (const Reply& reply : outbox.replies) {
        auto& bundle = bundles.of(take_envelope(reply.asker));
        bundles.add(bundle, encode(reply.request, reply.answer));
    }
    for (const StoredReply& reply : outbox.stored_replies) {
        bundles.add_stored(bundles.of(take_envelope(reply.asker)), reply.request);
    }
    bundles.send_all();
}

// ---- the durable store --------------------------------------------------------------------

void Shell::restore(const Options& options) {
    const Instant began = transport::clock_now();
    now_ = transport::both_now();
    auto store = std::make_unique<DurableStore>(options.store, options.sync_full ? Sync::full : Sync::normal,
                                         options.store_reserve);
    store->read([this](const Changes& page) { ledger_.restore(page, now_); },
                [this] { ledger_.restored(now_); });
    if (!store->gap().empty()) {
        spdlog::warn("store_gap {}: a power cut with --sync normal may do that. They are gone", store->gap());
    }
    keeper_ = std::make_unique<Keeper>(std::move(store));
    link_.may_tell(0);
    spdlog::info("store_read file={} jobs={} epoch={} seconds={:.2f}", options.store, ledger_.jobs(),
                 ledger_.epoch(), seconds(transport::clock_now() - began));
}

// What this burst and those before it changed goes to the keeper as one.
void Shell::hand_over() {
    unsaid_.pause();
    if (unsaid_.is_writing()) return;
    unsaid_.burst().events = publisher_.collect(ledger_.chronicle(), now_.wall);
    Changes changes = ledger_.take_changes();
    ledger_.said(unsaid_.burst().outbox);
    Unsaid::Next next = unsaid_.end_burst(std::move(changes), link_);
    if (next.say) release(std::move(*next.say));
    if (!next.write.empty()) keeper_->give(std::move(next.write));
}

void Shell::release(Burst burst) {
    if (link_.untold() > 0) link_.confirm_soon(now_.at);
    sink::say(burst, link_, *this);
}

// Nobody was promised what is not written yet; but most of it can be.
void Shell::finish_writing() {
    const Instant until = transport::clock_now() + kWriteWithin;
    transport::Poll poll({}, {keeper_->fd()});
    while (transport::clock_now() < until) {
        hand_over();
        if (!unsaid_.is_writing()) return;
        poll.wait(until);
        if (keeper_->collect()) release(unsaid_.written(link_));
    }
}

} // namespace

void run(const Options& options, zmq::context_t& context, transport::Stop& stop,
         const std::function<void()>& ready) {
    Shell shell(options, context);
    ready();
    shell.run(stop);
}

} // namespace penstock::sink
