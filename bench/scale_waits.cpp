// Holds many questions `wait until finished` at the sink at once, over a few DEALER sockets, and
// counts the answers. Prints a line when the sink holds all of them, and one when each was answered
// exactly once, from which moment on it is somebody else's turn to run the jobs.

#include "bench/client.hpp"
#include "bench/figures.hpp"

#include <CLI/CLI.hpp>
#include <cstdio>
#include <random>

namespace penstock::bench {
namespace {

constexpr std::int64_t kStuckAfter = 60'000'000'000;
constexpr std::size_t kBatch = 64;

struct Plan {
    Addresses at;
    std::size_t waits = 10'000;
    std::size_t sockets = 10;
};

void submit_all(Client& client, const std::vector<JobId>& ids) {
    const std::string payload = payload_of(0, 100);
    for (std::size_t first = 0; first < ids.size(); first += kBatch) {
        Submit jobs;
        jobs.terms.kind = "echo";
        for (std::size_t i = first; i < std::min(ids.size(), first + kBatch); ++i)
            jobs.rows.push_back({ids[i], payload});
        while (!client.submit(jobs)) client.sleep_until_sink_answers(1);
    }
}

void run(const Plan& plan) {
    Client client(plan.at);
    client.wait_until_serving(0);
    std::mt19937_64 random{std::random_device{}()};
    std::vector<JobId> ids;
    for (std::size_t i = 0; i < plan.waits; ++i)
        ids.push_back(make_uuid7(1, random(), random()));

    zmq::context_t context = transport::make_context();
    std::vector<zmq::socket_t> askers;
    std::vector<zmq_pollitem_t> items;
    for (std::size_t i = 0; i < plan.sockets; ++i) {
        askers.push_back(transport::open_socket(context, zmq::socket_type::dealer));
        transport::connect_socket(askers.back(), plan.at.status, "a client that waits");
    }
    for (auto& each : askers) items.push_back({each.handle(), 0, ZMQ_POLLIN, 0});
    for (std::size_t i = 0; i < ids.size(); ++i) {
        const AskWait wait{ids[i], Until::finished, from_seconds(kWaitSecondsMax), false, {}};
        const std::string question = encode(Request(i), StatusQuestion{wait});
        if (!transport::send_question(askers[i % askers.size()], question))
            throw std::runtime_error("the sink takes no questions");
    }
    submit_all(client, ids);
    while (std::get<SinkStats>(client.ask_sink(AskStats{})).waits < ids.size())
        client.sleep_until_sink_answers(5);
    say(R"({"held": )" + std::to_string(ids.size()) + "}");

    std::vector<int> answers(ids.size());
    std::size_t answered = 0;
    std::uint64_t malformed = 0;
    Reader reader;
    std::int64_t first_at = 0, stuck_at = clock_ns() + kStuckAfter;
    while (answered < ids.size()) {
        zmq_poll(items.data(), static_cast<int>(items.size()), 1000);
        if (clock_ns() > stuck_at)
            throw std::runtime_error(std::to_string(ids.size() - answered) + " have no answer");
        for (auto& each : askers) {
            while (const auto frame = transport::receive_answer(each, malformed)) {
                const auto decoded = decode_status_answer(reader, transport::view(*frame));
                if (!decoded.error.empty()) throw std::runtime_error(decoded.error);
                for (const auto& [request, answer] : decoded.messages) {
                    const auto& job = std::get<JobAnswer>(answer);
                    if (job.found != Found::found || job.job.state != State::succeeded)
                        throw std::runtime_error("a wait ended without its job");
                    if (++answers.at(request.value()) > 1)
                        throw std::runtime_error("a wait was answered twice");
                    if (answered++ == 0) first_at = clock_ns();
                }
            }
        }
    }
    char line[120];
    std::snprintf(line, sizeof(line), R"({"answered": %zu, "seconds": %.4f})", answered,
                  static_cast<double>(clock_ns() - first_at) * 1e-9);
    say(line);
}

} // namespace
} // namespace penstock::bench

int main(int argc, char** argv) {
    using namespace penstock::bench;
    Plan plan;
    CLI::App app("Hold many waits at the sink");
    plan.at.add_options(app);
    app.add_option("--waits", plan.waits)->check(CLI::Range(1u, 100'000u));
    app.add_option("--sockets", plan.sockets)->check(CLI::Range(1u, 1'000u));
    return main_of(app, argc, argv, [&] { run(plan); });
}
