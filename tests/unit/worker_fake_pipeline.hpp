#pragma once
// A ventilator and a sink for one worker, played by the test over real sockets, step by step.

#include "protocol/codec.hpp"
#include "transport/sockets.hpp"
#include "transport/wakeup.hpp"
#include "workers/worker.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace penstock::testing {

using namespace std::chrono_literals;

struct GotRow { // of a result message, with bytes of its own
    std::string id;
    std::uint32_t attempt = 0;
    std::uint64_t run_us = 0;
    std::string value;
    std::optional<Failure> failure;
    Epoch epoch = 0;
    std::string worker, content_type;
    std::uint64_t queued_us = 0, waited_us = 0;
    std::vector<std::string> pieces; // of this job, that came before its result
};

enum class Carrier { inproc, tcp };

class FakePipeline {
public:
    explicit FakePipeline(Carrier carrier)
        : carrier_(carrier), context_(transport::make_context()),
          control_(open(zmq::socket_type::router)), sink_(open(zmq::socket_type::pull)),
          door_(open(zmq::socket_type::pull)) {
        control = bind(control_, "control");
        sink_at_ = bind(sink_, "sink");
        door_at_ = bind(door_, "door");
    }

    zmq::context_t& context() { return context_; }

    std::string control; // what the worker is told to join

    // The next join; answered with a lane if `answer` is left as it is.
    Join next_join(Epoch epoch) {
        Lane lane;
        lane.window = 100;
        lane.epoch = epoch;
        lane.ping = ping;
        lane_.emplace(open(zmq::socket_type::push));
        lane.endpoint = bind(*lane_, "lane" + std::to_string(++lanes_));
        lane.sink = sink_at_;
        lane.door = door_at_;
        return answer_join(lane);
    }

    Join answer_join(Lane lane) {
        std::optional<transport::Asked> asked;
        until("a join", [&] {
            asked = transport::receive_question(control_, malformed_);
            return asked.has_value();
        });
        auto decoded = decode_control(reader_, transport::view(asked->body));
        EXPECT_EQ(decoded.error, "");
        auto join = std::get<Join>(decoded.messages.at(0).question);
        if (lane.worker.empty()) lane.worker = join.worker;
        transport::send_answer(control_, asked->envelope, encode(Request(), ControlAnswer(lane)));
        return join;
    }

    void break_lane() { lane_.reset(); }

    // The sink is killed, with what it has not read; then another one is there.
    void kill_sink() {
        sink_.close();
        pieces_of_.clear();
    }

    void restart_sink() {
        sink_ = open(zmq::socket_type::pull);
        until("the sink's port", [&] { // libzmq closes the old one when it gets to it
            try {
                sink_.bind(sink_at_);
                return true;
            } catch (const zmq::error_t&) {
                return false;
            }
        });
    }

    void settle(JobNumber first, std::uint32_t count) {
        send(encode(SettledJobs{{{first, count}}}));
    }

    void send(const std::string& message) {
        until("room on the lane", [&] { return transport::send_copy(*lane_, message); });
    }

    void send_jobs(const std::string& kind, Epoch epoch, JobNumber first, int count,
                   const std::string& payload, const std::vector<Range>& settled = {}) {
        JobBatch batch;
        batch.settled = settled;
        batch.epoch = epoch;
        batch.kind = kind;
        batch.timeout = 30s;
        batch.queued_us = queued_us;
        for (int i = 0; i < count; ++i) {
            const JobNumber n = first + static_cast<JobNumber>(i);
            batch.rows.push_back({n, id_of(n), 1, payload});
        }
        send(encode(batch));
    }

    static JobId id_of(JobNumber n) { return JobId::parse("job-" + std::to_string(n)).value(); }

    // The rows of results until there are `count`.
    std::vector<GotRow> results(std::size_t count) {
        std::vector<GotRow> out;
        until("results", [&] {
            read_sink();
            while (!rows_.empty() && out.size() < count) {
                out.push_back(std::move(rows_.front()));
                rows_.pop_front();
            }
            return out.size() == count;
        });
        return out;
    }

    std::optional<GotRow> result_if_any() {
        read_sink();
        if (rows_.empty()) return std::nullopt;
        GotRow row = std::move(rows_.front());
        rows_.pop_front();
        return row;
    }

    Progress next_progress() {
        until("progress", [&] {
            read_sink();
            return !progress_.empty();
        });
        Progress out = progress_.front();
        progress_.pop_front();
        return out;
    }

    // The next heartbeat that says `running` jobs run.
    Heartbeat heartbeat_with(std::size_t running) {
        Heartbeat out;
        until("a heartbeat", [&] {
            read_door();
            for (; !heartbeats_.empty(); heartbeats_.pop_front()) {
                if (heartbeats_.front().running.size() != running) continue;
                out = heartbeats_.front();
                heartbeats_.pop_front();
                return true;
            }
            return false;
        });
        return out;
    }

