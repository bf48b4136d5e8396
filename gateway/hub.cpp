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

// What its queue has no room for stays for later.
void send_questions(zmq::socket_t& socket, std::vector<std::string>& questions,
                    std::deque<std::string>& unsent) {
    for (std::size_t from = 0; from < questions.size(); from += kQuestionsPerFrame) {
        const std::size_t to = std::min(from + kQuestionsPerFrame, questions.size());
        if (to - from == 1) {
            unsent.push_back(std::move(questions[from]));
            continue;
        }
        const auto at = [&](std::size_t i) {
            return std::make_move_iterator(questions.begin() + static_cast<std::ptrdiff_t>(i));
        };
        unsent.push_back(join_frames(std::vector<std::string>(at(from), at(to))));
    }
    questions.clear();
    while (!unsent.empty()) {
        if (!transport::send_question(socket, unsent.front())) return;
        unsent.pop_front();
    }
}

} // namespace

Hub::Hub(const Options& options, zmq::context_t& context)
    : door_(transport::open_socket(context, zmq::socket_type::push)),
      control_(transport::open_socket(context, zmq::socket_type::dealer)),
      status_(transport::open_socket(context, zmq::socket_type::dealer)) {
    transport::connect_socket(door_, options.ventilator_door, "the gateway");
    transport::connect_socket(control_, options.ventilator_control, "the gateway");
    transport::connect_socket(status_, options.sink_status, "the gateway");
    const Instant past = now() - kSilence;
    ventilator_heard_ = sink_heard_ = past;
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
        receive_status();
        receive_control();
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
    std::array<zmq::pollitem_t, 4> items = {zmq::pollitem_t{status_.handle(), 0, ZMQ_POLLIN, 0},
                                            zmq::pollitem_t{control_.handle(), 0, ZMQ_POLLIN, 0},
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
        status_out_.push_back(encode(Request(number), *status));
    } else {
        control_out_.push_back(encode(Request(number), std::get<ControlQuestion>(order.question)));
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
    status_out_.push_back(encode(Request(number), StatusQuestion(one.wait)));
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
    send_questions(status_, status_out_, status_unsent_);
    send_questions(control_, control_out_, control_unsent_);
}

void Hub::receive_status() {
    for (std::size_t i = 0; i < kAnswersPerTurn; ++i) {
        const auto frame = transport::receive_answer(status_, malformed_);
        if (!frame) return;
        sink_heard_ = now();
        auto decoded = decode_status_answer(reader_, transport::view(*frame));
        if (!decoded.error.empty()) complain("the sink answered: " + decoded.error);
        for (auto& [request, answer] : decoded.messages) {
            if (!request) continue;
            if (*request < Pending::kFirstNumber) {
                heard(std::move(answer));
                continue;
            }
            std::visit(
                [&](auto&& said) {
                    if constexpr (!std::is_same_v<std::decay_t<decltype(said)>, HelloAnswer>) {
                        pending_.answer(*request, std::move(said), done_);
                    }
                },
                std::move(answer));
        }
    }
}

void Hub::receive_control() {
    for (std::size_t i = 0; i < kAnswersPerTurn; ++i) {
        const auto frame = transport::receive_answer(control_, malformed_);
        if (!frame) return;
        ventilator_heard_ = now();
        auto decoded = decode_control_answer(reader_, transport::view(*frame));
        if (!decoded.error.empty()) complain("the ventilator answered: " + decoded.error);
        for (auto& [request, answer] : decoded.messages) {
            if (!request) continue;
            if (*request < Pending::kFirstNumber) {
                heard(std::move(answer));
                continue;
            }
            std::visit(
                [&](auto&& said) {
                    if constexpr (!std::is_same_v<std::decay_t<decltype(said)>, Lane>) {
                        pending_.answer(*request, std::move(said), done_);
                    }
                },
                std::move(answer));
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
        control_out_.push_back(encode(Request(room_.number), ControlQuestion(AskRoom{})));
    }
    if (is_due(dispatch_stats_, at, kStatsPeriod)) {
        control_out_.push_back(
            encode(Request(dispatch_stats_.number), ControlQuestion(AskDispatch{})));
    }
    if (is_due(sink_stats_, at, kStatsPeriod)) {
        status_out_.push_back(encode(Request(sink_stats_.number), StatusQuestion(AskStats{})));
    }
}

void Hub::note_presence(Instant at) {
    board_.ventilator_silence = std::min(at - ventilator_heard_, kSilence);
    board_.sink_silence = std::min(at - sink_heard_, kSilence);
    const bool ventilator = board_.ventilator_is_there();
    const bool sink = board_.sink_is_there();
    if (ventilator != ventilator_was_there_) {
        spdlog::info("gateway: the ventilator {}", ventilator ? "is there" : "does not answer");
    }
    if (sink != sink_was_there_) {
        spdlog::info("gateway: the sink {}", sink ? "is there" : "does not answer");
    }
    board_changed_ = board_changed_ || ventilator != ventilator_was_there_ ||
                     sink != sink_was_there_ || board_.draining != draining_;
    ventilator_was_there_ = ventilator;
    sink_was_there_ = sink;
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
