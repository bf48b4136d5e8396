#include "cli/roles.hpp"

#include "cli/addresses.hpp"
#include "cli/logging.hpp"
#include "cli/role_flags.hpp"
#include "transport/sockets.hpp"

#include <CLI/CLI.hpp>
#include <spdlog/spdlog.h>

namespace penstock::cli {
namespace {

constexpr const char* kVentilatorAt = "tcp://127.0.0.1:5555";
constexpr const char* kSinkAt = "tcp://127.0.0.1:5557";

struct PeerFlags {
    std::string ventilator = kVentilatorAt, ventilator_door, ventilator_control;
    std::string sink = kSinkAt, sink_door, sink_status, sink_events;
};

void add_ventilator_peer(CLI::App& app, PeerFlags& flags) {
    app.add_option("--ventilator", flags.ventilator, "Any port of the ventilator");
    app.add_option("--ventilator-door", flags.ventilator_door,
                   "Its door (default: found from --ventilator)");
    app.add_option("--ventilator-control", flags.ventilator_control,
                   "Its control (default: found from --ventilator)");
}

void add_sink_peer(CLI::App& app, PeerFlags& flags) {
    app.add_option("--sink", flags.sink, "Any port of the sink");
    app.add_option("--sink-door", flags.sink_door, "Its door (default: found from --sink)");
    app.add_option("--sink-status", flags.sink_status, "Its status (default: found from --sink)");
}

// A role that has the process to itself: signals ask it, and nothing else has to end.
struct Process {
    Process() : context(transport::make_context()) { transport::stop_on_signals(stop); }