    Bye next_bye() {
        until("a bye", [&] {
            read_door();
            return !byes_.empty();
        });
        Bye out = byes_.front();
        byes_.pop_front();
        return out;
    }

    template <class Ready>
    static void until(const char* what, Ready ready) {
        const auto deadline = std::chrono::steady_clock::now() + 20s;
        while (!ready()) {
            if (std::chrono::steady_clock::now() > deadline) {
                ADD_FAILURE() << "waited in vain for " << what;
                throw std::runtime_error(what);
            }
            std::this_thread::sleep_for(1ms);
        }
    }

    std::string next_piece() {
        until("a piece", [&] {
            read_sink();
            return !pieces_.empty();
        });
        std::string out = pieces_.front();
        pieces_.pop_front();
        return out;
    }

    Duration ping = 5s;
    bool settles = true; // what it reads, at once
    std::uint64_t queued_us = 0; // of jobs that are sent

private:
    zmq::socket_t open(zmq::socket_type type) { return transport::open_socket(context_, type); }

    std::string bind(zmq::socket_t& socket, const std::string& name) {
        if (carrier_ == Carrier::inproc) {
            const std::string endpoint = "inproc://" + name;
            socket.bind(endpoint);
            return endpoint;
        }
        socket.bind("tcp://127.0.0.1:*");
        return socket.get(zmq::sockopt::last_endpoint);
    }

    void read_sink() {
        while (auto frame = transport::receive_frame(sink_, malformed_)) {
            auto decoded = decode_sink_door(reader_, transport::view(*frame));
            EXPECT_EQ(decoded.error, "");
            for (auto& fact : decoded.messages) {
                if (auto* progress = std::get_if<Progress>(&fact)) progress_.push_back(*progress);
                if (auto* partial = std::get_if<Partial>(&fact)) {
                    pieces_.emplace_back(partial->value);
                    pieces_of_[partial->id.text()].emplace_back(partial->value);
                }
                auto* result = std::get_if<Result>(&fact);
                if (result == nullptr) continue;
                for (auto& row : result->rows) {
                    if (settles && lane_) {
                        const std::string id = row.id.text(); // made by id_of()
                        transport::send_copy(*lane_, encode(SettledJobs{{{std::stoull(id.substr(4)), 1}}}));
                    }
                    rows_.push_back({row.id.text(), row.attempt, row.run_us, std::string(row.value),
                                     row.failure, result->epoch, result->worker,
                                     result->content_type, result->queued_us, row.waited_us,
                                     pieces_of_[row.id.text()]});
                }
            }
        }
    }

    void read_door() {
        while (auto frame = transport::receive_frame(door_, malformed_)) {
            auto decoded = decode_ventilator_door(reader_, transport::view(*frame));
            EXPECT_EQ(decoded.error, "");
            for (auto& fact : decoded.messages) {
                if (auto* beat = std::get_if<Heartbeat>(&fact)) heartbeats_.push_back(*beat);
                if (auto* bye = std::get_if<Bye>(&fact)) byes_.push_back(*bye);
            }
        }
    }

    Carrier carrier_;
    zmq::context_t context_;
    zmq::socket_t control_, sink_, door_;
    std::optional<zmq::socket_t> lane_;
    std::string sink_at_, door_at_;
    int lanes_ = 0;
    Reader reader_;
    std::uint64_t malformed_ = 0;
    std::deque<GotRow> rows_;
    std::deque<std::string> pieces_;
    std::map<std::string, std::vector<std::string>> pieces_of_;
    std::deque<Progress> progress_;
    std::deque<Heartbeat> heartbeats_;
    std::deque<Bye> byes_;
};

// A worker in a thread of its own, which the test starts once its handlers are there.
class RunningWorker {
public:
    RunningWorker(FakePipeline& pipeline, std::uint32_t slots)
        : pipeline_(pipeline), worker(options(pipeline, slots)) {}

    ~RunningWorker() {
        if (!thread_.joinable()) return;
        stop.request();
        stop.request();
        thread_.join();
    }

    void start() {
        thread_ = std::thread([this] { worker.run(pipeline_.context(), stop); });
    }

    void join_thread() { thread_.join(); }

private:
    static worker::Options options(const FakePipeline& pipeline, std::uint32_t slots) {
        worker::Options out;
        out.control = pipeline.control;
        out.slots = slots;
        out.heartbeat = 50ms;
        out.log = [](std::string_view) {};
        return out;
    }

    FakePipeline& pipeline_;

public:
    transport::Stop stop;
    worker::Worker worker;

private:
    std::thread thread_;
};

inline std::string text_value(std::string_view text) {
    std::string out;
    Writer(out).text(text);
    return out;
}

inline std::string integer_value(std::int64_t value) {
    std::string out;
    Writer(out).integer(value);
    return out;
}

} // namespace penstock::testing
