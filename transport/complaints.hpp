#pragma once
// What peers do wrong is counted always and logged at most once a second, so that a hostile peer
// can't fill a disk.

#include "protocol/time.hpp"

#include <cstdint>
#include <spdlog/spdlog.h>
#include <string>

namespace penstock::transport {

class Complaints {
public:
    explicit Complaints(std::string where) : where_(std::move(where)) {}

    void add(const std::string& what, Instant now) {
        ++unsaid_;
        if (now < quiet_until_) return;
        spdlog::warn("malformed at={} count={} what=\"{}\"", where_, unsaid_, what);
        unsaid_ = 0;
        quiet_until_ = now + std::chrono::seconds(1);
    }

private:
    std::string where_;
    std::uint64_t unsaid_ = 0;
    Instant quiet_until_{};
};

} // namespace penstock::transport
