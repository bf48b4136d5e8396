#pragma once
// What a client can ask, over HTTP. Each adds one subcommand to the root.

#include "cli/program.hpp"

namespace penstock::cli {

Command submit_command(CLI::App& root);      // commands_submit.cpp
Command status_command(CLI::App& root);      // commands_jobs.cpp
Command wait_command(CLI::App& root);        //
Command list_command(CLI::App& root);        //
Command explain_command(CLI::App& root);     // commands_many.cpp
Command cancel_command(CLI::App& root);      //
Command retry_command(CLI::App& root);       //
Command purge_command(CLI::App& root);       //
Command events_command(CLI::App& root);      // commands_events.cpp
Command group_command(CLI::App& root);       // commands_groups.cpp
Command chain_command(CLI::App& root);       //
Command results_command(CLI::App& root);     //
Command stats_command(CLI::App& root);       // commands_house.cpp
Command workers_command(CLI::App& root);     //
Command kinds_command(CLI::App& root);       //
Command healthcheck_command(CLI::App& root); //
Command version_command(CLI::App& root);     //
Command pause_command(CLI::App& root);       // commands_kinds.cpp
Command resume_command(CLI::App& root);      //
Command limit_command(CLI::App& root);       //
Command demo_command(CLI::App& root);        // demo.cpp
Command replay_command(CLI::App& root);      // commands_replay.cpp

} // namespace penstock::cli
