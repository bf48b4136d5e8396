#pragma once
// Whether a role answers on its own port. The gateway is asked over HTTP, the others over ZeroMQ.

#include <string>

namespace penstock::cli {

// Empty if it serves, else a sentence. A port that nobody listens on takes a few seconds.
std::string ventilator_trouble(const std::string& control);
std::string sink_trouble(const std::string& status);

} // namespace penstock::cli
