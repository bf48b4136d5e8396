#include "workers/batch.hpp"

#include "protocol/check.hpp"

#include <algorithm>

namespace penstock::worker {

Batch::Batch(std::shared_ptr<const void> frame, JobBatch jobs, std::shared_ptr<Kind> kind,
             std::shared_ptr<Desk> desk, Instant arrived)
    : frame_(std::move(frame)), jobs_(std::move(jobs)), kind_(std::move(kind)),
      desk_(std::move(desk)), arrived_(arrived), states_(jobs_.rows.size()), outcomes_(jobs_.rows.size()),
      open_(static_cast<std::uint32_t>(jobs_.rows.size())) {}

std::uint32_t Batch::unclaimed() const {
    const std::uint32_t next = next_.load();
    return next < size() ? size() - next : 0;
}

std::optional<std::uint32_t> Batch::claim() {
    while (unclaimed() > 0) {
        const std::uint32_t i = next_.fetch_add(1);
        if (i >= size()) return std::nullopt;
        RowState expected = RowState::waiting;
        if (states_[i].compare_exchange_strong(expected, RowState::running)) return i;
    }
    return std::nullopt;
}

std::vector<std::uint32_t> Batch::claim_all() {
    std::vector<std::uint32_t> out;
    for (std::uint32_t i = std::min(next_.exchange(size()), size()); i < size(); ++i) {
        RowState expected = RowState::waiting;
        if (states_[i].compare_exchange_strong(expected, RowState::running)) out.push_back(i);
    }
    return out;
}

void Batch::finish(std::uint32_t row, Reply reply, Duration run, Instant started) {
    if (reply.encoded().size() > kPayloadBytesMax) {
        reply = Reply::failure("result-too-large", "the result is larger than 16 MiB",
                               Retry::pointless);
    }
    if (reply.failed() && states_[row].load() == RowState::cancelling) {
        reply = Reply::failure("cancelled", "cancelled while it ran", Retry::pointless);
    }
    const Duration waited =
        started == kNever || started < arrived_ ? Duration(0) : started - arrived_;
    outcomes_[row] = {std::move(reply), run, waited};
    // Sequentially consistent: the loop says that it sleeps and then looks here, this thread does the
    // reverse. One of them must see the other, or a result lies there until something else happens.
    states_[row].store(RowState::done);
}

bool Batch::cancelled(std::uint32_t row) const {
    return states_[row].load(std::memory_order_relaxed) == RowState::cancelling;
}

std::stop_token Batch::stop_token(std::uint32_t row) {
    const std::lock_guard lock(stops_mutex_);
    std::stop_source& source = stops_[row];
    if (states_[row].load() == RowState::cancelling) source.request_stop();
    return source.get_token();
}

Batch::Cancelled Batch::cancel(std::uint32_t row) {
    RowState expected = RowState::waiting;
    if (states_[row].compare_exchange_strong(expected, RowState::gone)) {
        --open_;
        return Cancelled::before_start;
    }
    expected = RowState::running;
    if (!states_[row].compare_exchange_strong(expected, RowState::cancelling)) {
        return Cancelled::too_late;
    }
    std::stop_source source(std::nostopstate);
    {
        const std::lock_guard lock(stops_mutex_);
        if (const auto found = stops_.find(row); found != stops_.end()) source = found->second;
    }
    source.request_stop(); // not under the lock: callbacks run here
    return Cancelled::running;
}

std::vector<std::uint32_t> Batch::withdraw() {
    std::vector<std::uint32_t> out;
    for (std::uint32_t i = std::min(next_.exchange(size()), size()); i < size(); ++i) {
        RowState expected = RowState::waiting;
        if (!states_[i].compare_exchange_strong(expected, RowState::gone)) continue;
        --open_;
        out.push_back(i);
    }
    return out;
}

} // namespace penstock::worker
