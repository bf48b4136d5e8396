#include "cli/logging.hpp"

#include "cli/terminal.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace penstock::cli {

void add_role_flags(CLI::App& app, RoleFlags& flags) {
    app.add_option("--config", flags.config, "A TOML file of flags");
    app.add_option("--log-level", flags.log_level, "What is logged to stderr")
        ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error", "off"}));
}

void start_log(const RoleFlags& flags) {
    const bool colour = has_colour(Stream::err);
    auto sink = std::make_shared<spdlog::sinks::stderr_color_sink_mt>(
        colour ? spdlog::color_mode::always : spdlog::color_mode::never);
    auto log = std::make_shared<spdlog::logger>("penstock", std::move(sink));
    log->set_level(spdlog::level::from_str(flags.log_level));
    if (is_terminal(Stream::err))
        log->set_pattern("%H:%M:%S.%e %^%-5l%$ %v");
    else
        log->set_pattern("time=%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
    spdlog::set_default_logger(std::move(log));
}

} // namespace penstock::cli
