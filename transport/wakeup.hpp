#pragma once
// How a thread that sleeps in poll is told something: an eventfd, and the request to stop on top of
// it. Both may be used from any thread, and from a signal handler.

#include <atomic>

namespace penstock::transport {

class Wakeup {
public:
    Wakeup();
    ~Wakeup();
    Wakeup(const Wakeup&) = delete;
    Wakeup& operator=(const Wakeup&) = delete;

    void ring();  // fd() becomes readable
    void quiet(); // until the next ring

    [[nodiscard]] int fd() const { return fd_; }

private:
    int fd_;
};

// Asks one role to drain and leave. Ringing again while it drains means: leave at once.
class Stop {
public:
    void request() {
        requests_.fetch_add(1);
        wakeup_.ring();
    }

    [[nodiscard]] bool draining() const { return requests_.load() > 0; }

    [[nodiscard]] bool at_once() const { return requests_.load() > 1; }

    [[nodiscard]] int fd() const { return wakeup_.fd(); }

    void quiet() { wakeup_.quiet(); }

private:
    std::atomic<int> requests_{0};
    Wakeup wakeup_;
};

// SIGTERM and SIGINT ring this one. A second signal ends the process at once, with status 130.
void stop_on_signals(Stop& stop);

} // namespace penstock::transport
