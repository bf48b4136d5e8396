#pragma once
// The header that says where a finished job's time went. Pure.

#include "gateway/reply.hpp"
#include "protocol/questions.hpp"

#include <string>

namespace penstock::gateway {

// The value of Server-Timing: queue, dispatch, run and return in milliseconds, as far as they are
// known; empty for a job that is not finished.
std::string server_timing(const JobView& job);
void add_server_timing(Reply& reply, std::string timing); // unless it is empty

} // namespace penstock::gateway
