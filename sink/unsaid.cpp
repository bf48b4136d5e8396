#include "sink/unsaid.hpp"

#include "protocol/check.hpp"

#include <utility>

namespace penstock::sink {

void Unsaid::meet(const HelloAnswer& answer, bool is_new, FrameLink& link) {
    // All of it, and not what is behind the hello's `got`: a ventilator that has not been answered
    // yet asks again, and counts what the sink before this one said.
    if (!is_new) return link.rewind(0);
    if (!answer.remembers) { // else it is all for this one
        burst_.outbox.forget_link();
        waiting_.outbox.forget_link();
    }
    link.restart(answer.epoch, answer.sink_epoch);
    waiting_.got = link.got();
}

// What it shows of the ledger's bytes is to outlive them.
void Unsaid::pause() {
    burst_.outbox.own_bytes();
}

Unsaid::Next Unsaid::end_burst(Changes changes, FrameLink& link) {
    PENSTOCK_CHECK(!is_writing_);
    pause();
    Next next;
    if (burst_.empty() && changes.empty() && link.tellable() == link.got()) return next;
    unkept_bytes_ = 0;
    burst_.got = link.got();
    if (changes.empty()) {
        link.may_tell(burst_.got);
        next.say = std::exchange(burst_, {});
        return next;
    }
    is_writing_ = true;
    waiting_ = std::exchange(burst_, {});
    next.write = std::move(changes);
    return next;
}

Burst Unsaid::written(FrameLink& link) {
    PENSTOCK_CHECK(is_writing_);
    is_writing_ = false;
    link.may_tell(waiting_.got);
    return std::exchange(waiting_, {});
}

} // namespace penstock::sink
