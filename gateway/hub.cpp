#include "gateway/hub.hpp"

#include "protocol/check.hpp"
#include "protocol/codec.hpp"

#include <algorithm>
#include <array>
#include <spdlog/spdlog.h>

namespace penstock::gateway {
namespace {

using std::chrono::milliseconds;

constexpr Duration kRoomPeriod = milliseconds(250);
constexpr Duration kRoomPeriodAway = milliseconds(50); // while nothing is taken: start quickly
constexpr Duration kStatsPeriod = std::chrono::seconds(1);
constexpr Duration kAskAgain = std::chrono::seconds(1); // a question without an answer
constexpr Duration kBoardPeriod = milliseconds(250);
constexpr Duration kExpiryPeriod = milliseconds(100);
constexpr Duration kSleepMost = milliseconds(50);
constexpr std::size_t kQuestionsPerFrame = 1'000;
constexpr std::size_t kAnswersPerTurn = 10'000;
constexpr std::size_t kUnsentBytesMax = 256u << 20;

Instant now() {
    return std::chrono::steady_clock::now();
}

} // namespace

Hub::Hub(const Options& options, zmq::context_t& context)
    : door_(transport::open_socket(context, zmq::socket_type::push)),
      ventilator_{"ventilator", transport::open_socket(context, zmq::socket_type::dealer), {}},
      sink_{"sink", transport::open_socket(context, zmq::socket_type::dealer), {}} {
    transport::connect_socket(door_, options.ventilator_door, "the gateway");
    transport::connect_socket(ventilator_.socket, options.ventilator_control, "the gateway");
    transport::connect_socket(sink_.socket, options.sink_status, "the gateway");
    const Instant past = now() - kSilence;
    ventilator_.heard = sink_.heard = past;
    for (Poll* poll : {&room_, &sink_stats_, &dispatch_stats_}) poll->asked = poll->answered = past;
}

Hub::~Hub() {
    stop();
}

void Hub::start(std::vector<Deliver> threads) {
    threads_ = std::move(threads);
    thread_ = std::thread([this] { run(); });
}

void Hub::give(Order order) {
    bool ring = false;
    {
        const std::lock_guard lock(mutex_);
        inbox_.push_back(std::move(order));
        ring = asleep_;
        asleep_ = false;
    }
    if (ring) wakeup_.ring();
}

void Hub::drain() {
    draining_ = true;
    wakeup_.ring();
}

void Hub::give_up() {
    giving_up_ = true;
    wakeup_.ring();
}

void Hub::stop() {
    ending_ = true;
    wakeup_.ring();
    if (thread_.joinable()) thread_.join();
    inbox_.clear();
    orders_.clear();
    done_.clear();
    feeds_.clear();
    pending_ = Pending();
}

void Hub::run() {
    while (!ending_) {
        sleep();
        const Instant at = now();
        receive(sink_, decode_status_answer);
        receive(ventilator_, decode_control_answer);
        take_orders();
        run_feeds(at);
        ask_own(at);
        send_all();
        if (giving_up_)
            pending_.expire(kNever, done_);
        else if (at >= next_expiry_)
            pending_.expire(at, done_);
        if (at >= next_expiry_) next_expiry_ = at + kExpiryPeriod;
        note_presence(at);
        publish(at);
        deliver();
    }
}

void Hub::sleep() {
    bool may_sleep = false;
    {
        const std::lock_guard lock(mutex_);
        asleep_ = inbox_.empty();
        may_sleep = asleep_;
    }
    std::array<zmq::pollitem_t, 4> items = {
        zmq::pollitem_t{sink_.socket.handle(), 0, ZMQ_POLLIN, 0},
        zmq::pollitem_t{ventilator_.socket.handle(), 0, ZMQ_POLLIN, 0},
        zmq::pollitem_t{nullptr, wakeup_.fd(), ZMQ_POLLIN, 0},
        zmq::pollitem_t{door_.handle(), 0, ZMQ_POLLOUT, 0}};
    const std::size_t count = door_unsent_.empty() ? 3 : 4;
    const auto most =
        std::chrono::duration_cast<milliseconds>(may_sleep ? kSleepMost : Duration(0));
    zmq::poll(items.data(), count, most);
    if ((items[2].revents & ZMQ_POLLIN) != 0) wakeup_.quiet();
}

void Hub::take_orders() {
    {
        const std::lock_guard lock(mutex_);
        orders_.swap(inbox_);
        asleep_ = false;
    }
    const Instant at = now();
    for (auto& order : orders_) take(order, at);
    for (auto& pack : packs_) flush_pack(pack);
    packs_.clear();
    orders_.clear(); // packs looked into them
}

void Hub::take(Order& order, Instant at) {
    const Instant deadline = at + order.patience;
    const bool submits = std::holds_alternative<SubmitOne>(order.question) ||
                         std::holds_alternative<SubmitMany>(order.question);
    if (submits && door_unsent_bytes_ > kUnsentBytesMax) {
        done_.push_back({std::move(order.promise), {Answer::What::unsent, {}}});
        return;
    }
    if (std::holds_alternative<SubmitMany>(order.question)) return open_feed(std::move(order), at);
    const std::uint64_t number =
        pending_.open(std::move(order.promise), Pending::Form::single, 1, deadline);
    if (auto* one = std::get_if<SubmitOne>(&order.question)) {
        submit_one(*one, number);
    } else if (auto* status = std::get_if<StatusQuestion>(&order.question)) {
        sink_.questions.push_back(encode(Request(number), *status));
    } else {
        ventilator_.questions.push_back(
            encode(Request(number), std::get<ControlQuestion>(order.question)));
    }
}

void Hub::submit_one(SubmitOne& one, std::uint64_t number) {
    auto pack = std::find_if(packs_.begin(), packs_.end(),
                             [&](const Pack& p) { return p.submit.terms == one.terms; });
    if (pack == packs_.end()) {
        packs_.emplace_back();
        pack = packs_.end() - 1;
        pack->submit.terms = std::move(one.terms);
    }
    // The payload stays in its order until this turn's frames are made.
    pack->submit.rows.push_back({one.wait.id, one.payload});
    pack->bytes += one.payload.size();
    if (pack->submit.rows.size() >= kRowsPerFrame || pack->bytes >= kBytesPerFrame) {
        flush_pack(*pack);
    }
    sink_.questions.push_back(encode(Request(number), StatusQuestion(one.wait)));
}

void Hub::flush_pack(Pack& pack) {
    if (pack.submit.rows.empty()) return;
    door_unsent_.push_back(transport::make_frame(encode(pack.submit)));
    door_unsent_bytes_ += door_unsent_.back()->size();
    pack.submit.rows.clear();
    pack.bytes = 0;
}

void Hub::send_all() {
    while (!door_unsent_.empty() && transport::send_frame(door_, door_unsent_.front())) {
        door_unsent_bytes_ -= door_unsent_.front()->size();
        door_unsent_.pop_front();
    }
    send_questions(sink_);
    send_questions(ventilator_);
}

void Hub::send_questions(Peer& peer) {
    auto& questions = peer.questions;
    for (std::size_t from = 0; from < questions.size(); from += kQuestionsPerFrame) {
        const std::size_t to = std::min(from + kQuestionsPerFrame, questions.size());
        if (to - from == 1) {
            peer.unsent.push_back(std::move(questions[from]));
            continue;
        }
        const auto at = [&](std::size_t i) {
            return std::make_move_iterator(questions.begin() + static_cast<std::ptrdiff_t>(i));
        };
        peer.unsent.push_back(join_frames(std::vector<std::string>(at(from), at(to))));
    }
    questions.clear();
    while (!peer.unsent.empty() && transport::send_question(peer.socket, peer.unsent.front())) {
        peer.unsent.pop_front();
    }
}

// Lane and HelloAnswer answer questions that no session asks.
template <class Answer>
void Hub::take_answer(std::uint64_t number, Answer&& answer) {
    if (number < Pending::kFirstNumber) return heard(std::move(answer));
    const auto keep = [&](auto&& said) {
        if constexpr (std::is_constructible_v<Said, decltype(said)>) {
            pending_.answer(number, std::move(said), done_);
        }
    };
    std::visit(keep, std::move(answer));
}

template <class Answer>
void Hub::receive(Peer& peer, Decoded<Asked<Answer>> (*decode)(Reader&, std::string_view)) {
    for (std::size_t i = 0; i < kAnswersPerTurn; ++i) {
        const auto frame = transport::receive_answer(peer.socket, malformed_);
        if (!frame) return;
        peer.heard = now();
        auto decoded = decode(reader_, transport::view(*frame));
        if (!decoded.error.empty()) {
            complain("the " + std::string(peer.name) + " answered: " + decoded.error);
        }
        for (auto& [request, answer] : decoded.messages) {
            if (request) take_answer(*request, std::move(answer));
        }
    }
}

void Hub::heard(StatusAnswer&& answer) {
    if (auto* stats = std::get_if<SinkStats>(&answer)) {
        sink_stats_.answered = now();
        board_.sink = std::move(*stats);
    }
}

void Hub::heard(ControlAnswer&& answer) {
    if (auto* room = std::get_if<Room>(&answer)) {
        room_.answered = now();
        board_.room = std::move(*room);
        board_changed_ = true;
    } else if (auto* stats = std::get_if<DispatchStats>(&answer)) {
        dispatch_stats_.answered = now();
        board_.dispatch = std::move(*stats);
    }
}

// One question of a kind is under way at a time; without an answer it is asked again now and then,
// since the peer may have forgotten it in a restart.
bool Hub::is_due(Poll& poll, Instant at, Duration period) {
    const bool under_way = poll.asked > poll.answered;
    if (under_way ? at < poll.asked + kAskAgain : at < poll.asked + period) return false;
    poll.asked = at;
    return true;
}

void Hub::ask_own(Instant at) {
    const Duration period = board_.room.serving ? kRoomPeriod : kRoomPeriodAway;
    if (is_due(room_, at, period)) {
        ventilator_.questions.push_back(encode(Request(room_.number), ControlQuestion(AskRoom{})));
    }
    if (is_due(dispatch_stats_, at, kStatsPeriod)) {
        ventilator_.questions.push_back(
            encode(Request(dispatch_stats_.number), ControlQuestion(AskDispatch{})));
    }
    if (is_due(sink_stats_, at, kStatsPeriod)) {
        sink_.questions.push_back(encode(Request(sink_stats_.number), StatusQuestion(AskStats{})));
    }
}

void Hub::note_presence(Instant at) {
    board_.ventilator_silence = std::min(at - ventilator_.heard, kSilence);
    board_.sink_silence = std::min(at - sink_.heard, kSilence);
    note_presence(ventilator_, board_.ventilator_is_there());
    note_presence(sink_, board_.sink_is_there());
    board_changed_ = board_changed_ || board_.draining != draining_;
}

void Hub::note_presence(Peer& peer, bool is_there) {
    if (is_there == peer.was_there) return;
    spdlog::info("gateway: the {} {}", peer.name, is_there ? "is there" : "does not answer");
    peer.was_there = is_there;
    board_changed_ = true;
}

void Hub::publish(Instant at) {
    if (!board_changed_ && at < next_board_) return;
    board_changed_ = false;
    next_board_ = at + kBoardPeriod;
    board_.at = at;
    board_.draining = draining_;
    const auto board = std::make_shared<const Board>(board_);
    for (const auto& deliver : threads_) {
        auto delivery = std::make_shared<Delivery>();
        delivery->board = board;
        deliver(std::move(delivery));
    }
}

void Hub::deliver() {
    if (done_.empty()) return;
    std::vector<std::shared_ptr<Delivery>> deliveries(threads_.size());
    for (auto& completed : done_) {
        auto& delivery = deliveries[completed.promise.thread()];
        if (!delivery) delivery = std::make_shared<Delivery>();
        delivery->completed.push_back(std::move(completed));
    }
    done_.clear();
    for (std::size_t i = 0; i < deliveries.size(); ++i) {
        if (deliveries[i]) threads_[i](std::move(deliveries[i]));
    }
}

void Hub::complain(const std::string& error) {
    ++malformed_;
    const Instant at = now();
    if (at < next_complaint_) return;
    next_complaint_ = at + std::chrono::seconds(10);
    spdlog::warn("gateway: {} ({} such frames so far)", error, malformed_);
}

} // namespace penstock::gateway
