#pragma once
// What every subcommand is made of, and the one place that parses, runs and reports them.

#include "cli/app_fwd.hpp"
#include "cli/exit_code.hpp"

#include <functional>
#include <string>
#include <vector>

namespace penstock::cli {

struct Command {
    CLI::App* app;             // its flags; owned by the root
    std::function<Exit()> run; // called once its flags are filled in
};

// Root flags, the texts of --help, and the rule that one subcommand must be named.
void describe(CLI::App& root);

// Puts them under one heading of --help.
void add_group(std::vector<Command>& all, const std::string& heading,
               const std::vector<Command>& commands);

// Parses, fills what is not on the command line from the environment and the file, runs the
// command. Errors of any sort become one sentence on stderr and an exit code.
int run_program(CLI::App& root, const std::vector<Command>& commands, int argc, char** argv);

} // namespace penstock::cli
