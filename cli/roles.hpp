#pragma once
// The four roles as processes of their own: `penstock gateway | ventilator | sink | worker`.

#include "cli/program.hpp"

namespace penstock::cli {

Command gateway_command(CLI::App& root);
Command ventilator_command(CLI::App& root);
Command sink_command(CLI::App& root);
Command worker_command(CLI::App& root);

} // namespace penstock::cli
