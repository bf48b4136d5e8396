// libgearman: foreground tasks, 1,000 at once, each with its result.

#include "bench/peers/programs/outcomes.hpp"

#include <cstdlib>
#include <libgearman/gearman.h>

namespace penstock::bench {
namespace {

void* echo(gearman_job_st* job, void*, size_t* size, gearman_return_t* what) {
    *size = gearman_job_workload_size(job);
    void* out = std::malloc(*size); // libgearman frees it
    std::memcpy(out, gearman_job_workload(job), *size);
    *what = GEARMAN_SUCCESS;
    return out;
}

void run_worker(const PeerPlan& plan) {
    gearman_worker_st* worker = gearman_worker_create(nullptr);
    gearman_worker_add_server(worker, "127.0.0.1", static_cast<in_port_t>(plan.port));
    gearman_worker_add_function(worker, "echo", 0, echo, nullptr);
    while (true) {
        if (gearman_failed(gearman_worker_work(worker)))
            throw std::runtime_error(gearman_worker_error(worker));
    }
}

gearman_return_t completed(gearman_task_st* task) {
    auto& outcomes = *static_cast<Outcomes*>(gearman_task_context(task));
    outcomes.take({static_cast<const char*>(gearman_task_data(task)), gearman_task_data_size(task)});
    return GEARMAN_SUCCESS;
}

void run_client(const PeerPlan& plan) {
    constexpr std::uint64_t kAtOnce = 1'000;
    gearman_client_st* client = gearman_client_create(nullptr);
    gearman_client_add_server(client, "127.0.0.1", static_cast<in_port_t>(plan.port));
    gearman_client_set_complete_fn(client, completed);
    gearman_client_add_options(client, GEARMAN_CLIENT_FREE_TASKS);
    Outcomes outcomes(plan.jobs);
    const Stopwatch watch;
    for (std::uint64_t sent = 0; sent < plan.jobs;) {
        std::vector<std::string> payloads; // must live until the tasks have run
        payloads.reserve(kAtOnce);
        for (; payloads.size() < kAtOnce && sent < plan.jobs; ++sent) {
            const std::string& payload = payloads.emplace_back(job_payload(sent));
            gearman_return_t what;
            gearman_client_add_task(client, nullptr, &outcomes, "echo", nullptr, payload.data(),
                                    payload.size(), &what);
            if (gearman_failed(what)) throw std::runtime_error(gearman_client_error(client));
        }
        if (gearman_failed(gearman_client_run_tasks(client)))
            throw std::runtime_error(gearman_client_error(client));
    }
    if (!outcomes.all()) throw std::runtime_error("some outcomes did not come");
    say(watch.rate(plan.jobs));
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    return peer_main(argc, argv, run_worker, run_client);
}
