#include "cli/config_file.hpp"

#include "cli/exit_code.hpp"

#include <array>
#include <charconv>
#define TOML_HEADER_ONLY 1
#include <toml++/toml.h>

namespace penstock::cli {
namespace {

constexpr const char* kKinds = "kinds"; // the table of tables, and a command

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

// [kinds.NAME] with a setting a line, as the text of --kind-settings.
ConfigEntry kind_entry(const toml::key& name, const toml::table& settings,
                       const std::string& path) {
    std::string text = std::string(name.str()) + ":";
    for (const auto& [key, node] : settings) {
        if (text.back() != ':') text += ',';
        text += std::string(key.str()) + "=" + one_value(node, path);
    }
    return {"kind-settings", "", {std::move(text)}, settings.source().begin.line};
}

// What holds for kinds is one flag with a value a kind.
void add_kinds(const toml::table& kinds, const std::string& path, ConfigFile& out) {
    ConfigEntry all;
    for (const auto& [key, node] : kinds) {
        const toml::table* settings = node.as_table();
        if (settings == nullptr) continue; // a flag of the command `kinds`
        ConfigEntry one = kind_entry(key, *settings, path);
        if (all.values.empty())
            all = std::move(one);
        else
            all.values.push_back(std::move(one.values.front()));
    }
    if (!all.values.empty()) out.entries.push_back(std::move(all));
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
            const bool is_a_kind = command == kKinds && node.is_table();
            if (!is_a_kind) out.entries.push_back(entry_of(key, node, command, path));
        }
    }
    for (const auto& [key, node] : file) {
        if (node.is_table())
            out.tables.emplace_back(key.str());
        else
            out.entries.push_back(entry_of(key, node, "", path));
        if (key.str() == kKinds && node.is_table()) add_kinds(*node.as_table(), path, out);
    }
    return out;
}

} // namespace penstock::cli
