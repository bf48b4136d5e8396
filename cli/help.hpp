#pragma once
// How --help looks: one flag a paragraph, what it takes, what it does, and its default.

#include <CLI/CLI.hpp>
#include <string>

namespace penstock::cli {

class HelpText : public CLI::Formatter {
public:
    std::string make_option(const CLI::Option* option, bool is_positional) const override;
    std::string make_option_desc(const CLI::Option* option) const override;
    std::string make_subcommand(const CLI::App* command) const override;
};

} // namespace penstock::cli
