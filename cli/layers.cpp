#include "cli/layers.hpp"

#include "cli/config_file.hpp"
#include "cli/exit_code.hpp"

#include <CLI/CLI.hpp>
#include <cctype>
#include <cstdlib>

namespace penstock::cli {
namespace {

bool is_layered(const CLI::Option& option) {
    if (option.get_lnames().empty()) return false; // positional
    const std::string& name = option.get_lnames().front();
    return name != "help" && name != "version";
}

// The origin goes before the message: a bad value was not typed, so say where it stands.
void give(CLI::Option& option, const std::vector<std::string>& values, const std::string& origin) {
    const bool is_flag = option.get_items_expected_max() == 0;
    try {
        for (const std::string& value : values) {
            option.add_result(is_flag ? option.get_flag_value(option.get_lnames().front(), value)
                                      : value);
        }
        option.run_callback();
    } catch (const CLI::ParseError& error) {
        throw Quit(Exit::usage, origin + ": " + error.what());
    }
}

void fill_from_environment(CLI::App& command) {
    for (CLI::Option* option : command.get_options()) {
        if (!is_layered(*option) || option->count() > 0) continue;
        const std::string name = environment_name(option->get_lnames().front());
        const char* value = std::getenv(name.c_str());
        if (value != nullptr && *value != '\0') give(*option, {value}, name);
    }
}

std::vector<CLI::App*> all_commands(CLI::App& root) {
    return root.get_subcommands([](CLI::App*) { return true; });
}

bool is_command(CLI::App& root, const std::string& name) {
    for (const CLI::App* app : all_commands(root)) {
        if (app->get_name() == name) return true;
    }
    return false;
}

bool somebody_has(CLI::App& root, const std::string& flag) {
    for (const CLI::App* app : all_commands(root)) {
        if (app->get_option_no_throw("--" + flag) != nullptr) return true;
    }
    return false;
}

void fill_from_file(CLI::App& root, CLI::App& command, const std::string& path) {
    const ConfigFile file = read_config_file(path, command.get_name());
    for (const std::string& table : file.tables) {
        if (!is_command(root, table)) {
            throw Quit(Exit::usage, path + ": there is no command for the table [" + table + "].");
        }
    }
    for (const ConfigEntry& entry : file.entries) {
        CLI::Option* option = command.get_option_no_throw("--" + entry.flag);
        const bool own_table = !entry.table.empty();
        if (option == nullptr) {
            if (!own_table && somebody_has(root, entry.flag)) continue; // meant for another
            throw Quit(Exit::usage, path + ":" + std::to_string(entry.line) +
                                        ": there is no flag --" + entry.flag +
                                        (own_table ? " of " + entry.table : "") + "; `penstock " +
                                        command.get_name() + " --help` lists them.");
        }
        if (option->count() == 0) {
            give(*option, entry.values, path + ":" + std::to_string(entry.line));
        }
    }
}

} // namespace

std::string environment_name(const std::string& flag) {
    std::string out = "PENSTOCK_";
    for (const char c : flag) {
        out += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    }
    return out;
}

void fill_layers(CLI::App& root, CLI::App& command) {
    fill_from_environment(command);
    const CLI::Option* config = command.get_option_no_throw("--config");
    if (config != nullptr && config->count() > 0) {
        fill_from_file(root, command, config->as<std::string>());
    }
}

} // namespace penstock::cli
