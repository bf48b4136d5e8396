#include "workers/worker.hpp"

#include "protocol/check.hpp"
#include "protocol/codec.hpp"
#include "transport/sockets.hpp"
#include "transport/wakeup.hpp"
#include "workers/loop.hpp"

#include <algorithm>
#include <cstdio>
#include <thread>

namespace penstock::worker {
namespace {

void log_to_stderr(std::string_view text) {
    std::fprintf(stderr, "penstock worker: %.*s\n", static_cast<int>(text.size()), text.data());
}

} // namespace

struct Worker::State {
    Options options;
    Kinds kinds;
    std::vector<std::shared_ptr<void>> kept;
    bool running = false;

    Kind& add(std::string name) {
        PENSTOCK_CHECK(is_name(name) && !running);
        auto kind = std::make_shared<Kind>();
        kind->name = name;
        const auto [at, is_new] = kinds.emplace(std::move(name), std::move(kind));
        PENSTOCK_CHECK(is_new);
        return *at->second;
    }
};

std::uint32_t default_slots() {
    return std::max(1u, std::thread::hardware_concurrency());
}

Worker::Worker(Options options) : state_(std::make_unique<State>()) {
    PENSTOCK_CHECK(options.slots >= 1 && options.slots <= kSlotsMax);
    PENSTOCK_CHECK(options.name.empty() || is_name(options.name));
    if (!options.log) options.log = log_to_stderr;
    state_->options = std::move(options);
}

Worker::~Worker() = default;

void Worker::on(std::string kind, Handler handler) {
    state_->add(std::move(kind)).handler = std::move(handler);
}

void Worker::on_async(std::string kind, AsyncHandler handler) {
    state_->add(std::move(kind)).async = std::move(handler);
}

void Worker::on_batch(std::string kind, BatchOptions options, BatchHandler handler) {
    PENSTOCK_CHECK(options.max >= 1 && options.max <= kBatchMax && options.wait >= Duration(0));
    Kind& added = state_->add(std::move(kind));
    added.batch = std::move(handler);
    added.together = {added.name, options.max, options.wait};
}

void Worker::keep(std::shared_ptr<void> resource) {
    state_->kept.push_back(std::move(resource));
}

void Worker::run(zmq::context_t& context, transport::Stop& stop) {
    PENSTOCK_CHECK(!state_->kinds.empty() && !state_->running);
    state_->running = true;
    Loop loop(state_->options, state_->kinds, context, stop);
    loop.run();
}

void Worker::run() {
    zmq::context_t context = transport::make_context();
    transport::Stop stop;
    transport::stop_on_signals(stop);
    run(context, stop);
}

} // namespace penstock::worker
