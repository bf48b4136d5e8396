#include "gateway/hub.hpp"

#include "protocol/check.hpp"

#include <algorithm>
#include <spdlog/spdlog.h>

namespace penstock::gateway {
namespace {

using std::chrono::milliseconds;

constexpr Duration kRoomPeriod = milliseconds(250);
constexpr Duration kRoomPeriodAway = milliseconds(50); // while nothing is taken: start quickly
constexpr Duration kStatsPeriod = std::chrono::seconds(1);
constexpr Duration kAskAgain = std::chrono::seconds(1); // a question without an answer
constexpr Duration kTickPeriod = milliseconds(50);
constexpr Duration kSendAgain = milliseconds(1); // what a queue had no room for
constexpr std::size_t kQuestionsPerFrame = 1'000;
constexpr std::size_t kAnswersPerTurn = 1'000;
constexpr std::size_t kUnsentBytesMax = 256u << 20;

Instant now() {
    return std::chrono::steady_clock::now();
}

} // namespace

Hub::Peer::Peer(const char* its_name, zmq::context_t& context, asio::io_context& io)
    : name(its_name), socket(transport::open_socket(context, zmq::socket_type::dealer)),
      readable(io, socket.get(zmq::sockopt::fd)) {}

Hub::Hub(const Options& options, zmq::context_t& context, asio::io_context& io)
    : io_(io), door_(transport::open_socket(context, zmq::socket_type::push)),
      ventilator_("ventilator", context, io), sink_("sink", context, io), tick_timer_(io),
      turn_timer_(io) {
    transport::connect_socket(door_, options.ventilator_door, "the gateway");
    transport::connect_socket(ventilator_.socket, options.ventilator_control, "the gateway");
    transport::connect_socket(sink_.socket, options.sink_status, "the gateway");
    const Instant past = now() - kSilence;
    ventilator_.heard = sink_.heard = past;
    for (Poll* poll : {&room_, &sink_stats_, &dispatch_stats_}) poll->asked = poll->answered = past;
}

Hub::~Hub() {
    for (Peer* peer : {&ventilator_, &sink_}) peer->readable.release(); // the socket closes it
}

void Hub::start() {
    turn_when_readable(ventilator_);
    turn_when_readable(sink_);
    tick();
}

void Hub::drain() {
    board_.draining = true;
}

void Hub::give_up() {
    giving_up_ = true;
    turn_soon();
}

void Hub::give(Order&& order) {
    take(std::move(order), now());
    turn_soon();
}

// ---- the loop ------------------------------------------------------------------------------

// Sockets are drained in every turn, since sending to one may swallow the signal of what came.
void Hub::turn() {
    const Instant at = now();
    run_feeds(at);
    if (bursts_.leaves(at)) send_burst();
    send_all();
    receive(sink_, decode_status_answer);
    receive(ventilator_, decode_control_answer);
    if (giving_up_) pending_.expire(kNever, done_);
    keep_promises();
    const bool is_full = !door_unsent_.empty() || !sink_.unsent.empty() ||
                         !ventilator_.unsent.empty();
    const Instant next = std::min(is_full ? at + kSendAgain : kNever, bursts_.due_at());
    if (next <= at)
        turn_soon();
    else
        turn_at(next);
}

// Behind whatever is ready to run: what that brings goes into the same turn.
void Hub::turn_soon() {
    if (turn_is_posted_) return;
    turn_is_posted_ = true;
    asio::post(io_, [this] {
        turn_is_posted_ = false;
        turn();
    });
}

void Hub::turn_when_readable(Peer& peer) {
    peer.readable.async_wait(Descriptor::wait_read, [this, &peer](const auto& error) {
        if (error) return;
        turn();
        turn_when_readable(peer);
    });
}

void Hub::turn_at(Instant when) {
    if (when >= turn_at_) return; // the earlier turn looks again
    turn_at_ = when;
    turn_timer_.expires_at(when);
    turn_timer_.async_wait([this](const auto& error) {
        if (error) return;
        turn_at_ = kNever;
        turn();
    });
}

void Hub::tick() {
    const Instant at = now();
    ask_own(at);
    turn();
    pending_.expire(at, done_);
    keep_promises();
    note_presence(at);
    tick_timer_.expires_at(at + kTickPeriod);
    tick_timer_.async_wait([this](const auto& error) {
        if (!error) tick();
    });
}

// Sessions go on from here, and may give new orders.
void Hub::keep_promises() {
    while (!done_.empty()) {
        keeping_.swap(done_);
        for (auto& completed : keeping_) bursts_.answered(completed.burst);
        for (auto& completed : keeping_) completed.promise.keep(std::move(completed.answer));
        keeping_.clear();
    }
}

// ---- what goes out -------------------------------------------------------------------------

void Hub::take(Order&& order, Instant at) {
    const Instant deadline = at + order.patience;
    const bool submits = std::holds_alternative<SubmitOne>(order.question) ||
                         std::holds_alternative<SubmitMany>(order.question);
    if (submits && door_unsent_bytes_ > kUnsentBytesMax) {
        done_.push_back({std::move(order.promise), {Answer::What::unsent, {}}});
        return;
    }
    if (std::holds_alternative<SubmitMany>(order.question)) return open_feed(std::move(order), at);
    std::uint32_t burst = Bursts::kNone;
    auto* one = std::get_if<SubmitOne>(&order.question);
    if (one != nullptr) {
        const bool stored = one->wait.until == Until::stored;
        burst = bursts_.collect(stored ? Bursts::Until::stored : Bursts::Until::finished, at);
    }
    const std::uint64_t number =
        pending_.open(std::move(order.promise), Pending::Form::single, 1, deadline, burst);
    if (one != nullptr) {
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
                             [&](const Group& p) { return p.terms == one.terms; });
    if (pack == packs_.end()) {
        packs_.emplace_back();
        pack = packs_.end() - 1;
        pack->terms = std::move(one.terms);
    }
    pack->rows.push_back({one.wait.id, pack->payloads.size(), one.payload.size(), 0, {}});
    pack->payloads += one.payload;
    if (pack->rows.size() >= kRowsPerFrame || pack->payloads.size() >= kBytesPerFrame) {
        send_rows(*pack, 0, pack->rows.size(), Sender::many);
        pack->rows.clear();
        pack->payloads.clear();
    }
    if (one.wait.until == Until::stored) {
        stored_.timeout = std::max(stored_.timeout, one.wait.timeout);
        stored_.rows.push_back({number, one.wait.id, one.wait.body});
    } else {
        waits_.push_back(encode(Request(number), StatusQuestion(one.wait)));
    }
}

void Hub::send_burst() {
    for (const Group& pack : packs_) send_rows(pack, 0, pack.rows.size(), Sender::many);
    packs_.clear();
    std::move(waits_.begin(), waits_.end(), std::back_inserter(sink_.questions));
    waits_.clear();
    if (!stored_.rows.empty()) {
        sink_.questions.push_back(encode(std::nullopt, StatusQuestion(stored_)));
        stored_.rows.clear();
        stored_.timeout = Duration(0); // the next burst has waits of its own
    }
    bursts_.leave();
}

void Hub::send_rows(const Group& group, std::size_t from, std::size_t to, Sender sender) {
    if (from == to) return;
    Submit submit;
    submit.terms = group.terms;
    submit.apart = sender == Sender::many && to - from > 1;
    if (sender == Sender::one) submit.part = static_cast<std::uint32_t>(from);
    submit.rows.reserve(to - from);
    for (std::size_t i = from; i < to; ++i) {
        submit.rows.push_back({group.rows[i].id, group.payload(group.rows[i])});
    }
    door_unsent_.push_back(transport::make_frame(encode(submit)));
    door_unsent_bytes_ += door_unsent_.back()->size();
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
    for (std::size_t from = 0, to = 0; from < questions.size(); from = to) {
        std::size_t bytes = 0;
        do { // one at least: a large one goes alone
            bytes += questions[to++].size();
        } while (to < questions.size() && to - from < kQuestionsPerFrame &&
                 bytes + questions[to].size() <= kBytesPerFrame);
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

// ---- what comes in -------------------------------------------------------------------------

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
            if (request) {
                take_answer(*request, std::move(answer));
            } else if constexpr (std::is_same_v<Answer, StatusAnswer>) {
                if (const auto* stored = std::get_if<StoredAnswer>(&answer)) take_stored(*stored);
            }
        }
    }
    turn_soon(); // there may be more
}

