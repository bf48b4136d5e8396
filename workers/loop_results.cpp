// The loop's way to the sink: results, which are kept until they are recorded, pieces of results
// and progress, which are not.

#include "workers/loop.hpp"

namespace penstock::worker {
namespace {

// Above this much that the sink has not taken, no more jobs are taken.
constexpr std::size_t kUnsentBytesMax = 64u << 20;
constexpr Duration kProgressEvery = std::chrono::milliseconds(50);

} // namespace

bool Loop::too_much_unsent() const {
    return sink_ && sink_->bytes() > kUnsentBytesMax;
}

bool Loop::collect() {
    for (const auto& batch : open_) {
        batch->collect([&](const JobRow& job, const Outcome& outcome) {
            results_.add(batch->jobs().epoch, batch->jobs().queued_us, job, outcome);
            if (streams_.any()) ended_.emplace_back(job.id, job.attempt);
        });
    }
    send_partials(); // those of these outcomes are there, and go first
    for (const auto& [job, attempt] : ended_) streams_.ended(job, attempt);
    ended_.clear();
    bool sent = false;
    results_.take([&](std::string encoded, Epoch epoch, std::span<const JobNumber> jobs) {
        const transport::Frame frame = transport::make_frame(std::move(encoded));
        if (keeps_results()) outbox_.keep(frame, epoch, jobs);
        sink_->send(frame);
        sent = true;
    });
    if (outbox_.given_up() > 0 && !said_given_up_) {
        said_given_up_ = true;
        log("64 MiB of results are not recorded yet: the oldest are not kept any longer");
    }
    std::erase_if(open_, [](const auto& batch) { return batch->empty(); });
    return sent;
}

void Loop::send_progress() {
    if (!desk_->has_progress() || now_ - progress_at_ < kProgressEvery) return;
    progress_at_ = now_;
    for (const auto& progress : desk_->take_progress()) {
        if (sink_ && sink_->flushed())
            sink_->send_fleeting(transport::make_frame(encode(progress)));
    }
}

// Not kept for a sink that does not read: they are worth something only while they are new.
void Loop::send_partials() {
    if (!desk_->has_partials()) return;
    busy_ = true;
    for (auto& piece : desk_->take_partials()) {
        const auto room = sink_ && !too_much_unsent() ? Streams::Room::some : Streams::Room::none;
        if (streams_.admit(piece.id, piece.attempt, room))
            sink_->send_fleeting(transport::make_frame(std::move(piece.frame)));
        else if (partials_dropped_++ == 0)
            log("pieces of results are dropped: the sink does not take what there is, or is a new one");
    }
}

Duration Loop::until_progress() const {
    return desk_->has_progress() ? kProgressEvery : Duration::max();
}

// The first connection has nothing to make up for: what waits for it is sent.
void Loop::sink_is(transport::PeerEvent::What what) {
    if (what == transport::PeerEvent::What::down) {
        sink_->disconnected();
        streams_.cut_all();
        return;
    }
    sink_->connected();
    if (sink_was_up_) send_again();
    sink_was_up_ = true;
}

void Loop::send_again() {
    if (outbox_.empty()) return;
    log("a new connection to the sink: " + std::to_string(outbox_.size()) +
        " messages of results that it has not recorded are sent again");
    sink_->send_first(outbox_.frames());
}

void Loop::open_sink(const std::string& endpoint) {
    if (sink_ && sink_->endpoint() == endpoint) return;
    const bool is_first = !sink_;
    sink_was_up_ = false;
    sink_key_ = ++last_key_;
    // Those in memory have no events.
    const Watch watch = is_inproc(endpoint) ? Watch() : Watch{&monitors_, sink_key_};
    sink_ = std::make_unique<Outlet>(context_, endpoint, "The worker", kResultsLinger, watch);
    if (is_first) return;
    streams_.cut_all();
    send_again();
}

} // namespace penstock::worker
