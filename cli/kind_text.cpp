#include "cli/kind_text.hpp"

#include "cli/api.hpp"
#include "cli/table.hpp"

#include <cstdio>

namespace penstock::cli {
namespace {

std::string number_text(double value) {
    char out[32];
    std::snprintf(out, sizeof out, "%.6g", value);
    return out;
}

} // namespace

std::string settings_text(const boost::json::object& settings) {
    std::string out;
    const auto add = [&](const std::string& text) { out += (out.empty() ? "" : ", ") + text; };
    const auto number = [&](const char* key) { return number_of(settings, key, 0); };
    const boost::json::value* paused = settings.if_contains("paused");
    if (paused != nullptr && paused->is_bool() && paused->get_bool()) add("paused");
    if (settings.contains("max_running")) {
        add(count_text(static_cast<std::uint64_t>(number("max_running"))) + " at a time");
    }
    if (settings.contains("rate")) add(number_text(number("rate")) + "/s");
    if (settings.contains("weight")) add("weight " + number_text(number("weight")));
    if (settings.contains("timeout")) add("timeout " + duration_text(number("timeout")));
    return out.empty() ? "-" : out;
}

} // namespace penstock::cli
