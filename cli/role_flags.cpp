#include "cli/role_flags.hpp"

#include "cli/addresses.hpp"
#include "cli/checks.hpp"
#include "cli/exit_code.hpp"
#include "cli/kind_flags.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <spdlog/spdlog.h>

namespace penstock::cli {

constexpr std::uint64_t kRecordBytesMin = 4096; // the header fits, and some records

void add_gateway_flags(CLI::App& app, gateway::Options& options) {
    app.add_option("--http", options.http, "HOST:PORT that HTTP is served on; port 0: a free one");
    app.add_option("--threads", options.threads, "Threads that serve HTTP")
        ->check(CLI::Range(1, 256));
    app.add_option("--public-host", options.public_hosts,
                   "Names under which this gateway may be addressed in the Host header, and whose "
                   "pages may call it, besides loopback, addresses and names without a dot; * for "
                   "any. It keeps foreign web pages from submitting jobs; GET /v1/run/{kind} is "
                   "served on loopback and these only (default: none)")
        ->delimiter(',');
}

void add_record_flags(CLI::App& app, record::FileOptions& options, const std::string& what) {
    CLI::Option* file = app.add_option(
        "--record", options.file,
        "FILE to which all that " + what + " is told is written, with the times, for `penstock "
        "replay`: who submits what under which id, and who runs it, but no bytes of payloads and "
        "results. FILE.1 if it is there already, and so on (default: nothing is recorded)");
    app.add_option("--record-max", options.bytes_max,
                   "Bytes of the recording; it ends there, with a warning, and nothing else does")
        ->needs(file)
        ->check([](const std::string& text) {
            const bool is_too_small = std::strtoull(text.c_str(), nullptr, 10) < kRecordBytesMin;
            return is_too_small ? "it takes at least 4096 bytes" : std::string();
        });
    app.add_flag("--record-payloads", options.payloads,
                 "The recording has the bytes of payloads and results too")
        ->needs(file);
}

void add_sink_flags(CLI::App& app, SinkFlags& flags) {
    app.add_option("--store", flags.store,
                   "Where jobs and outcomes are kept: memory, or a FILE (made if it is not there), "
                   "which survives the death of every process");
    app.add_option("--sync", flags.sync,
                   "With a file: full (a job is on the disk when it is accepted: it survives a power "
                   "cut) or normal (it is with the operating system)")
        ->check(CLI::IsMember({"full", "normal"}));
    app.add_option("--store-reserve", flags.options.store_reserve,
                   "With a file: free bytes of its disk below which new jobs are refused")
        ->check(not_negative());
    app.add_option("--result-ttl", flags.options.result_ttl_seconds,
                   "Seconds for which an outcome is kept")
        ->check(seconds_above_zero());
    app.add_option("--finished-max", flags.options.finished_max, "Outcomes kept at most")
        ->check(not_negative());
    app.add_option("--finished-bytes-max", flags.options.finished_bytes_max,
                   "Bytes of payloads and results of finished jobs kept at most")
        ->check(not_negative());
}

sink::Options sink_options(const SinkFlags& flags) {
    sink::Options out = flags.options;
    if (flags.store.empty()) {
        throw Quit(Exit::usage, "--store is memory, or the name of a file.");
    }
    if (flags.store != "memory") out.store = flags.store;
    out.sync_full = flags.sync == "full";
    return out;
}

void add_ventilator_flags(CLI::App& app, VentilatorFlags& flags) {
    ventilator::Options& options = flags.options;
    app.add_option("--lanes", flags.lanes, "Ports of lanes to workers, FROM-TO");
    app.add_option("--jobs-max", options.jobs_max, "Open jobs, above which new ones are refused")
        ->check(not_negative());
    app.add_option("--bytes-max", options.bytes_max,
                   "Bytes of open jobs, above which new ones are refused")
        ->check(not_negative());
    app.add_option("--silent-limit", options.silent_limit_seconds,
                   "Seconds of silence after which a running job is taken from a worker")
        ->check(seconds_above_zero());
    const auto is_step = [](const std::string& text) {
        const double step = std::strtod(text.c_str(), nullptr);
        return step == 0 || (step >= 1 && step <= 1e6) ? std::string()
                                                       : "is 0, or 1 to 1000000 seconds";
    };
    app.add_option("--ageing", options.ageing_seconds,
                   "Seconds of waiting that lift a job by one priority; 0: priorities are strict")
        ->check(not_negative())
        ->check(CLI::Validator(is_step, ""));
    app.add_option("--drain", options.drain_seconds, "Seconds that SIGTERM waits for jobs that run")
        ->check(seconds_from_zero());
    const auto complaint = [](const std::string& text) {
        KindSettingsByName unused;
        return read_kind_settings(text, unused);
    };
    app.add_option("--kind-settings", flags.kinds,
                   "NAME:SETTING=VALUE,... that holds for all jobs of a kind, as in "
                   "render:max_running=1,rate=10; settings are max_running, rate (a second), "
                   "paused, weight and timeout (seconds); several times. What `penstock limit` "
                   "sets while it runs comes first (default: no limits)")
        ->check(CLI::Validator(complaint, ""));
}

ventilator::Options ventilator_options(const VentilatorFlags& flags) {
    ventilator::Options out = flags.options;
    const LaneRange lanes = parse_lanes(flags.lanes);
    out.lanes_from = lanes.from;
    out.lanes_to = lanes.to;
    out.kind_settings = kind_settings_of(flags.kinds);
    return out;
}

void add_worker_flags(CLI::App& app, WorkerFlags& flags) {
    app.add_option("--slots", flags.options.slots,
                   "Jobs that one worker runs at a time; one per core")
        ->check(CLI::Range(1u, 100'000u));
    app.add_option("--kinds", flags.kinds.kinds, "Only these of the built-in kinds (default: all)")
        ->delimiter(',');
    app.add_option("--labels", flags.options.labels, "What jobs may ask for (default: none)")
        ->delimiter(',');
    app.add_option("--min-priority", flags.options.min_priority,
                   "Takes no jobs of a lower priority")
        ->check(CLI::Range(0, kPriorityMax));
    app.add_option("--allow-url", flags.kinds.allow_urls,
                   "A prefix of the URLs that `http` may fetch; several times (default: none)")
        ->delimiter(',');
    app.add_option("--allow-exec", flags.allow_exec,
                   "NAME=COMMAND that `exec` may run; several times (default: none)");
}

worker::KindsOptions kinds_options(const WorkerFlags& flags) {
    worker::KindsOptions out = flags.kinds;
    for (const std::string& text : flags.allow_exec) {
        const auto equals = text.find('=');
        if (equals == 0 || equals == std::string::npos || equals + 1 == text.size()) {
            throw Quit(Exit::usage,
                       "--allow-exec '" + text + "' is not NAME=COMMAND, as in date='date -u'.");
        }
        out.allow_exec.emplace_back(text.substr(0, equals), text.substr(equals + 1));
    }
    return out;
}

worker::Options worker_options(const WorkerFlags& flags) {
    worker::Options out = flags.options;
    out.log = [](std::string_view sentence) { spdlog::info("{}", sentence); };
    return out;
}

} // namespace penstock::cli
