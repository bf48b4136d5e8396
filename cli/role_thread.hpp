#pragma once
// One role on a thread of its own, for a process that holds several.

#include "transport/wakeup.hpp"

#include <atomic>
#include <functional>
#include <future>
#include <string>
#include <thread>

namespace penstock::cli {

class RoleThread {
public:
    using Ready = std::function<void()>;
    using Body = std::function<void(transport::Stop&, const Ready&)>;

    // Starts `body`. `ended` is rung when it has returned or thrown. Owned by one thread; `ended`
    // must outlive it.
    RoleThread(std::string name, transport::Wakeup& ended, Body body);
    // Asks it to leave at once, and joins it.
    ~RoleThread();
    RoleThread(const RoleThread&) = delete;
    RoleThread& operator=(const RoleThread&) = delete;

    // Until it is ready or has ended. Rethrows what the body threw before it was ready.
    void wait_ready();

    void request_drain() { stop_.request(); }

    void join();

    [[nodiscard]] const std::string& name() const { return name_; }

    [[nodiscard]] bool has_ended() const { return ended_; }
    [[nodiscard]] bool has_failed() const { return failed_; } // it threw

    [[nodiscard]] bool was_asked() const { return stop_.draining(); }

private:
    void run(const Body& body);

    std::string name_;
    transport::Wakeup& on_end_;
    transport::Stop stop_;
    std::promise<void> ready_;
    std::atomic<bool> ended_{false}, failed_{false};
    std::thread thread_;
};

} // namespace penstock::cli
