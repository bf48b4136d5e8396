#include "workers/kinds/kinds.hpp"

#include "transport/sockets.hpp"
#include "workers/kinds/builtin.hpp"

#include <algorithm>
#include <csignal>

namespace penstock::worker {

const std::vector<std::string>& builtin_kinds() {
    static const std::vector<std::string> kinds = {"echo", "add",  "sleep", "spin",
                                                   "fail", "http", "exec",  "gather", "count"};
    return kinds;
}

void register_kinds(Worker& worker, const KindsOptions& options) {
    const auto& known = builtin_kinds();
    auto wanted = options.kinds.empty() ? known : options.kinds;
    std::sort(wanted.begin(), wanted.end());
    wanted.erase(std::unique(wanted.begin(), wanted.end()), wanted.end());
    for (const auto& kind : wanted) {
        if (std::find(known.begin(), known.end(), kind) != known.end()) continue;
        std::string list;
        for (const auto& each : known) list += (list.empty() ? "" : ", ") + each;
        throw transport::StartError("There is no built-in kind \"" + kind + "\". There are " +
                                    list + ".");
    }
    const AllowedUrls allowed(options.allow_urls);
    for (const auto& kind : wanted) {
        if (kind == "echo") worker.on(kind, run_echo);
        if (kind == "add") worker.on(kind, run_add);
        if (kind == "sleep") worker.on(kind, run_sleep);
        if (kind == "spin") worker.on(kind, run_spin);
        if (kind == "fail") worker.on(kind, run_fail);
        if (kind == "count") worker.on(kind, run_count);
        if (kind == "gather") worker.on_batch(kind, kGather, run_gather);
        if (kind == "http") {
            const auto fetcher = std::make_shared<Fetcher>(allowed);
            worker.keep(fetcher);
            worker.on_async(kind, make_http(fetcher, allowed));
        }
        if (kind == "exec") {
            std::signal(SIGPIPE, SIG_IGN); // a command may not want all of its input
            worker.on(kind, make_exec({options.allow_exec.begin(), options.allow_exec.end()}));
        }
    }
}

void run_builtin(const Options& options, const KindsOptions& kinds, zmq::context_t& context,
                 transport::Stop& stop) {
    Worker worker(options);
    register_kinds(worker, kinds);
    worker.run(context, stop);
}

} // namespace penstock::worker
