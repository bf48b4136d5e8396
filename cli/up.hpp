#pragma once
// `penstock up`: all four roles as threads of one process.

#include "cli/program.hpp"

namespace penstock::cli {

Command up_command(CLI::App& root);

} // namespace penstock::cli
