// All four roles in one process. Between themselves they speak over inproc; workers and clients
// from outside use the same roles on tcp.
//
// The main thread does nothing but start, wait and end: a signal rings one Stop, a role that ended
// rings one Wakeup, and both are in one poll. Roles are drained in the order in which a job passes
// them, so that each still has those that it needs: first no new jobs come in, then those that run
// finish, then the outcomes have been recorded and the sink may go. A second signal ends the
// process at once (transport/wakeup.cpp).

#include "cli/up.hpp"

#include "cli/addresses.hpp"
#include "cli/logging.hpp"
#include "cli/role_flags.hpp"
#include "cli/role_thread.hpp"
#include "transport/sockets.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <deque>
#include <poll.h>
#include <spdlog/spdlog.h>

namespace penstock::cli {
namespace {

constexpr const char* kVentilatorDoor = "inproc://ventilator-door";
constexpr const char* kVentilatorControl = "inproc://ventilator-control";
constexpr const char* kSinkDoor = "inproc://sink-door";
constexpr const char* kSinkStatus = "inproc://sink-status";
constexpr const char* kSinkEvents = "inproc://sink-events";

struct UpFlags {
    RoleFlags role;
    gateway::Options gateway;
    SinkFlags sink;
    VentilatorFlags ventilator;
    WorkerFlags worker;
    record::FileOptions record;
    unsigned workers = 1;
    std::string bind = "127.0.0.1:5555", advertise;
};

class House {
public:
    explicit House(const UpFlags& flags)
        : flags_(flags), bind_(parse_bind(flags.bind, transport::kVentilatorDoor)),
          context_(transport::make_context()) {
        transport::stop_on_signals(signalled_);
    }

    // Throws StartError if a role can't start; those that run are ended then.
    void start();
    // Until a signal, or a role that ends by itself. Returns which.
    Exit wait();
    void drain();
    [[nodiscard]] bool has_failed() const {
        return std::any_of(roles_.begin(), roles_.end(),
                           [](const RoleThread& role) { return role.has_failed(); });
    }

private:
    void start_sink();
    void start_ventilator();
    void start_worker(unsigned number);
    void start_gateway();
    void add(std::string name, RoleThread::Body body);
    [[nodiscard]] const RoleThread* ended() const;

    [[nodiscard]] record::FileOptions tape_of(const std::string& role) const {
        record::FileOptions out = flags_.record;
        if (!out.file.empty()) out.file += "." + role;
        return out;
    }

    // What this house is, from outside. The sink's ports follow the ventilator's.
    [[nodiscard]] Bind outside() const;

    [[nodiscard]] std::string sink_door() const { return bind_.endpoint(2); }

    [[nodiscard]] std::string sink_status() const { return bind_.endpoint(3); }

