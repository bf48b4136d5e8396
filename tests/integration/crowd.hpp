#pragma once
// Many plain workers in one thread: each joins, has a lane of its own and answers with the payload.

#include "protocol/codec.hpp"
#include "transport/sockets.hpp"

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace penstock::testing {

class Crowd {
public:
    explicit Crowd(std::string control) : control_(std::move(control)) {}

    // One more worker. Why it was refused; empty if it has its lane.
    std::string join();

    // Answers jobs until the condition holds; false after 20 s.
    bool serve_until(const std::function<bool()>& done);

    [[nodiscard]] std::size_t size() const { return workers_.size(); }

    // How often each job was run.
    [[nodiscard]] const std::map<std::string, int>& runs() const { return runs_; }

    // How many workers have run a job.
    [[nodiscard]] std::size_t busy_ones() const;

private:
    struct Worker {
        zmq::socket_t lane, results;
        int answered = 0;
    };

    void serve(Worker& worker);

    const std::string control_;
    zmq::context_t context_ = transport::make_context();
    std::vector<std::unique_ptr<Worker>> workers_;
    std::map<std::string, int> runs_;
    Reader reader_;
    std::uint64_t malformed_ = 0;
};

} // namespace penstock::testing
