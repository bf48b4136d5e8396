// Two lists, `jobs` and `results`, with 64 elements a command, and some commands on the way at once.

#include "bench/peers/programs/outcomes.hpp"

#include <atomic>
#include <hiredis/hiredis.h>
#include <memory>
#include <thread>

namespace penstock::bench {
namespace {

using Reply = std::unique_ptr<redisReply, void (*)(void*)>;

class Redis {
public:
    explicit Redis(int port) : context_(redisConnect("127.0.0.1", port)) {
        if (!context_ || context_->err) throw std::runtime_error("no Redis is there");
    }
    ~Redis() { redisFree(context_); }
    Redis(const Redis&) = delete;
    Redis& operator=(const Redis&) = delete;

    void push(const char* list, const std::vector<std::string_view>& values) {
        std::vector<const char*> words{"RPUSH", list};
        std::vector<std::size_t> sizes{5, std::strlen(list)};
        for (const auto value : values) {
            words.push_back(value.data());
            sizes.push_back(value.size());
        }
        redisAppendCommandArgv(context_, static_cast<int>(words.size()), words.data(),
                               sizes.data());
    }
    void pop(const char* list) {
        redisAppendCommand(context_, "BLMPOP 10 1 %s LEFT COUNT %d", list,
                           static_cast<int>(kBatch));
    }
    Reply take() {
        void* reply = nullptr;
        if (redisGetReply(context_, &reply) != REDIS_OK) throw std::runtime_error("Redis is gone");
        Reply out(static_cast<redisReply*>(reply), freeReplyObject);
        if (out->type == REDIS_REPLY_ERROR) throw std::runtime_error(out->str);
        return out;
    }

private:
    redisContext* context_;
};

// Of an answer to BLMPOP: nil, or the list's name and its elements.
std::vector<std::string_view> values_of(const redisReply& reply) {
    std::vector<std::string_view> out;
    if (reply.type != REDIS_REPLY_ARRAY || reply.elements != 2) return out;
    const redisReply& list = *reply.element[1];
    for (std::size_t i = 0; i < list.elements; ++i)
        out.emplace_back(list.element[i]->str, list.element[i]->len);
    return out;
}

void run_worker(const PeerPlan& plan) {
    Redis redis(plan.port);
    redis.pop("jobs");
    while (true) {
        const Reply popped = redis.take();
        const auto values = values_of(*popped);
        if (!values.empty()) redis.push("results", values); // echo
        redis.pop("jobs");
        if (!values.empty()) redis.take();
    }
}

void submit_all(const PeerPlan& plan, const std::atomic<std::uint64_t>& done) {
    constexpr int kOnTheWay = 4;
    Redis redis(plan.port);
    int on_the_way = 0;
    for (std::uint64_t sent = 0; sent < plan.jobs;) {
        std::vector<std::string> payloads;
        for (; payloads.size() < kBatch && sent < plan.jobs; ++sent)
            payloads.push_back(job_payload(sent));
        while (sent - done.load() > kMostInFlight) std::this_thread::yield();
        redis.push("jobs", {payloads.begin(), payloads.end()});
        if (++on_the_way == kOnTheWay) {
            redis.take();
            --on_the_way;
        }
    }
    for (; on_the_way > 0; --on_the_way) redis.take();
}

void run_client(const PeerPlan& plan) {
    constexpr int kOnTheWay = 2;
    Redis redis(plan.port);
    Outcomes outcomes(plan.jobs);
    std::atomic<std::uint64_t> done = 0;
    const Stopwatch watch;
    std::thread submitter([&] { submit_all(plan, done); });
    submitter.detach(); // a throw below ends the process
    for (int i = 0; i < kOnTheWay; ++i) redis.pop("results");
    while (!outcomes.all()) {
        const Reply popped = redis.take();
        redis.pop("results");
        for (const auto value : values_of(*popped)) outcomes.take(value);
        done = outcomes.count();
    }
    say(watch.rate(plan.jobs));
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    return peer_main(argc, argv, run_worker, run_client);
}
