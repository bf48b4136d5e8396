#include "cli/program.hpp"

#include "cli/help.hpp"
#include "cli/layers.hpp"
#include "cli/version.hpp"
#include "transport/sockets.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>

namespace penstock::cli {
namespace {

constexpr const char* kFooter = R"(
Every flag of a command is also PENSTOCK_<FLAG> in the environment (--log-level: PENSTOCK_LOG_LEVEL)
and a key of the TOML file named by --config, at its top or in a table named like the command.
The command line wins over the environment, the environment over the file, the file over defaults.

Data goes to stdout, everything else to stderr. Exit codes: 0 ok, 1 a job failed or something went
wrong, 2 usage, 3 no such job, 4 not finished in time, 5 no gateway, or it can't take this now.)";

int code(Exit exit) {
    return static_cast<int>(exit);
}

int complain(const std::string& sentence, Exit exit) {
    std::fflush(stdout);
    std::fprintf(stderr, "penstock: %s\n", sentence.c_str());
    return code(exit);
}

bool is_command(const std::vector<Command>& commands, const std::string& name) {
    return std::any_of(commands.begin(), commands.end(),
                       [&](const Command& command) { return command.app->get_name() == name; });
}

int run_command(CLI::App& root, const Command& command) {
    try {
        fill_layers(root, *command.app);
        return code(command.run());
    } catch (const Quit& quit) {
        return complain(quit.what(), quit.code);
    } catch (const CLI::ParseError& error) {
        return complain(error.what(), Exit::usage);
    } catch (const transport::StartError& error) {
        return complain(error.what(), Exit::failed);
    } catch (const std::exception& error) {
        return complain(error.what(), Exit::failed);
    }
}

} // namespace

void describe(CLI::App& root) {
    root.name("penstock");
    root.description("Penstock: a job pipeline without a broker.");
    root.require_subcommand(1);
    root.set_version_flag("--version", std::string("penstock ") + kVersion);
    root.set_help_flag("-h,--help", "Print this help and exit");
    // What follows is inherited by the subcommands.
    root.footer("\n`penstock --help` says where else flags may stand, and what exit codes mean.");
    root.formatter(std::make_shared<HelpText>());
    root.option_defaults()->always_capture_default();
}

void add_group(std::vector<Command>& all, const std::string& heading,
               const std::vector<Command>& commands) {
    for (const Command& command : commands) {
        command.app->group(heading);
        all.push_back(command);
    }
}

int run_program(CLI::App& root, const std::vector<Command>& commands, int argc, char** argv) {
    root.footer(kFooter);
    if (argc < 2) {
        std::fputs(root.help().c_str(), stderr);
        return code(Exit::usage);
    }
    const std::string first = argv[1];
    if (!first.starts_with("-") && !is_command(commands, first)) {
        return complain("there is no command '" + first + "'; `penstock --help` lists them.",
                        Exit::usage);
    }
    try {
        root.parse(argc, argv);
    } catch (const CLI::Success& asked_for_text) { // --help, --version
        return root.exit(asked_for_text);
    } catch (const CLI::ParseError& error) {
        return complain(std::string(error.what()) + "\nTry --help.", Exit::usage);
    }
    for (const Command& command : commands) {
        if (command.app->parsed()) return run_command(root, command);
    }
    return code(Exit::usage);
}

} // namespace penstock::cli
