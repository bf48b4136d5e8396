// NATS JetStream: a work queue stream in memory, asynchronous publishes with their acknowledgements,
// pull consumers that fetch 64, results over core NATS, every job acknowledged.

#include "bench/peers/programs/outcomes.hpp"

#include <atomic>
#include <nats/nats.h>
#include <thread>

namespace penstock::bench {
namespace {

constexpr const char* kResults = "results";
constexpr const char* kJobs = "jobs";

void must(natsStatus status) {
    if (status != NATS_OK) throw std::runtime_error(natsStatus_GetText(status));
}

struct Nats {
    natsConnection* connection = nullptr;
    jsCtx* stream = nullptr;

    explicit Nats(int port) {
        const std::string url = "nats://127.0.0.1:" + std::to_string(port);
        must(natsConnection_ConnectTo(&connection, url.c_str()));
        jsOptions options;
        must(jsOptions_Init(&options));
        options.PublishAsync.MaxPending = 4'096;
        must(natsConnection_JetStream(&stream, connection, &options));
        jsStreamConfig config;
        must(jsStreamConfig_Init(&config));
        const char* subjects[] = {kJobs};
        config.Name = "JOBS";
        config.Subjects = subjects;
        config.SubjectsLen = 1;
        config.Storage = js_MemoryStorage;
        config.Retention = js_WorkQueuePolicy;
        must(js_AddStream(nullptr, stream, &config, nullptr, nullptr)); // again is no error
    }
};

void run_worker(const PeerPlan& plan) {
    Nats nats(plan.port);
    natsSubscription* jobs = nullptr;
    must(js_PullSubscribe(&jobs, nats.stream, kJobs, "workers", nullptr, nullptr, nullptr));
    while (true) {
        natsMsgList list{};
        const natsStatus status = natsSubscription_Fetch(&list, jobs, kBatch, 10'000, nullptr);
        if (status == NATS_TIMEOUT) continue;
        must(status);
        for (int i = 0; i < list.Count; ++i) {
            natsMsg* job = list.Msgs[i];
            must(natsConnection_Publish(nats.connection, kResults, natsMsg_GetData(job),
                                        natsMsg_GetDataLength(job))); // echo
            must(natsMsg_Ack(job, nullptr));
        }
        natsMsgList_Destroy(&list);
    }
}

void run_client(const PeerPlan& plan) {
    Nats nats(plan.port);
    natsSubscription* results = nullptr;
    must(natsConnection_SubscribeSync(&results, nats.connection, kResults));
    must(natsSubscription_SetPendingLimits(results, -1, -1));
    must(natsConnection_Flush(nats.connection));
    Outcomes outcomes(plan.jobs);
    std::atomic<std::uint64_t> done = 0;
    const Stopwatch watch;
    std::thread submitter([&] {
        for (std::uint64_t sent = 0; sent < plan.jobs; ++sent) {
            while (sent - done.load() > kMostInFlight) std::this_thread::yield();
            must(js_PublishAsync(nats.stream, kJobs, job_payload(sent).data(),
                                 static_cast<int>(kPayloadBytes), nullptr));
        }
    });
    submitter.detach(); // a throw below ends the process
    while (!outcomes.all()) {
        natsMsg* result = nullptr;
        must(natsSubscription_NextMsg(&result, results, 10'000));
        outcomes.take({natsMsg_GetData(result),
                       static_cast<std::size_t>(natsMsg_GetDataLength(result))});
        done = outcomes.count();
        natsMsg_Destroy(result);
    }
    say(watch.rate(plan.jobs));
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    return peer_main(argc, argv, run_worker, run_client);
}
