// What libzmq does alone on this machine, in separate processes over tcp:
//
//   source ──PUSH──▶ worker, worker ──PUSH──▶ sink      messages a second
//   ask ◀──REQ/REP──▶ reply                             one round trip
//
// Nothing is stored, nothing is decoded, nothing is lost only because nobody dies. `source` prints
// {"start_ns", "cpu_seconds"} and `sink` {"end_ns", "cpu_seconds"}, by a clock they share; `ask`
// prints percentiles. `worker` and `reply` run until they are ended.

#include "bench/figures.hpp"
#include "transport/monitor.hpp"

#include <cstring>
#include <poll.h>
#include <zmq.hpp>

namespace penstock::bench {
namespace {

struct Plan {
    std::string from, to;
    std::uint64_t messages = 1'000'000;
    std::size_t bytes = 100;
    int workers = 2;
    Timing timing; // of `ask`
};

void wait_for_peers(transport::Monitors& monitors, int wanted) {
    for (int up = 0; up < wanted;) {
        pollfd item{monitors.fd(), POLLIN, 0};
        if (::poll(&item, 1, 10'000) == 0) throw std::runtime_error("the workers did not come");
        for (const auto& event : monitors.take()) {
            if (event.what == transport::PeerEvent::What::up) ++up;
        }
    }
}

void run_source(const Plan& plan) {
    zmq::context_t context(1);
    transport::Monitors monitors(context);
    zmq::socket_t out(context, zmq::socket_type::push);
    monitors.watch(out, 1);
    out.bind(plan.to);
    wait_for_peers(monitors, plan.workers);
    monitors.forget(out, 1);
    std::string body(plan.bytes, 'x');
    const std::int64_t start = clock_ns();
    for (std::uint64_t i = 0; i < plan.messages; ++i) {
        std::memcpy(body.data(), &i, sizeof(i));
        out.send(zmq::buffer(body), zmq::send_flags::none);
    }
    out.close();
    context.close(); // everything has been handed to the kernel
    say(moment("start_ns", start));
}

void run_worker(const Plan& plan) {
    zmq::context_t context(1);
    zmq::socket_t in(context, zmq::socket_type::pull);
    zmq::socket_t out(context, zmq::socket_type::push);
    out.connect(plan.to);
    in.connect(plan.from);
    zmq::message_t message;
    while (in.recv(message)) out.send(message, zmq::send_flags::none);
}

void run_sink(const Plan& plan) {
    zmq::context_t context(1);
    zmq::socket_t in(context, zmq::socket_type::pull);
    in.bind(plan.from);
    zmq::message_t message;
    for (std::uint64_t i = 0; i < plan.messages; ++i) {
        (void)in.recv(message);
        if (message.size() != plan.bytes) throw std::runtime_error("a message has another size");
    }
    say(moment("end_ns", clock_ns()));
}

void run_reply(const Plan& plan) {
    zmq::context_t context(1);
    zmq::socket_t socket(context, zmq::socket_type::rep);
    socket.bind(plan.from);
    zmq::message_t message;
    while (socket.recv(message)) socket.send(message, zmq::send_flags::none);
}

void run_ask(const Plan& plan) {
    zmq::context_t context(1);
    zmq::socket_t socket(context, zmq::socket_type::req);
    socket.connect(plan.to);
    const std::string body(plan.bytes, 'x');
    const auto ask = [&](const std::string& question) {
        zmq::message_t answer;
        socket.send(zmq::buffer(question), zmq::send_flags::none);
        (void)socket.recv(answer);
        return answer.size();
    };
    const auto check = [](const std::string& question, std::size_t size) {
        if (size != question.size()) throw std::runtime_error("an answer has another size");
    };
    say_latencies(plan.timing,
                  time_each(plan.timing, [&](std::uint64_t) { return body; }, ask, check));
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("The same shape in plain libzmq");
    app.require_subcommand(1);
    void (*role)(const Plan&) = nullptr;
    const auto add = [&](const char* name, void (*run)(const Plan&)) {
        CLI::App* sub = app.add_subcommand(name);
        sub->add_option("--from", plan.from, "Where messages come from");
        sub->add_option("--to", plan.to, "Where messages go");
        sub->add_option("--messages", plan.messages);
        sub->add_option("--bytes", plan.bytes)->check(CLI::Range(8u, 1u << 24));
        sub->add_option("--workers", plan.workers, "Workers to wait for before the first message");
        sub->callback([&role, run] { role = run; });
        return sub;
    };
    add("source", run_source);
    add("worker", run_worker);
    add("sink", run_sink);
    add("reply", run_reply);
    plan.timing.add_options(*add("ask", run_ask), "--count");
    app.add_subcommand("version", "The libzmq that this program found")->callback([&role] {
        role = [](const Plan&) {
            int major = 0, minor = 0, patch = 0;
            zmq_version(&major, &minor, &patch);
            say(std::to_string(major) + "." + std::to_string(minor) + "." + std::to_string(patch));
        };
    });
    return main_of(app, argc, argv, [&] { role(plan); });
}
