#pragma once
// The kinds that `penstock worker` serves: echo, add, sleep, spin, fail, http, exec.

#include "workers/worker.hpp"

#include <string>
#include <utility>
#include <vector>

namespace penstock::worker {

struct KindsOptions {
    std::vector<std::string> kinds; // which of them; empty: all
    // `http` fetches only URLs below one of these ("https://api.example.com/v1/"): the same scheme,
    // host and port, and a path that begins with the segments of this one. None by default.
    std::vector<std::string> allow_urls;
    // `exec` runs only these: name, command for /bin/sh -c. None by default.
    std::vector<std::pair<std::string, std::string>> allow_exec;
};

const std::vector<std::string>& builtin_kinds();

// Throws transport::StartError if `kinds` names one that is not built in, or a URL is not one.
void register_kinds(Worker& worker, const KindsOptions& options);

// The role `penstock worker`: all of the above, then Worker::run.
void run_builtin(const Options& options, const KindsOptions& kinds, zmq::context_t& context,
                 transport::Stop& stop);

} // namespace penstock::worker
