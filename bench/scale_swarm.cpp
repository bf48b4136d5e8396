// Thousands of workers in one process: each joins by itself, has a lane, a way to the sink and a
// way for its heartbeats of its own, as a worker of the SDK has, and shares only the thread. What
// is measured is the ventilator; a worker here does as little as a worker can.
//
// Prints one line when all lanes are up as the ventilator sees it, and serves until SIGTERM.

#include "bench/client.hpp"
#include "bench/figures.hpp"
#include "transport/endpoint.hpp"
#include "transport/poll.hpp"
#include "transport/wakeup.hpp"

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <queue>
#include <sys/epoll.h>

namespace penstock::bench {
namespace {

constexpr Duration kHeartbeatEvery = std::chrono::milliseconds(500);
constexpr Duration kLookEvery = std::chrono::milliseconds(50);

struct Plan {
    Addresses at;
    std::size_t workers = 3'000;
    std::size_t joins = 256;   // at once
    std::uint32_t slots = 1;
    std::uint64_t hold_us = 0; // how long a job keeps its slot
    std::size_t until = 0;     // workers that must be up, with those of other swarms
    bool nil = false;          // answer nil, not the payload
};

struct Worker {
    explicit Worker(std::size_t number) : name("swarm-" + std::to_string(number)) {}

    std::string name;
    std::unique_ptr<zmq::socket_t> asking, lane, results, door;
};

struct Held { // a job that keeps its slot
    Instant until;
    std::size_t worker;
    std::string frame; // its result

    bool operator<(const Held& other) const { return until > other.until; } // the first on top
};

class Swarm {
public:
    explicit Swarm(const Plan& plan);
    ~Swarm() { close(epoll_); }
    void run(transport::Stop& stop);

private:
    void ask_more();
    void take_lane(std::size_t number);
    void serve(std::size_t number);
    void answer(std::size_t number, const JobBatch& batch);
    void answer_held(Instant now);
    void beat(Instant now);
    void look(Instant now);
    void watch(zmq::socket_t& socket, std::size_t number) const;

    std::unique_ptr<zmq::socket_t> dial(zmq::socket_type type, const std::string& endpoint);

