#pragma once
// One side of the numbered link between ventilator and sink. What was sent is kept until the other
// side says that it has arrived, and sent again after a reconnect or when a gap was seen; never by
// a timer. What arrives is taken once and in order. Owns no socket: frames go in, frames come out.

#include "protocol/check.hpp"
#include "protocol/message.hpp"

#include <algorithm>
#include <cstdint>
#include <deque>

namespace penstock {

template <class Frame> // a shared pointer to bytes
class Link {
public:
    enum class Arrival : std::uint8_t {
        take,  // the next in order
        again, // had it already
        gap,   // something before it is missing: dropped; owes_resend()
        other_epoch,
    };

    // A new life of either side: nothing of the old numbering counts. Both sides count from a number
    // that is made of the sink's life: what an earlier one still has on its way is of this epoch too,
    // and must be neither taken nor believed.
    void restart(Epoch epoch, std::uint64_t sink_life) {
        epoch_ = epoch;
        sent_ = confirmed_ = got_ = told_ = (sink_life & 0x7fff'ffff) << 32;
        next_ = 0;
        asked_resend_ = owes_resend_ = false;
        if (may_tell_ != UINT64_MAX) may_tell_ = got_;
        kept_.clear();
        bytes_ = 0;
    }

    // The head of the next message; its frame is pushed before any other.
    LinkHead number() {
        told_ = tellable();
        return {epoch_, ++sent_, told_};
    }

    void push(Frame frame) {
        bytes_ += frame->size();
        kept_.push_back(std::move(frame));
        PENSTOCK_CHECK(confirmed_ + kept_.size() == sent_);
    }

    // For confirm and resend, which are not numbered and not kept.
    LinkHead unnumbered() {
        told_ = tellable();
        owes_resend_ = false;
        return {epoch_, 0, told_};
    }

    // The next frame that has not been handed to the socket; null if there is none.
    [[nodiscard]] const Frame* unsent() const {
        return next_ < kept_.size() ? &kept_[next_] : nullptr;
    }

    void mark_sent() { ++next_; }

    // The connection broke, or the other side saw a gap: everything behind `got` goes out again.
    void rewind(std::uint64_t got) {
        confirm(got);
        next_ = 0;
    }

    // REQUIRES: for a Resend message, the caller rewinds to head.got besides.
    Arrival arrived(const LinkHead& head) {
        if (head.epoch != epoch_) return Arrival::other_epoch;
        confirm(head.got);
        if (head.seq == 0) return Arrival::take;
        if (head.seq <= got_) return Arrival::again;
        if (head.seq > got_ + 1) {
            // Once per gap: what is still under way behind it would ask again and again.
            owes_resend_ = owes_resend_ || !asked_resend_;
            asked_resend_ = true;
            return Arrival::gap;
        }
        got_ = head.seq;
        asked_resend_ = false;
        return Arrival::take;
    }

    void owe_resend() { owes_resend_ = true; } // it could not be sent
    [[nodiscard]] bool owes_resend() const { return owes_resend_; }

    // How many messages have arrived here that the other side doesn't know of.
    [[nodiscard]] std::uint64_t untold() const { return tellable() - told_; }

    [[nodiscard]] std::uint64_t got() const { return got_; }

    // What has arrived is told only up to here: the rest is not safe yet, and the other side keeps
    // it. Without a call, all of it.
    void may_tell(std::uint64_t got) { may_tell_ = got; }
    [[nodiscard]] std::uint64_t tellable() const { return std::min(got_, may_tell_); }

    [[nodiscard]] Epoch epoch() const { return epoch_; }

    [[nodiscard]] std::size_t unconfirmed() const { return kept_.size(); }

    [[nodiscard]] std::size_t unconfirmed_bytes() const { return bytes_; }

private:
    void confirm(std::uint64_t got) {
        if (got > sent_) return; // of another life's numbering
        while (confirmed_ < got && !kept_.empty()) {
            bytes_ -= kept_.front()->size();
            kept_.pop_front();
            ++confirmed_;
            if (next_ > 0) --next_;
        }
    }

    Epoch epoch_ = 0;
    std::uint64_t sent_ = 0;      // numbers given out
    std::uint64_t confirmed_ = 0; // the other side has these
    std::uint64_t got_ = 0;       // taken here
    std::uint64_t told_ = 0;      // the last `got` that was sent
    std::uint64_t may_tell_ = UINT64_MAX;
    std::size_t next_ = 0;        // in kept_: the first that the socket hasn't had
    bool asked_resend_ = false;
    bool owes_resend_ = false;
    std::size_t bytes_ = 0;
    std::deque<Frame> kept_; // confirmed_ + 1 .. sent_
};

} // namespace penstock
