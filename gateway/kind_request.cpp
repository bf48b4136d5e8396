#include "gateway/kind_request.hpp"

#include "gateway/json_text.hpp"
#include "protocol/limits.hpp"

#include <cmath>

namespace penstock::gateway {
namespace {

namespace json = boost::json;

constexpr double kWeightMin = 0.001, kWeightMax = 1e6;

class SettingFields {
public:
    explicit SettingFields(AskKind& out) : out_(out) {}

    void read(const std::string& key, const json::value& value);

    std::vector<FieldError> errors;

private:
    void wrong(const std::string& key, std::string must) {
        errors.push_back({"/" + key, std::move(must)});
    }

    // `least` itself only if it may be that much.
    std::optional<double> number(const json::value& value, double least, double most) {
        json::error_code error;
        const double got = value.is_number() ? value.to_number<double>(error) : -1;
        const bool fits = !error && std::isfinite(got) && got >= least && got <= most && got > 0;
        return fits ? std::optional<double>(got) : std::nullopt;
    }

    AskKind& out_;
};

void SettingFields::read(const std::string& key, const json::value& value) {
    KindSettings& set = out_.set;
    const bool known = key == "max_running" || key == "rate" || key == "paused" ||
                       key == "weight" || key == "timeout";
    if (!known) {
        wrong(key, "is not a setting; known are max_running, rate, paused, weight, timeout");
    } else if (value.is_null()) {
        out_.clear.push_back(key);
    } else if (key == "max_running") {
        json::error_code error;
        const auto most = value.to_number<std::uint32_t>(error);
        if (!error && most > 0)
            set.max_running = most;
        else
            wrong(key, "must be a whole number from 1, or null");
    } else if (key == "rate") {
        set.rate = number(value, 0, kRateMax);
        if (!set.rate) wrong(key, "must be a number of jobs a second above 0, or null");
    } else if (key == "paused") {
        if (value.is_bool())
            set.paused = value.get_bool();
        else
            wrong(key, "must be true, false or null");
    } else if (key == "weight") {
        set.weight = number(value, kWeightMin, kWeightMax);
        if (!set.weight) wrong(key, "must be a number from 0.001 to 1000000, or null");
    } else {
        const auto seconds = number(value, 0, kSecondsMax);
        if (seconds) set.timeout = from_seconds(*seconds);
        if (!seconds || *set.timeout <= Duration(0))
            wrong(key, "must be a number of seconds above 0, or null");
    }
}

} // namespace

std::variant<AskKind, ProblemDetails> read_kind_settings(const std::string& kind,
                                                         const json::value& wish) {
    AskKind out;
    out.kind = kind;
    SettingFields fields(out);
    if (!wish.is_object()) {
        fields.errors.push_back({"", "must be an object, as {\"max_running\": 3, \"rate\": null}"});
    } else {
        for (const auto& [key, value] : wish.get_object()) fields.read(std::string(key), value);
    }
    if (fields.errors.empty()) return out;
    const FieldError& first = fields.errors.front();
    const std::string what = first.pointer.empty() ? "The body" : first.pointer;
    auto bad = problem(Slug::invalid_settings, what + " " + first.detail + ".");
    bad.errors = std::move(fields.errors);
    return bad;
}

std::string settings_json(const KindSettings& settings) {
    std::string out;
    JsonText json(out);
    json.open_object();
    if (settings.max_running) json.key("max_running").natural(*settings.max_running);
    if (settings.rate) json.key("rate").number(*settings.rate);
    if (settings.paused) json.key("paused").boolean(*settings.paused);
    if (settings.weight) json.key("weight").number(*settings.weight);
    if (settings.timeout) json.key("timeout").number(seconds(*settings.timeout));
    json.close_object();
    return out;
}

} // namespace penstock::gateway
