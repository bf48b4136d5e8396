#include "sink/sink.hpp"

#include "protocol/codec.hpp"
#include "protocol/limits.hpp"
#include "sink/bundles.hpp"
#include "sink/keeper.hpp"
#include "sink/ledger.hpp"
#include "sink/publisher.hpp"
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
// a lane holds a thousand jobs at most, a few milliseconds of work.
constexpr std::size_t kBurstRows = 1024;
// What may wait to be written while the disk is busy, before nothing more is read.
constexpr std::size_t kUnkeptBytesMax = 128u << 20;
constexpr std::size_t kAnswerBytes = 1024; // and what a question's answer takes, besides values
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

// Values in an answer, which wait with it until the disk has what it says.
std::size_t bytes_of(const Reply& reply) {
    if (const auto* job = std::get_if<JobAnswer>(&reply.answer)) return job->job.value.size();
    std::size_t bytes = 0;
    if (const auto* pieces = std::get_if<PartialsAnswer>(&reply.answer)) {
        for (const auto& row : pieces->rows) bytes += row.value.size();
    }
    return bytes;
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

private:
    struct HelloReply {
        Envelope envelope;
        Request request;
        HelloAnswer answer;
    };
    // What a burst has to say, until what it changed is safe.
    struct Held {
        Outbox outbox;
        std::vector<HelloReply> hellos;
        std::string events;    // a frame
        std::uint64_t got = 0; // of the link, when the burst ended
    };

    void restore(const Options& options);
    void read_what_is_there(const transport::Poll& poll);
    void hand_over();
    void release(Held held);
    void finish_writing();
    [[nodiscard]] bool is_behind() const;
    void receive_door();
    void receive_questions();
    void receive_peer_events();
    void take(const Linked<ToSink>& linked);
    void meet(const Hello& hello, Request request, const Envelope& envelope);
    [[nodiscard]] Index remember(const Envelope& envelope); // an asker
    void flush();
    void say(HelloReply& hello);
    void send_link(Outbox& outbox);
    void pump_link();
    [[nodiscard]] Envelope take_envelope(Asker asker);
    void send_replies(const Outbox& outbox);
    [[nodiscard]] Instant wake_at() const;

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
    Ledger ledger_;
    Outbox outbox_;
    std::vector<HelloReply> hellos_;
    Held held_; // while the keeper writes
    std::size_t unkept_bytes_ = 0; // that came since the keeper was last given something
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
      ledger_(limits_of(options), random_bits(), transport::clock_now()) {
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
        if (is_behind()) {
            behind.wait(transport::clock_now() + kLookAgain);
            now_ = transport::both_now();
        } else {
            poll.wait(wake_at());
            now_ = transport::both_now();
            read_what_is_there(poll);
        }
        if (keeper_ && keeper_->collect()) release(std::exchange(held_, {}));
        if (keeper_) ledger_.set_full(!keeper_->has_room());
        ledger_.tick(now_, outbox_);
        flush();
    }
    if (keeper_) finish_writing();
    status_.set(zmq::sockopt::linger, 1000);
    if (ventilator_) monitors_.forget(*ventilator_, ventilator_key_);
    spdlog::info("sink_left jobs={}", ledger_.jobs());
}

void Shell::read_what_is_there(const transport::Poll& poll) {
    receive_door();
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
        unkept_bytes_ += arrived.bytes().size();
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
                ledger_.on(*result, now_, outbox_);
            else if (const auto* p = std::get_if<Progress>(&fact))
                ledger_.on(*p);
            else if (const auto* partial = std::get_if<Partial>(&fact))
                ledger_.on(*partial, outbox_);
            else
                take(std::get<Linked<ToSink>>(fact));
        }
    }
}

void Shell::take(const Linked<ToSink>& linked) {
    if (link_.takes(linked, now_.at)) ledger_.on(linked.message, now_, outbox_);
}

void Shell::receive_questions() {
    for (int i = 0; i < kBurst; ++i) {
        auto asked = transport::receive_question(status_, malformed_);
        if (!asked) return;
        unkept_bytes_ += asked->body.size() + kAnswerBytes;
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
                    ledger_.ask(remember(envelope), row, stored->timeout, now_, outbox_);
                }
                continue;
            }
            const std::size_t answers = outbox_.replies.size();
            ledger_.ask(remember(envelope), request, question, now_, outbox_);
            if (outbox_.replies.size() > answers) unkept_bytes_ += bytes_of(outbox_.replies.back());
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
        if (is_new) {
            if (!answer.remembers) { // else it is all for this one
                outbox_.forget_link();
                held_.outbox.forget_link();
            }
            link_.restart(answer.epoch, life_);
            held_.got = link_.got();
        } else {
            link_.rewind(hello.got);
        }
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
    hellos_.push_back({envelope, request, std::move(answer)});
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
    for (HelloReply& hello : hellos_) say(hello);
    hellos_.clear();
    send_link(outbox_);
    send_replies(outbox_);
    outbox_.forget_link();
    outbox_.replies.clear();
    outbox_.stored_replies.clear();
    publisher_.publish(publisher_.collect(ledger_.chronicle(), now_.wall));
}

void Shell::say(HelloReply& hello) {
    hello.answer.got = link_.tellable();
    transport::send_answer(status_, *hello.envelope,
                           encode(hello.request, StatusAnswer{std::move(hello.answer)}));
}

void Shell::send_link(Outbox& outbox) {
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

void Shell::send_replies(const Outbox& outbox) {
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
    keeper_ = std::make_unique<Keeper>(std::move(store));
    link_.may_tell(0);
    spdlog::info("store_read file={} jobs={} epoch={} seconds={:.2f}", options.store, ledger_.jobs(),
                 ledger_.epoch(), seconds(transport::clock_now() - began));
}

// More came than the disk takes. Peers keep what isn't read.
bool Shell::is_behind() const {
    return keeper_ && !keeper_->idle() && unkept_bytes_ > kUnkeptBytesMax;
}

// What this burst and those before it changed goes to the keeper as one; what they have to say
// waits for it.
void Shell::hand_over() {
    outbox_.own_bytes();
    if (!keeper_->idle()) return;
    Held held;
    held.events = publisher_.collect(ledger_.chronicle(), now_.wall);
    const bool is_quiet = outbox_.empty() && hellos_.empty() && held.events.empty() &&
                          !ledger_.has_changes() && link_.tellable() == link_.got();
    if (is_quiet) return;
    Changes changes = ledger_.take_changes();
    held.outbox = std::exchange(outbox_, {});
    held.hellos = std::exchange(hellos_, {});
    held.got = link_.got();
    unkept_bytes_ = 0;
    if (changes.empty()) return release(std::move(held));
    held_ = std::move(held);
    keeper_->give(std::move(changes));
}

void Shell::release(Held held) {
    link_.may_tell(held.got);
    if (link_.untold() > 0) link_.confirm_soon(now_.at);
    for (HelloReply& hello : held.hellos) say(hello);
    send_link(held.outbox);
    send_replies(held.outbox);
    publisher_.publish(held.events);
}

// Nobody was promised what is not written yet; but most of it can be.
void Shell::finish_writing() {
    const Instant until = transport::clock_now() + kWriteWithin;
    transport::Poll poll({}, {keeper_->fd()});
    while (transport::clock_now() < until) {
        hand_over();
        if (keeper_->idle()) return;
        poll.wait(until);
        if (keeper_->collect()) release(std::exchange(held_, {}));
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