    const UpFlags& flags_;
    const Bind bind_;
    transport::Stop signalled_;
    transport::Wakeup role_ended_;
    zmq::context_t context_;
    std::deque<RoleThread> roles_; // sink, ventilator, workers, gateway
    std::string http_;
};

void House::add(std::string name, RoleThread::Body body) {
    roles_.emplace_back(std::move(name), role_ended_, std::move(body));
    roles_.back().wait_ready();
}

// As others dial it. A worker takes a loopback host for the one that it joined.
Bind House::outside() const {
    if (!flags_.advertise.empty()) return {flags_.advertise, bind_.door};
    return {bind_.is_wildcard() ? "127.0.0.1" : bind_.host, bind_.door};
}

void House::start_sink() {
    sink::Options options = sink_options(flags_.sink);
    options.advertised_door = outside().endpoint(2);
    options.record = tape_of("sink");
    options.jobs_max = flags_.ventilator.options.jobs_max;
    options.bytes_max = flags_.ventilator.options.bytes_max;
    options.doors = {kSinkDoor, sink_door()};
    options.statuses = {kSinkStatus, sink_status()};
    options.events = {kSinkEvents, bind_.endpoint(4)};
    add("sink", [this, options](transport::Stop& stop, const RoleThread::Ready& ready) {
        sink::run(options, context_, stop, ready);
    });
}

void House::start_ventilator() {
    ventilator::Options options = ventilator_options(flags_.ventilator);
    options.doors = {kVentilatorDoor, bind_.endpoint(0)};
    options.controls = {kVentilatorControl, bind_.endpoint(1)};
    options.bind_host = bind_.host;
    options.record = tape_of("ventilator");
    options.sink_door = kSinkDoor;
    options.sink_status = kSinkStatus;
    options.advertised_door = outside().endpoint(0);
    add("ventilator", [this, options](transport::Stop& stop, const RoleThread::Ready& ready) {
        ventilator::run(options, context_, stop, ready);
    });
}

void House::start_worker(unsigned number) {
    worker::Options options = worker_options(flags_.worker);
    options.control = kVentilatorControl;
    if (flags_.workers > 1 && !options.name.empty()) options.name += "-" + std::to_string(number);
    const worker::KindsOptions kinds = kinds_options(flags_.worker);
    add("worker", [this, options, kinds](transport::Stop& stop, const RoleThread::Ready& ready) {
        ready(); // it joins by itself, now and whenever it has to
        worker::run_builtin(options, kinds, context_, stop);
    });
}

void House::start_gateway() {
    gateway::Options options = flags_.gateway;
    options.ventilator_door = kVentilatorDoor;
    options.ventilator_control = kVentilatorControl;
    options.sink_status = kSinkStatus;
    options.sink_events = kSinkEvents;
    options.allow_get_submit = true;
    add("gateway", [this, options](transport::Stop& stop, const RoleThread::Ready& ready) {
        gateway::run(options, context_, stop, [&](const std::string& address) {
            http_ = address;
            ready();
        });
    });
}

void House::start() {
    start_sink();
    start_ventilator();
    for (unsigned i = 1; i <= flags_.workers; ++i) start_worker(i);
    start_gateway();
    spdlog::info("HTTP on {}; workers join {}; sink door {}, status {}", http_, bind_.endpoint(1),
                 sink_door(), sink_status());
    const std::string& file = sink_options(flags_.sink).store;
    spdlog::info("{} x {} slots; jobs and outcomes are kept in {}", flags_.workers,
                 flags_.worker.options.slots, file.empty() ? "memory" : file);
}

const RoleThread* House::ended() const {
    for (const RoleThread& role : roles_) {
        if (role.has_ended()) return &role;
    }
    return nullptr;
}

Exit House::wait() {
    std::array<pollfd, 2> ready = {{{signalled_.fd(), POLLIN, 0}, {role_ended_.fd(), POLLIN, 0}}};
    while (!signalled_.draining() && ended() == nullptr) {
        poll(ready.data(), ready.size(), -1);
        role_ended_.quiet();
    }
    if (signalled_.draining()) return Exit::ok;
    spdlog::error("the {} has ended by itself, so the others end too", ended()->name());
    return Exit::failed;
}

void House::drain() {
    spdlog::info("draining; a second signal ends at once");
    const auto drain_only = [this](std::initializer_list<std::string_view> names) {
        const auto is_named = [&](const RoleThread& role) {
            return std::find(names.begin(), names.end(), role.name()) != names.end();
        };
        for (RoleThread& role : roles_) {
            if (is_named(role)) role.request_drain();
        }
        for (RoleThread& role : roles_) {
            if (is_named(role)) role.join();
        }
    };
    drain_only({"gateway"});
    drain_only({"ventilator", "worker"});
    drain_only({"sink"});
    spdlog::info("drained");
}

Exit up(const UpFlags& flags) {
    start_log(flags.role);
    const auto& kinds = flags.worker.kinds.kinds;
    if (flags.workers == 0 && !kinds.empty()) { // it may be of a file that other roles share
        spdlog::warn("kinds_unused there are no workers here that could serve them. To declare one: "
                     "--kind-settings {}:weight=1", kinds.front());
    }
    House house(flags);
    house.start();
    const Exit exit = house.wait();
    house.drain();
    return house.has_failed() ? Exit::failed : exit; // a disk may fail while the last is written
}

} // namespace

Command up_command(CLI::App& root) {
    auto flags = std::make_shared<UpFlags>();
    CLI::App* app = root.add_subcommand("up", "Run everything in one process");
    app->add_option("--workers", flags->workers, "Workers inside this process")
        ->check(CLI::Range(0u, 1'000u));
    add_worker_flags(*app, flags->worker);
    add_gateway_flags(*app, flags->gateway);
    app->add_option("--bind", flags->bind,
                    "HOST or HOST:PORT of the ventilator's door, for workers and clients outside; "
                    "its control and the sink's door, status and events are the four ports after it");
    app->add_option("--advertise", flags->advertise,
                    "The host that those dial (default: the one that they joined)");
    add_ventilator_flags(*app, flags->ventilator);
    add_sink_flags(*app, flags->sink);
    add_record_flags(*app, flags->record, "the ventilator (as FILE.ventilator) and the sink (as FILE.sink)");
    add_role_flags(*app, flags->role);
    return {app, [flags] { return up(*flags); }};
}

} // namespace penstock::cli
