// Jobs that are one call of a batch handler.

#include "workers/slots.hpp"

#include <deque>
#include <exception>
#include <string>

namespace penstock::worker {
namespace {

// Third-party code starts here: whatever it throws fails all of its jobs.
std::vector<Reply> call(const Kind& kind, const std::vector<Job*>& jobs) {
    std::string why;
    try {
        std::vector<Reply> replies = kind.batch(jobs);
        if (replies.size() == jobs.size()) return replies;
        // Which reply is whose can't be known, and the next time it will be the same.
        why = "the batch handler gave " + std::to_string(replies.size()) + " replies for " +
              std::to_string(jobs.size()) + " jobs";
        replies.clear();
        for (std::size_t i = 0; i < jobs.size(); ++i) {
            replies.push_back(Reply::failure("wrong-reply-count", why, Retry::pointless));
        }
        return replies;
    } catch (const std::exception& error) {
        why = error.what();
    } catch (...) {
        why = "the handler threw something that is no std::exception";
    }
    std::vector<Reply> replies;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        replies.push_back(Reply::failure("handler-error", why, Retry::allowed));
    }
    return replies;
}

void serve_rows(Batch& batch, const std::vector<std::uint32_t>& rows) {
    const Instant start = std::chrono::steady_clock::now();
    std::deque<Job> jobs; // a Job never moves
    std::vector<Job*> given;
    for (const std::uint32_t row : rows) given.push_back(&jobs.emplace_back(batch, row, start));
    std::vector<Reply> replies = call(batch.kind(), given);
    // Each of them took as long as the call did.
    const Duration run = std::chrono::steady_clock::now() - start;
    for (std::size_t i = 0; i < rows.size(); ++i) {
        batch.finish(rows[i], std::move(replies[i]), run, start);
    }
}

} // namespace

// A ventilator that forms no batches sends rows that happen to share a message: they are calls of
// their own.
void Pool::Slots::serve_together(Batch& batch) {
    if (batch.jobs().together) {
        const std::vector<std::uint32_t> rows = batch.claim_all();
        if (!rows.empty()) serve_rows(batch, rows);
    } else if (const auto row = batch.claim()) {
        serve_rows(batch, {*row});
    }
}

} // namespace penstock::worker
