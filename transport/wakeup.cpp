#include "transport/wakeup.hpp"

#include "protocol/check.hpp"

#include <csignal>
#include <cstdint>
#include <sys/eventfd.h>
#include <unistd.h>

namespace penstock::transport {
namespace {

constexpr int kKilledBySecondSignal = 130;
Stop* signalled = nullptr; // set once, before the handlers are

extern "C" void on_signal(int) {
    if (signalled->draining()) _exit(kKilledBySecondSignal);
    signalled->request();
}

} // namespace

Wakeup::Wakeup() : fd_(eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    PENSTOCK_CHECK(fd_ >= 0);
}

Wakeup::~Wakeup() {
    close(fd_);
}

void Wakeup::ring() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = write(fd_, &one, sizeof one); // full means rung already
}

void Wakeup::quiet() {
    std::uint64_t count = 0;
    [[maybe_unused]] const auto got = read(fd_, &count, sizeof count);
}

void stop_on_signals(Stop& stop) {
    PENSTOCK_CHECK(signalled == nullptr);
    signalled = &stop;

    struct sigaction action {};

    action.sa_handler = on_signal;
    sigaction(SIGTERM, &action, nullptr);
    sigaction(SIGINT, &action, nullptr);
    std::signal(SIGPIPE, SIG_IGN);
}

} // namespace penstock::transport
