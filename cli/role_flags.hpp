#pragma once
// The flags that a role has both alone and inside `penstock up`. Each function adds them to `app`;
// the defaults that --help shows are what the options hold then.

#include "cli/app_fwd.hpp"
#include "gateway/gateway.hpp"
#include "sink/sink.hpp"
#include "ventilator/ventilator.hpp"
#include "workers/kinds/kinds.hpp"
#include "workers/worker.hpp"

#include <string>
#include <vector>

namespace penstock::cli {

void add_gateway_flags(CLI::App& app, gateway::Options& options);

// --record, --record-max and --record-payloads. `what` is recorded.
void add_record_flags(CLI::App& app, record::FileOptions& options, const std::string& what);

struct SinkFlags {
    sink::Options options;
    std::string store = "memory", sync = "full";
};

void add_sink_flags(CLI::App& app, SinkFlags& flags);
sink::Options sink_options(const SinkFlags& flags); // without its ports; throws Quit(usage)

struct VentilatorFlags {
    ventilator::Options options;
    std::string lanes = "20000-29999";
    std::vector<std::string> kinds; // NAME:SETTING=VALUE,...
};

void add_ventilator_flags(CLI::App& app, VentilatorFlags& flags);
// Without its ports; throws Quit(usage).
ventilator::Options ventilator_options(const VentilatorFlags& flags);

struct WorkerFlags {
    worker::Options options;
    worker::KindsOptions kinds;
    std::vector<std::string> allow_exec; // NAME=COMMAND
};

void add_worker_flags(CLI::App& app, WorkerFlags& flags);
worker::KindsOptions kinds_options(const WorkerFlags& flags); // throws Quit(usage)
worker::Options worker_options(const WorkerFlags& flags);     // logs through spdlog

} // namespace penstock::cli
