#include "workers/results.hpp"

#include "protocol/near.hpp"

namespace penstock::worker {
namespace {

constexpr std::size_t kRowsInMessage = 1024;
constexpr std::size_t kBytesInMessage = 256u << 10;
constexpr Duration kWaitSaid = std::chrono::milliseconds(1); // what is shorter costs bytes only

} // namespace

void Results::add(Epoch epoch, std::uint64_t queued_us, const JobRow& job,
                  const Outcome& outcome) {
    const Reply& reply = outcome.reply;
    const Bytes value = reply.failed() ? Bytes() : reply.encoded();
    const bool fits = open_.rows.size() < kRowsInMessage &&
                      open_bytes_ + value.size() <= kBytesInMessage && epoch == open_.epoch &&
                      reply.content_type() == open_.content_type &&
                      is_near(queued_us, open_.queued_us);
    if (!fits) close();
    if (open_.rows.empty()) {
        open_.epoch = epoch;
        open_.queued_us = queued_us;
        open_.content_type = reply.content_type();
    }
    open_bytes_ += value.size();
    numbers_.push_back(job.number);
    open_.rows.push_back(ResultRow{job.id, job.attempt}); // made from nothing it would be cleared first
    auto& row = open_.rows.back();
    row.run_us = static_cast<std::uint64_t>(outcome.run / std::chrono::microseconds(1));
    if (outcome.waited >= kWaitSaid) {
        row.waited_us = static_cast<std::uint64_t>(outcome.waited / std::chrono::microseconds(1));
    }
    row.value = value;
    if (reply.failed()) row.failure = *reply.why();
}

void Results::close() {
    if (open_.rows.empty()) return;
    closed_.push_back({encode(open_), open_.epoch, open_.rows.size()});
    open_.rows.clear(); // its room is kept
    open_bytes_ = 0;
}

} // namespace penstock::worker
