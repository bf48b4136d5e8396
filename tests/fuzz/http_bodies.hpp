#pragma once
// What becomes of the body of a request that was let in, up to the message that the hub would be
// given: as the answers_*.cpp of the gateway do it, without anybody to ask.

#include "gateway/routes.hpp"

#include <string_view>

namespace penstock::fuzz {

// The status of the answer, as far as the request alone decides it. Stops the fuzzer if what comes
// out is nothing that a ventilator or a sink understands.
int answer_body(const gateway::Command& command, const gateway::Head& head, std::string_view body);

} // namespace penstock::fuzz
