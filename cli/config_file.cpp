#include "cli/config_file.hpp"

#include "cli/exit_code.hpp"

#include <array>
#include <charconv>
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace penstock::cli {
namespace {

std::string place(const std::string& path, unsigned line) {
    return path + ":" + std::to_string(line);
}

std::string number_text(double value) {
    std::array<char, 64> out{};
    const auto [end, error] = std::to_chars(out.data(), out.data() + out.size(), value);
    return error == std::errc() ? std::string(out.data(), end) : std::string();
}

std::string one_value(const toml::node& node, const std::string& path) {
    if (const auto* text = node.as_string()) return text->get();
    if (const auto* whole = node.as_integer()) return std::to_string(whole->get());
    if (const auto* number = node.as_floating_point()) return number_text(number->get());
    if (const auto* truth = node.as_boolean()) return truth->get() ? "true" : "false";
    throw Quit(Exit::usage, place(path, node.source().begin.line) +
                                ": a flag is a text, a number, true, false, or an array of those.");
}

ConfigEntry entry_of(const toml::key& key, const toml::node& node, const std::string& table,
                     const std::string& path) {
    ConfigEntry out{std::string(key.str()), table, {}, node.source().begin.line};
    if (const toml::array* array = node.as_array()) {
        for (const toml::node& element : *array) out.values.push_back(one_value(element, path));
    } else {
        out.values.push_back(one_value(node, path));
    }
    return out;
}

} // namespace

ConfigFile read_config_file(const std::string& path, const std::string& command) {
    toml::table file;
    try {
        file = toml::parse_file(path);
    } catch (const toml::parse_error& error) {
        throw Quit(Exit::usage, place(path, error.source().begin.line) + ": " +
                                    std::string(error.description()));
    }
    ConfigFile out;
    if (const toml::table* own = file[command].as_table()) {
        for (const auto& [key, node] : *own) {
            out.entries.push_back(entry_of(key, node, command, path));
        }
    }
    for (const auto& [key, node] : file) {
        if (node.is_table())
            out.tables.emplace_back(key.str());
        else
            out.entries.push_back(entry_of(key, node, "", path));
    }
    return out;
}

} // namespace penstock::cli
