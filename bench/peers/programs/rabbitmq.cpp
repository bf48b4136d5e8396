// librabbitmq: a queue `jobs`, a queue `results`, one message a job (AMQP has no other), prefetch 64,
// every job acknowledged after its result was sent.

#include "bench/peers/programs/outcomes.hpp"

#include <amqp.h>
#include <amqp_tcp_socket.h>
#include <atomic>
#include <thread>

namespace penstock::bench {
namespace {

constexpr amqp_channel_t kChannel = 1;

amqp_bytes_t bytes_of(std::string_view text) {
    return {text.size(), const_cast<char*>(text.data())};
}

class Rabbit {
public:
    explicit Rabbit(int port) : connection_(amqp_new_connection()) {
        amqp_socket_t* socket = amqp_tcp_socket_new(connection_);
        if (amqp_socket_open(socket, "127.0.0.1", port) != AMQP_STATUS_OK)
            throw std::runtime_error("no RabbitMQ is there");
        must(amqp_login(connection_, "/", 0, 131'072, 0, AMQP_SASL_METHOD_PLAIN, "guest", "guest"));
        amqp_channel_open(connection_, kChannel);
        must(amqp_get_rpc_reply(connection_));
        for (const char* queue : {"jobs", "results"}) { // in memory, not durable
            amqp_queue_declare(connection_, kChannel, bytes_of(queue), 0, 0, 0, 0,
                               amqp_empty_table);
            must(amqp_get_rpc_reply(connection_));
        }
    }
    void consume(const char* queue, bool without_acks) {
        amqp_basic_qos(connection_, kChannel, 0, kBatch, 0);
        amqp_basic_consume(connection_, kChannel, bytes_of(queue), amqp_empty_bytes, 0,
                           without_acks, 0, amqp_empty_table);
        must(amqp_get_rpc_reply(connection_));
    }
    void publish(const char* queue, std::string_view body) {
        if (amqp_basic_publish(connection_, kChannel, amqp_empty_bytes, bytes_of(queue), 0, 0,
                               nullptr, bytes_of(body)) != AMQP_STATUS_OK)
            throw std::runtime_error("RabbitMQ takes no message");
    }
    // REQUIRES: a consumer. `use` gets the body, and the tag to acknowledge.
    template <class Use>
    void take(Use use) {
        amqp_envelope_t envelope;
        amqp_maybe_release_buffers(connection_);
        must(amqp_consume_message(connection_, &envelope, nullptr, 0));
        use(std::string_view(static_cast<const char*>(envelope.message.body.bytes),
                             envelope.message.body.len),
            envelope.delivery_tag);
        amqp_destroy_envelope(&envelope);
    }
    void acknowledge(std::uint64_t tag) { amqp_basic_ack(connection_, kChannel, tag, 0); }

private:
    static void must(const amqp_rpc_reply_t& reply) {
        if (reply.reply_type != AMQP_RESPONSE_NORMAL)
            throw std::runtime_error("RabbitMQ refuses or is gone");
    }
    amqp_connection_state_t connection_;
};

void run_worker(const PeerPlan& plan) {
    Rabbit rabbit(plan.port);
    rabbit.consume("jobs", false);
    while (true) {
        rabbit.take([&](std::string_view body, std::uint64_t tag) {
            rabbit.publish("results", body); // echo
            rabbit.acknowledge(tag);
        });
    }
}

void run_client(const PeerPlan& plan) {
    Rabbit jobs(plan.port), results(plan.port);
    results.consume("results", true);
    Outcomes outcomes(plan.jobs);
    std::atomic<std::uint64_t> done = 0;
    const Stopwatch watch;
    std::thread submitter([&] {
        for (std::uint64_t sent = 0; sent < plan.jobs; ++sent) {
            while (sent - done.load() > kMostInFlight) std::this_thread::yield();
            jobs.publish("jobs", job_payload(sent));
        }
    });
    submitter.detach(); // a throw below ends the process
    while (!outcomes.all()) {
        results.take([&](std::string_view body, std::uint64_t) { outcomes.take(body); });
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
