#pragma once
// The flags that say which jobs are meant.

#include <CLI/CLI.hpp>
#include <string>

namespace penstock::cli {

struct WhichJobs {
    std::string state, kind, tag; // empty: any
};

// --state, --kind, --tag.
inline void add_which_jobs(CLI::App& app, WhichJobs& which) {
    app.add_option("--state", which.state, "Only in this state (default: any)")
        ->check(CLI::IsMember({"queued", "delayed", "running", "retrying", "succeeded", "failed",
                               "cancelled", "expired", "quarantined"}));
    app.add_option("--kind", which.kind, "Only of this kind (default: any)");
    app.add_option("--tag", which.tag, "Only with this tag (default: any)");
}

} // namespace penstock::cli
