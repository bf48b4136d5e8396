#pragma once
// Asking the sink for one job, on behalf of a request about it.

#include "gateway/exchange.hpp"

#include <optional>

namespace penstock::gateway {

struct Looked {
    Answer answer;               // a JobAnswer about a known job,
    std::optional<Reply> failed; // unless there is this: then that is all
};

// The job as it is now, or as it is when it has finished or the wait is over.
Awaitable<Looked> look_up(Exchange* exchange, JobId id, Wait wait);

} // namespace penstock::gateway
