#pragma once
// Builders for tests of the machines: short names for common values.

#include "protocol/questions.hpp"

#include <initializer_list>
#include <string>

namespace penstock::testing {

using namespace std::chrono_literals;

// A time to count from. Far from zero, so that nothing works by luck.
inline Instant at(Duration since_start) {
    return Instant(std::chrono::hours(1)) + since_start;
}

inline Now both_at(Duration since_start) {
    return {at(since_start),
            WallTime(std::chrono::seconds(1'800'000'000)) +
                std::chrono::duration_cast<std::chrono::microseconds>(since_start)};
}

inline JobId id(const std::string& text) {
    return JobId::parse(text).value();
}

inline Terms terms(const std::string& kind) {
    Terms t;
    t.kind = kind;
    return t;
}

// One job after the other, with the payload "p". Views point to static bytes.
inline Submit submit(Terms t, std::initializer_list<const char*> ids) {
    Submit s{std::move(t), {}};
    for (const char* each : ids) s.rows.push_back({id(each), Bytes("\xa1p", 2)});
    return s;
}

inline Join join(const std::string& worker, std::uint32_t slots,
                 std::initializer_list<const char*> kinds) {
    Join j;
    j.worker = worker;
    j.slots = slots;
    for (const char* each : kinds) j.kinds.emplace_back(each);
    return j;
}

template <class Message, class Variant>
std::vector<Message> all_of(const std::vector<Variant>& messages) {
    std::vector<Message> out;
    for (const auto& each : messages) {
        if (const auto* m = std::get_if<Message>(&each)) out.push_back(*m);
    }
    return out;
}

} // namespace penstock::testing
