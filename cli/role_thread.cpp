#include "cli/role_thread.hpp"

#include <spdlog/spdlog.h>

namespace penstock::cli {

RoleThread::RoleThread(std::string name, transport::Wakeup& ended, Body body)
    : name_(std::move(name)), on_end_(ended),
      thread_([this, body = std::move(body)] { run(body); }) {}

RoleThread::~RoleThread() {
    if (!thread_.joinable()) return;
    stop_.request();
    stop_.request();
    thread_.join();
}

void RoleThread::wait_ready() {
    ready_.get_future().get();
}

void RoleThread::join() {
    if (thread_.joinable()) thread_.join();
}

// A role throws while it starts, when its disk fails, or because of a bug: the process must know.
void RoleThread::run(const Body& body) {
    bool is_ready = false;
    try {
        body(stop_, [&] {
            if (!is_ready) ready_.set_value();
            is_ready = true;
        });
        if (!is_ready) ready_.set_value();
    } catch (const std::exception& error) {
        failed_ = true;
        if (is_ready)
            spdlog::error("{} ended: {}", name_, error.what());
        else
            ready_.set_exception(std::current_exception());
    }
    ended_ = true;
    on_end_.ring();
}

} // namespace penstock::cli
