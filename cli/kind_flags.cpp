#include "cli/kind_flags.hpp"

#include "cli/exit_code.hpp"
#include "protocol/codec.hpp"
#include "protocol/limits.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

namespace penstock::cli {
namespace {

constexpr double kWeightMin = 0.001, kWeightMax = 1e6;

template <class Number>
std::optional<Number> number_of(std::string_view text) {
    Number out{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::optional<double> between(double least, double most, std::string_view text) {
    const auto out = number_of<double>(text);
    if (!out || !std::isfinite(*out) || *out < least || *out > most) return std::nullopt;
    return out;
}

std::string_view cut(std::string_view& rest, char at) {
    const std::size_t end = std::min(rest.find(at), rest.size());
    const std::string_view out = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    return out;
}

std::string wrong(std::string_view name, const std::string& value, std::string_view must) {
    return std::string(name) + "=" + value + ": it must be " + std::string(must);
}

std::string read_one_kind(std::string_view text, KindSettingsByName& out) {
    const std::string whole(text);
    const std::string name(cut(text, ':'));
    if (!is_name(name) || text.empty()) {
        return "'" + whole + "' is not NAME:SETTING=VALUE,..., as in render:max_running=1,rate=10";
    }
    KindSettings& settings = out[name];
    while (!text.empty()) {
        std::string_view pair = cut(text, ',');
        const std::string_view setting = cut(pair, '=');
        const std::string bad = read_kind_setting(setting, std::string(pair), settings);
        if (!bad.empty()) return "'" + whole + "': " + bad;
    }
    return {};
}

} // namespace

std::string read_kind_setting(std::string_view name, const std::string& value, KindSettings& out) {
    if (name == "max_running") {
        out.max_running = number_of<std::uint32_t>(value);
        const bool fits = out.max_running.value_or(0) > 0;
        return fits ? "" : wrong(name, value, "a whole number from 1");
    }
    if (name == "rate") {
        out.rate = between(0, kRateMax, value);
        const bool fits = out.rate.value_or(0) > 0;
        return fits ? "" : wrong(name, value, "a number of jobs a second, above 0");
    }
    if (name == "paused") {
        if (value != "true" && value != "false") return wrong(name, value, "true or false");
        out.paused = value == "true";
        return {};
    }
    if (name == "weight") {
        out.weight = between(kWeightMin, kWeightMax, value);
        return out.weight ? "" : wrong(name, value, "a number from 0.001 to 1000000");
    }
    if (name == "timeout") {
        const auto number = between(0, kSecondsMax, value);
        if (number.value_or(0) <= 0) return wrong(name, value, "a number of seconds, above 0");
        out.timeout = from_seconds(*number);
        return {};
    }
    return "there is no setting '" + std::string(name) +
           "'; there are max_running, rate, paused, weight and timeout";
}

std::string read_kind_settings(std::string_view text, KindSettingsByName& out) {
    while (!text.empty()) {
        const std::string bad = read_one_kind(cut(text, ';'), out);
        if (!bad.empty()) return bad;
    }
    return {};
}

KindSettingsByName kind_settings_of(const std::vector<std::string>& texts) {
    KindSettingsByName out;
    for (const std::string& text : texts) {
        const std::string bad = read_kind_settings(text, out);
        if (!bad.empty()) throw Quit(Exit::usage, "--kind-settings " + bad + ".");
    }
    return out;
}

} // namespace penstock::cli
