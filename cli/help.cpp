#include "cli/help.hpp"

#include <sstream>

namespace penstock::cli {
namespace {

constexpr std::size_t kColumn = 28; // where the text begins
constexpr std::size_t kWidth = 100;

std::string paragraph(const std::string& name, const std::string& text) {
    std::string out = "  " + name;
    std::size_t at = out.size();
    if (at + 2 > kColumn) {
        out += "\n";
        at = 0;
    }
    std::istringstream words(text);
    bool first = true;
    for (std::string word; words >> word; first = false) {
        if (!first && at + 1 + word.size() > kWidth) {
            out += "\n";
            at = 0;
        }
        const std::size_t from = at < kColumn ? kColumn : at + 1;
        out += std::string(from - at, ' ') + word;
        at = from + word.size();
    }
    return out + "\n";
}

// "UINT:UINT in [0 - 9]" -> "N"; "TEXT:{a,b}" -> "{a,b}"
std::string type_of(const CLI::Option& option) {
    if (option.get_items_expected_max() == 0) return ""; // a flag
    const std::string whole = option.get_type_name();
    const std::string type = whole.substr(0, whole.find(':'));
    if (type.size() < whole.size() && whole[type.size() + 1] == '{')
        return whole.substr(type.size() + 1);
    return type == "UINT" || type == "INT" || type == "FLOAT" ? "N" : type;
}

} // namespace

std::string HelpText::make_option(const CLI::Option* option, bool is_positional) const {
    std::string name = make_option_name(option, is_positional);
    const std::string type = type_of(*option);
    if (!is_positional && !type.empty() && type.front() != '{') name += " " + type;
    return paragraph(name, make_option_desc(option));
}

std::string HelpText::make_option_desc(const CLI::Option* option) const {
    std::string out = option->get_description();
    const std::string type = type_of(*option), standard = option->get_default_str();
    if (!type.empty() && type.front() == '{') out += ": one of " + type.substr(1, type.size() - 2);
    const bool said = out.find("(default") != std::string::npos;
    const bool empty = standard.empty() || standard == "[]" || standard == "{}";
    if (!said && !empty && !type.empty()) out += " (default " + standard + ")";
    return out;
}

std::string HelpText::make_subcommand(const CLI::App* command) const {
    return paragraph(command->get_name(), command->get_description());
}

} // namespace penstock::cli
