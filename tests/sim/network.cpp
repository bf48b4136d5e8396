// What lies between the roles: connections that are slow, stall, break and lose what they had, and
// the two ends of the link between ventilator and sink.

#include "tests/sim/world.hpp"

#include <iterator>
#include <utility>

namespace penstock::sim {

using namespace std::chrono_literals;

// ---- connections --------------------------------------------------------------------------

// In order within the connection; gone if the connection ends before it arrives.
void World::send(Pipe& pipe, Event deliver) {
    if (pipe.loses_until > now_) {
        pipe.has_gap = true;
        return saw("frame lost with its connection");
    }
    if (std::exchange(pipe.has_gap, false)) count("lost from the middle");
    pipe.last = std::max(pipe.last, now_ + between(100us, 2ms));
    events_.push({pipe.last, ++order_, [this, &pipe, life = pipe.life, deliver = std::move(deliver)] {
                      if (pipe.life == life)
                          deliver();
                      else
                          saw("frame lost with its connection");
                  }});
}

// Nothing gets through for a while, and nothing is lost: what goes other ways overtakes it.
void World::stall(Pipe& pipe) {
    count("connection stalled");
    pipe.last = std::max(pipe.last, now_ + between(2ms, hastened(500ms)));
}

void World::stall_one() {
    const auto any = static_cast<std::size_t>(chance_.unit() * 10);
    Pipe* const roles[] = {&to_sink_, &to_ventilator_, &to_door_, &to_status_, &from_status_};
    if (any < std::size(roles)) return stall(*roles[any]);
    Worker& w = *workers_[static_cast<std::size_t>(chance_.unit() * static_cast<double>(workers_.size()))];
    if (w.alive) stall(any % 2 == 0 ? w.lane_pipe : w.sink_pipe);
}

// ---- the link -----------------------------------------------------------------------------

bool World::is_next(LinkArrival arrival) {
    if (arrival == LinkArrival::again) saw("message of the link again");
    if (arrival == LinkArrival::gap) saw("gap in the link");
    return arrival == LinkArrival::take;
}

void World::pump_link() {
    if (linked_) {
        pump(v_link_, to_sink_, [this](const std::string& frame) { sink_frame(frame); },
             [](const LinkHead& head, auto message) { return encode(head, ToSink{message}); });
    }
    if (s_linked_) {
        pump(s_link_, to_ventilator_, [this](const std::string& frame) { ventilator_frame(frame); },
             [](const LinkHead& head, auto message) { return encode(head, FromSink{message}); });
    }
}

template <class Deliver, class Encode>
void World::pump(LinkOfFrames& link, Pipe& pipe, Deliver deliver, Encode encoded) {
    const auto say = [&](std::shared_ptr<const std::string> frame) {
        send(pipe, [deliver, frame = std::move(frame)] { deliver(*frame); });
    };
    while (const auto* frame = link.unsent()) {
        say(*frame);
        link.mark_sent();
    }
    if (link.owes_resend())
        say(std::make_shared<const std::string>(encoded(link.unnumbered(), Resend{})));
    else if (link.untold() > 0 && happens(0.3))
        say(std::make_shared<const std::string>(encoded(link.unnumbered(), Confirm{})));
}

// The ventilator says hello, for the first time or after a break.
void World::meet() {
    const Instant awake = std::max(v_asleep_until_, s_asleep_until_);
    if (awake > now_) return at_ventilator(awake - now_, [this] { meet(); });
    if (linked_) return;
    at_ventilator(kHelloAgain, [this, round = ++hello_rounds_] {
        if (round == hello_rounds_) meet();
    });
    Hello hello;
    hello.instance = v_life_;
    hello.epoch = dispatcher_->epoch();
    hello.got = v_link_.got();
    const HelloAnswer answer = ledger_->hello(hello, sink_life_);
    if (!answer.error.empty()) return fail("hello was refused: " + answer.error);
    unsaid_.meet(answer, std::exchange(met_life_, v_life_) != v_life_, s_link_);
    s_linked_ = true;
    ledger_->set_ventilator_up(true);
    unsaid_.burst().hellos.push_back({v_life_, {}, answer});
}

// On a connection of its own: what the sink says on the link may be there before.
void World::say(const sink::HelloReply& hello) {
    if (hello.asker != v_life_) return; // it is gone
    send(to_asker_, [this, answer = hello.answer] {
        if (v_asleep_until_ <= now_) return hear_hello(answer);
        at_ventilator(v_asleep_until_ - now_, [this, answer, life = to_asker_.life] {
            if (life == to_asker_.life) hear_hello(answer); // else it says hello once more
        });
    });
}

void World::hear_hello(const HelloAnswer& answer) {
    if (linked_) return;
    const bool same_life =
        known_sink_ == answer.sink_epoch && answer.epoch == dispatcher_->epoch();
    if (same_life) {
        v_link_.rewind(answer.got);
    } else {
        v_link_.restart(answer.epoch, answer.sink_epoch);
        v_link_.owe_resend(); // what overtook this answer was of an epoch not known here
    }
    known_sink_ = answer.sink_epoch;
    linked_ = true;
    dispatcher_->sink_up(answer.sink_epoch, answer.epoch, answer.remembers, v_out_);
}

// ---- what happens to it -------------------------------------------------------------------

void World::end(Pipe& pipe) {
    ++pipe.life;
    pipe.loses_until = {};
    pipe.has_gap = false;
}

void World::cut_link() {
    ++hello_rounds_;
    end(to_asker_);
    linked_ = s_linked_ = false;
    ledger_->set_ventilator_up(false);
    dispatcher_->sink_down();
}

void World::break_link() {
    if (!linked_) return;
    count("link break");
    cut_link();
    const bool both = happens(0.5); // the socket's own queue survives, the kernel's does not
    const bool forth = happens(0.5);
    if (both || forth) end(to_sink_);
    if (both || !forth) end(to_ventilator_);
    at(outage(2s, 100s), [this] { meet(); });
}

// A connection is made anew, and what the kernel had is lost; what the socket sends next arrives
// before its owner hears that there was anything. So there is a gap behind what arrived.
void World::lose_from_the_middle() {
    if (!linked_) return;
    const bool forth = happens(0.5);
    Pipe& pipe = forth ? to_sink_ : to_ventilator_;
    if (pipe.loses_until > now_) return;
    pipe.loses_until = now_ + between(1ms, hastened(50ms));
    const std::uint64_t life = forth ? v_life_ : sink_life_;
    at(pipe.loses_until - now_ + between(5ms, hastened(200ms)), [this, forth, life] {
        if (life == (forth ? v_life_ : sink_life_)) new_connection(forth);
    });
}

// Its owner hears of it, and takes everything for lost that was not confirmed.
void World::new_connection(bool forth) {
    const Instant awake = forth ? v_asleep_until_ : s_asleep_until_;
    if (awake > now_) return at(awake - now_, [this, forth] { new_connection(forth); });
    if (std::exchange((forth ? to_sink_ : to_ventilator_).has_gap, false)) count("lost at the end");
    if (!forth) return s_link_.rewind(0);
    if (!linked_) return;
    linked_ = false;
    dispatcher_->sink_down();
    meet();
}

} // namespace penstock::sim
