#pragma once
// The TOML file of --config, flattened to flags. Only config_file.cpp includes toml++.

#include <string>
#include <vector>

namespace penstock::cli {

struct ConfigEntry {
    std::string flag;                // without dashes
    std::string table;               // empty: it stands at the top
    std::vector<std::string> values; // several for an array
    unsigned line = 0;
};

struct ConfigFile {
    std::vector<ConfigEntry> entries; // of the command's own table first, then those at the top
    std::vector<std::string> tables;  // the names of all
};
// What the file says to `command`. Throws Quit for a file that can't be read and for values that
// no flag can have.
ConfigFile read_config_file(const std::string& path, const std::string& command);

} // namespace penstock::cli