    const Plan plan_;
    zmq::context_t context_ = transport::make_context();
    Client client_;
    int epoll_ = epoll_create1(EPOLL_CLOEXEC);
    std::vector<Worker> workers_;
    std::priority_queue<Held> held_;
    Reader reader_;
    std::uint64_t malformed_ = 0;
    std::size_t asked_ = 0, joined_ = 0, next_beat_ = 0;
    std::int64_t started_ = 0;
    Instant look_at_ = kNever, beat_at_{};
    bool all_up_ = false;
};

Swarm::Swarm(const Plan& plan) : plan_(plan), client_(plan.at) {
    const auto base = static_cast<std::size_t>(getpid()) * 100'000;
    for (std::size_t i = 0; i < plan.workers; ++i) workers_.emplace_back(base + i);
}

std::unique_ptr<zmq::socket_t> Swarm::dial(zmq::socket_type type, const std::string& endpoint) {
    auto socket = std::make_unique<zmq::socket_t>(transport::open_socket(context_, type));
    if (type == zmq::socket_type::pull) socket->set(zmq::sockopt::reconnect_ivl, -1);
    transport::connect_socket(*socket, transport::as_reached_from(endpoint, plan_.at.control),
                              "a worker of the swarm");
    return socket;
}

void Swarm::watch(zmq::socket_t& socket, std::size_t number) const {
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u64 = number;
    epoll_ctl(epoll_, EPOLL_CTL_ADD, socket.get(zmq::sockopt::fd), &event);
}

void Swarm::ask_more() {
    for (; asked_ < workers_.size() && asked_ - joined_ < plan_.joins; ++asked_) {
        Worker& worker = workers_[asked_];
        worker.asking = dial(zmq::socket_type::req, plan_.at.control);
        Join join;
        join.worker = worker.name;
        join.kinds = {"echo"};
        join.slots = plan_.slots;
        join.batch = join.heartbeats = true;
        transport::send_copy(*worker.asking, encode(Request(), join));
        watch(*worker.asking, asked_);
    }
}

void Swarm::take_lane(std::size_t number) {
    Worker& worker = workers_[number];
    const auto frame = transport::receive_frame(*worker.asking, malformed_);
    if (!frame) return;
    const auto decoded = decode_control_answer(reader_, transport::view(*frame));
    if (!decoded.error.empty()) throw std::runtime_error(decoded.error);
    const auto lane = std::get<Lane>(decoded.messages.at(0).question);
    if (!lane.error.empty()) throw std::runtime_error(lane.error);
    worker.asking.reset(); // leaves the epoll set with its descriptor
    worker.lane = dial(zmq::socket_type::pull, lane.endpoint);
    worker.results = dial(zmq::socket_type::push, lane.sink);
    worker.door = dial(zmq::socket_type::push, lane.door);
    watch(*worker.lane, number);
    if (++joined_ == workers_.size()) look_at_ = transport::clock_now();
    ask_more();
}

void Swarm::serve(std::size_t number) {
    Worker& worker = workers_[number];
    // Until it is empty: the descriptor says no more about what is left. The window bounds it.
    while (const auto frame = transport::receive_frame(*worker.lane, malformed_)) {
        const auto decoded = decode_lane(reader_, transport::view(*frame));
        if (!decoded.error.empty()) throw std::runtime_error(decoded.error);
        for (const auto& message : decoded.messages) {
            if (const auto* batch = std::get_if<JobBatch>(&message)) answer(number, *batch);
        }
    }
}

void Swarm::answer(std::size_t number, const JobBatch& batch) {
    Result result;
    result.epoch = batch.epoch;
    result.worker = workers_[number].name;
    for (const JobRow& job : batch.rows) {
        ResultRow& row = result.rows.emplace_back();
        row.id = job.id;
        row.attempt = job.attempt;
        row.run_us = std::max<std::uint64_t>(plan_.hold_us, 1);
        row.value = plan_.nil ? Bytes("\xc0", 1) : job.payload;
    }
    if (plan_.hold_us == 0) {
        transport::send_frame(*workers_[number].results, transport::make_frame(encode(result)));
        return;
    }
    const Instant until = transport::clock_now() + std::chrono::microseconds(plan_.hold_us);
    held_.push({until, number, encode(result)});
}

void Swarm::answer_held(Instant now) {
    while (!held_.empty() && held_.top().until <= now) {
        transport::send_copy(*workers_[held_.top().worker].results, held_.top().frame);
        held_.pop();
    }
}

// Spread over the period, as those of processes that were started one by one.
void Swarm::beat(Instant now) {
    if (joined_ < workers_.size() || now < beat_at_) return;
    constexpr std::size_t kTurns = 50;
    beat_at_ = now + kHeartbeatEvery / kTurns;
    for (std::size_t i = 0; i < workers_.size() / kTurns + 1; ++i) {
        const Worker& worker = workers_[next_beat_++ % workers_.size()];
        transport::send_copy(*worker.door, encode(Heartbeat{worker.name, {}, 0, 0}));
    }
}

std::size_t open_descriptors() {
    const std::filesystem::directory_iterator all("/proc/self/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

void Swarm::look(Instant now) {
    if (all_up_ || now < look_at_) return;
    look_at_ = now + kLookEvery;
    const auto view = std::get<Workers>(client_.ask_ventilator(AskWorkers{}));
    if (view.workers.size() < std::max(plan_.until, workers_.size())) return;
    all_up_ = true;
    char line[160];
    std::snprintf(line, sizeof(line), R"({"workers": %zu, "seconds": %.3f, "descriptors": %zu})",
                  view.workers.size(), static_cast<double>(clock_ns() - started_) * 1e-9,
                  open_descriptors());
    say(line);
}

void Swarm::run(transport::Stop& stop) {
    client_.wait_until_serving(0);
    started_ = clock_ns();
    ask_more();
    std::array<epoll_event, 256> ready{};
    while (!stop.draining()) {
        const int wait = held_.empty() ? 10 : 1;
        const int count = epoll_wait(epoll_, ready.data(), static_cast<int>(ready.size()), wait);
        for (int i = 0; i < count; ++i) {
            const auto number = ready[static_cast<std::size_t>(i)].data.u64;
            if (workers_[number].asking)
                take_lane(number);
            else
                serve(number);
        }
        const Instant now = transport::clock_now();
        answer_held(now);
        beat(now);
        look(now);
    }
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("Many workers of the kind `echo` in one process");
    plan.at.add_options(app);
    app.add_option("--workers", plan.workers)->check(CLI::Range(1u, 100'000u));
    app.add_option("--joins", plan.joins, "Asking at once")->check(CLI::Range(1u, 100'000u));
    app.add_option("--slots", plan.slots)->check(CLI::Range(1u, 100'000u));
    app.add_option("--hold-us", plan.hold_us, "Microseconds that a job keeps its slot");
    app.add_option("--until", plan.until, "Workers that must be up, with those of other swarms");
    app.add_flag("--nil", plan.nil, "Answer nil instead of the payload");
    return main_of(app, argc, argv, [&] {
        penstock::transport::Stop stop;
        penstock::transport::stop_on_signals(stop);
        Swarm(plan).run(stop);
    });
}
