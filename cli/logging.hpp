#pragma once
// The log of a role: stderr, coloured text on a terminal, else one `key=value` line each.

#include "cli/app_fwd.hpp"

#include <string>

namespace penstock::cli {

struct RoleFlags {
    std::string config; // read by layers.cpp
    std::string log_level = "info";
};

// --config and --log-level
void add_role_flags(CLI::App& app, RoleFlags& flags);
void start_log(const RoleFlags& flags);

} // namespace penstock::cli
