// The `penstock` program: what it can do, in the order in which people meet it. Each line adds one
// subcommand with its flags; program.cpp says how they are parsed, run and reported.

#include "cli/commands.hpp"
#include "cli/program.hpp"
#include "cli/roles.hpp"
#include "cli/up.hpp"

#include <CLI/CLI.hpp>

// jemalloc reads it at start. The tables of a million jobs in pages of 4 KiB cost a fifth of all time
// in page faults and misses of the TLB (docs/decisions/0007). Payloads come and go some thousand at a
// time: with room for 200 of a size most would leave the thread's cache and come back to it.
extern "C" const char* malloc_conf;
const char* malloc_conf = "thp:always,metadata_thp:auto,"
                          "tcache_nslots_small_max:8000,lg_tcache_nslots_mul:5";

int main(int argc, char** argv) {
    using namespace penstock::cli;
    CLI::App root;
    describe(root);

    std::vector<Command> commands;
    add_group(commands, "Everything in one process", {up_command(root)});
    add_group(commands, "The roles, a process each",
              {
                  gateway_command(root),
                  ventilator_command(root),
                  sink_command(root),
                  worker_command(root),
              });
    add_group(commands, "Jobs, over HTTP",
              {
                  submit_command(root),
                  status_command(root),
                  wait_command(root),
                  list_command(root),
                  explain_command(root),
                  cancel_command(root),
                  events_command(root),
                  retry_command(root),
                  purge_command(root),
              });
    add_group(commands, "Groups and chains of jobs, over HTTP",
              {
                  group_command(root),
                  chain_command(root),
                  results_command(root),
              });
    add_group(commands, "The house, over HTTP",
              {
                  stats_command(root),
                  workers_command(root),
                  kinds_command(root),
                  pause_command(root),
                  resume_command(root),
                  limit_command(root),
                  healthcheck_command(root),
                  demo_command(root),
              });
    add_group(commands, "Recordings", {replay_command(root)});
    add_group(commands, "This program", {version_command(root)});

    return run_program(root, commands, argc, argv);
}
