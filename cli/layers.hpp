#pragma once
// Where a flag's value comes from: the command line, else PENSTOCK_<FLAG> in the environment, else
// the file of --config, else its default. CLI11 knows environment and files too, but lets the file
// win over the environment.

#include "cli/app_fwd.hpp"

#include <string>

namespace penstock::cli {

// "log-level" -> "PENSTOCK_LOG_LEVEL"
std::string environment_name(const std::string& flag);

// Fills the flags of `command` that the command line did not give. REQUIRES: root has parsed.
// Throws CLI::ParseError, or Quit for a file that can't be read or names a flag that nobody has.
void fill_layers(CLI::App& root, CLI::App& command);

} // namespace penstock::cli
