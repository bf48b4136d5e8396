#include "tests/integration/crowd.hpp"

#include "tests/integration/processes.hpp"
#include "transport/endpoint.hpp"

#include <algorithm>

namespace penstock::testing {

std::string Crowd::join() {
    auto ask = transport::open_socket(context_, zmq::socket_type::req);
    ask.set(zmq::sockopt::rcvtimeo, 10'000);
    ask.connect(control_);
    Join wish;
    wish.kinds = {"echo"};
    transport::send_copy(ask, encode(Request(), wish));
    zmq::message_t frame;
    if (!ask.recv(frame)) return "no answer";
    const auto decoded = decode_control_answer(reader_, transport::view(frame));
    if (!decoded.error.empty()) return decoded.error;
    const auto lane = std::get<Lane>(decoded.messages.at(0).question);
    if (!lane.error.empty()) return lane.error;
    auto worker = std::make_unique<Worker>();
    worker->lane = transport::open_socket(context_, zmq::socket_type::pull);
    worker->lane.set(zmq::sockopt::reconnect_ivl, -1);
    worker->lane.connect(transport::as_reached_from(lane.endpoint, control_));
    worker->results = transport::open_socket(context_, zmq::socket_type::push);
    worker->results.connect(transport::as_reached_from(lane.sink, control_));
    workers_.push_back(std::move(worker));
    return {};
}

void Crowd::serve(Worker& worker) {
    while (const auto frame = transport::receive_frame(worker.lane, malformed_)) {
        const auto decoded = decode_lane(reader_, transport::view(*frame));
        for (const auto& message : decoded.messages) {
            const auto* batch = std::get_if<JobBatch>(&message);
            if (batch == nullptr) continue;
            const JobRow& job = batch->rows.front(); // a plain worker gets one at a time
            ++runs_[job.id.text()];
            ++worker.answered;
            // A millisecond of work, it says: worth a worker of its own.
            const ResultRow row{job.id, job.attempt, 1000, job.payload, std::nullopt};
            const Result result{batch->epoch, "", "", {row}};
            transport::send_copy(worker.results, encode_plain(result));
        }
    }
}

bool Crowd::serve_until(const std::function<bool()>& done) {
    std::vector<zmq_pollitem_t> items;
    for (auto& each : workers_) items.push_back({each->lane.handle(), 0, ZMQ_POLLIN, 0});
    return eventually([&] {
        zmq_poll(items.data(), static_cast<int>(items.size()), 20);
        for (auto& each : workers_) serve(*each);
        return done();
    });
}

std::size_t Crowd::busy_ones() const {
    return static_cast<std::size_t>(std::count_if(
        workers_.begin(), workers_.end(), [](const auto& each) { return each->answered > 0; }));
}

} // namespace penstock::testing
