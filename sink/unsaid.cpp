#include "sink/unsaid.hpp"

#include "protocol/check.hpp"

#include <utility>

namespace penstock::sink {
namespace {

constexpr std::size_t kReplyBytes = 1024; // besides values

std::size_t bytes_of(const Reply& reply) {
    std::size_t bytes = kReplyBytes;
    if (const auto* job = std::get_if<JobAnswer>(&reply.answer)) bytes += job->job.value.size();
    if (const auto* pieces = std::get_if<PartialsAnswer>(&reply.answer)) {
        for (const auto& row : pieces->rows) bytes += row.value.size();
    }
    return bytes;
}

} // namespace

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

// What it shows of the ledger's bytes is to outlive them. Whatever was asked, or was waited for, has an
// answer here.
void Unsaid::pause() {
    burst_.outbox.own_bytes();
    const auto& replies = burst_.outbox.replies;
    for (; counted_ < replies.size(); ++counted_) unkept_bytes_ += bytes_of(replies[counted_]);
}

Unsaid::Next Unsaid::end_burst(Changes changes, FrameLink& link) {
    PENSTOCK_CHECK(!is_writing_);
    pause();
    Next next;
    if (burst_.empty() && changes.empty() && link.tellable() == link.got()) return next;
    unkept_bytes_ = counted_ = 0;
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