void Hub::take_stored(const StoredAnswer& answer) {
    for (const Range& range : answer.requests) {
        for (std::uint64_t i = 0; i < range.count; ++i) {
            pending_.answer(range.first + i, IsStored{}, done_);
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
        note_presence(room_.answered);
    } else if (auto* stats = std::get_if<DispatchStats>(&answer)) {
        dispatch_stats_.answered = now();
        board_.dispatch = std::move(*stats);
    }
}

void Hub::note_presence(Instant at) {
    board_.ventilator_silence = std::min(at - ventilator_.heard, kSilence);
    board_.sink_silence = std::min(at - sink_.heard, kSilence);
    note_presence(ventilator_, board_.ventilator_is_there());
    note_presence(sink_, board_.sink_is_there());
}

void Hub::note_presence(Peer& peer, bool is_there) {
    if (is_there == peer.was_there) return;
    spdlog::info("gateway: the {} {}", peer.name, is_there ? "is there" : "does not answer");
    peer.was_there = is_there;
}

void Hub::complain(const std::string& error) {
    ++malformed_;
    const Instant at = now();
    if (at < next_complaint_) return;
    next_complaint_ = at + std::chrono::seconds(10);
    spdlog::warn("gateway: {} ({} such frames so far)", error, malformed_);
}

} // namespace penstock::gateway