    transport::Stop stop;
    zmq::context_t context;
};

struct GatewayProcess {
    RoleFlags role;
    PeerFlags peers;
    gateway::Options options;
};

Exit run_gateway(const GatewayProcess& flags) {
    gateway::Options options = flags.options;
    const transport::Ports ventilator = ventilator_at(
        flags.peers.ventilator, flags.peers.ventilator_door, flags.peers.ventilator_control);
    options.ventilator_door = ventilator.door;
    options.ventilator_control = ventilator.other;
    options.sink_status = sink_at(flags.peers.sink, "", flags.peers.sink_status).other;
    options.sink_events = sink_events_at(flags.peers.sink, flags.peers.sink_events);
    start_log(flags.role);
    Process process;
    gateway::run(options, process.context, process.stop, [&](const std::string& address) {
        spdlog::info("gateway serves HTTP on {}; ventilator {}, sink {}", address,
                     options.ventilator_door, options.sink_status);
    });
    return Exit::ok;
}

struct VentilatorProcess {
    RoleFlags role;
    PeerFlags peers;
    VentilatorFlags limits;
    std::string bind = "127.0.0.1:5555", advertise;
};

Exit run_ventilator(const VentilatorProcess& flags) {
    ventilator::Options options = ventilator_options(flags.limits);
    const Bind bind = parse_bind(flags.bind, transport::kVentilatorDoor);
    const transport::Ports sink =
        sink_at(flags.peers.sink, flags.peers.sink_door, flags.peers.sink_status);
    options.doors = {bind.endpoint(0)};
    options.controls = {bind.endpoint(1)};
    options.bind_host = bind.host;
    options.sink_door = sink.door;
    options.sink_status = sink.other;
    options.advertised_door = advertised(bind, flags.advertise);
    start_log(flags.role);
    Process process;
    ventilator::run(options, process.context, process.stop, [&] {
        spdlog::info("ventilator: door {}, control {}, known as {}; sink {}", options.doors[0],
                     options.controls[0], options.advertised_door, options.sink_door);
    });
    return Exit::ok;
}

struct SinkProcess {
    RoleFlags role;
    SinkFlags limits;
    std::string bind = "127.0.0.1:5557", advertise;
};

Exit run_sink(const SinkProcess& flags) {
    sink::Options options = sink_options(flags.limits);
    const Bind bind = parse_bind(flags.bind, transport::kSinkDoor);
    options.doors = {bind.endpoint(0)};
    options.statuses = {bind.endpoint(1)};
    options.events = {bind.endpoint(2)};
    if (!flags.advertise.empty()) options.advertised_door = advertised(bind, flags.advertise);
    start_log(flags.role);
    Process process;
    sink::run(options, process.context, process.stop, [&] {
        spdlog::info("sink: door {}, status {}", options.doors[0], options.statuses[0]);
    });
    return Exit::ok;
}

struct WorkerProcess {
    RoleFlags role;
    PeerFlags peers;
    WorkerFlags worker;
};

Exit run_worker(const WorkerProcess& flags) {
    worker::Options options = worker_options(flags.worker);
    options.control =
        ventilator_at(flags.peers.ventilator, "", flags.peers.ventilator_control).other;
    const worker::KindsOptions kinds = kinds_options(flags.worker);
    start_log(flags.role);
    Process process;
    spdlog::info("worker: {} slots, ventilator {}", options.slots, options.control);
    worker::run_builtin(options, kinds, process.context, process.stop);
    return Exit::ok;
}

} // namespace

Command gateway_command(CLI::App& root) {
    auto flags = std::make_shared<GatewayProcess>();
    CLI::App* app =
        root.add_subcommand("gateway", "Serve HTTP in front of a ventilator and a sink");
    add_gateway_flags(*app, flags->options);
    app->add_flag("--allow-get-submit", flags->options.allow_get_submit,
                  "GET /v1/run/{kind} submits (default: it doesn't)");
    add_ventilator_peer(*app, flags->peers);
    add_sink_peer(*app, flags->peers);
    app->add_option("--sink-events", flags->peers.sink_events,
                    "Its events (default: found from --sink)");
    add_role_flags(*app, flags->role);
    return {app, [flags] { return run_gateway(*flags); }};
}

Command ventilator_command(CLI::App& root) {
    auto flags = std::make_shared<VentilatorProcess>();
    CLI::App* app =
        root.add_subcommand("ventilator", "Decide which worker gets which job, and when");
    app->add_option("--bind", flags->bind,
                    "HOST or HOST:PORT of its door; its control is the port after it");
    app->add_option("--advertise", flags->advertise,
                    "The host that others dial (default: the bound one, or this machine's name)");
    add_sink_peer(*app, flags->peers);
    app->add_option("--kinds", flags->limits.options.declared_kinds,
                    "Kinds that are known before a worker joins with them (default: none)")
        ->delimiter(',');
    add_ventilator_flags(*app, flags->limits);
    add_record_flags(*app, flags->limits.options.record, "it");
    add_role_flags(*app, flags->role);
    return {app, [flags] { return run_ventilator(*flags); }};
}

Command sink_command(CLI::App& root) {
    auto flags = std::make_shared<SinkProcess>();
    CLI::App* app = root.add_subcommand("sink", "Keep every job's state and outcome");
    app->add_option("--bind", flags->bind,
                    "HOST or HOST:PORT of its door; its status and its events are the two ports after it");
    app->add_option("--advertise", flags->advertise,
                    "The host that workers dial (default: the one that the ventilator dials)");
    add_sink_flags(*app, flags->limits);
    app->add_option("--jobs-max", flags->limits.options.jobs_max,
                    "Open jobs, above which it makes none of its own: members of groups, callbacks, "
                    "retries");
    app->add_option("--bytes-max", flags->limits.options.bytes_max, "The same, in bytes");
    add_record_flags(*app, flags->limits.options.record, "it");
    add_role_flags(*app, flags->role);
    return {app, [flags] { return run_sink(*flags); }};
}

Command worker_command(CLI::App& root) {
    auto flags = std::make_shared<WorkerProcess>();
    CLI::App* app = root.add_subcommand("worker", "Run jobs of the built-in kinds");
    app->add_option("--ventilator", flags->peers.ventilator, "Any port of the ventilator");
    app->add_option("--ventilator-control", flags->peers.ventilator_control,
                    "Its control (default: found from --ventilator)");
    add_worker_flags(*app, flags->worker);
    add_role_flags(*app, flags->role);
    return {app, [flags] { return run_worker(*flags); }};
}

} // namespace penstock::cli
