#pragma once
// One end of the numbered link on a socket: what Link decides, done. Both ventilator and sink have
// one; neither sleeps on it, and nothing goes out again because time has passed.

#include "protocol/codec.hpp"
#include "protocol/link.hpp"
#include "transport/sockets.hpp"

#include <variant>

namespace penstock::transport {

template <class In, class Out> // FromSink and ToSink, or the other way round
class LinkEnd : public Link<Frame> {
public:
    // True: the message is the next one, for whoever owns this end. It will be confirmed.
    bool takes(const Linked<In>& linked, Instant now) {
        if (arrived(linked.head) != Arrival::take) return false;
        if (std::holds_alternative<Resend>(linked.message)) {
            rewind(linked.head.got);
            return false;
        }
        confirm_soon(now);
        return true;
    }

    void confirm_soon(Instant now) {
        if (confirm_at_ == kNever) confirm_at_ = now + kConfirmWithin;
    }

    // Goes out with the next pump, and again until it is confirmed.
    void say(const Out& message) {
        const LinkHead head = number();
        push(make_frame(encode(head, message)));
        confirm_at_ = kNever; // it carries `got`
    }

    // As much as the socket takes now.
    void pump(zmq::socket_t& socket, Instant now) {
        while (const Frame* frame = unsent()) {
            if (!send_frame(socket, *frame)) break;
            mark_sent();
        }
        if (owes_resend()) {
            if (!send_copy(socket, encode(unnumbered(), Out{Resend{}}))) owe_resend();
        } else if (untold() >= kConfirmAfter || now >= confirm_at_) {
            confirm_at_ = kNever;
            if (untold() > 0) send_copy(socket, encode(unnumbered(), Out{Confirm{}}));
        }
    }

    // When the next pump is due, if nothing else happens.
    [[nodiscard]] Instant wake_at() const { return confirm_at_; }

private:
    static constexpr Duration kConfirmWithin = std::chrono::milliseconds(50);
    static constexpr std::uint64_t kConfirmAfter = 64;

    Instant confirm_at_ = kNever;
};

} // namespace penstock::transport
