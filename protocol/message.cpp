#include "protocol/questions.hpp"

#include <array>

namespace penstock {
namespace {

constexpr std::array<std::string_view, kStates> kStateNames = {
    "queued", "delayed",   "running", "retrying",   "succeeded",
    "failed", "cancelled", "expired", "quarantined"};

} // namespace

std::string_view to_string(State s) {
    return kStateNames[static_cast<std::size_t>(s)];
}

std::optional<State> parse_state(std::string_view text) {
    for (std::size_t i = 0; i < kStates; ++i) {
        if (kStateNames[i] == text) return static_cast<State>(i);
    }
    return std::nullopt;
}

std::string_view to_string(Found f) {
    switch (f) {
    case Found::found:
        return "found";
    case Found::unknown:
        return "unknown";
    case Found::starting:
        return "starting";
    case Found::refused:
        return "refused";
    case Found::conflict:
        return "conflict";
    case Found::timed_out:
        return "timed-out";
    }
    return "unknown";
}

std::optional<Found> parse_found(std::string_view text) {
    for (const Found each : {Found::found, Found::unknown, Found::starting, Found::refused,
                             Found::conflict, Found::timed_out}) {
        if (text == to_string(each)) return each;
    }
    return std::nullopt;
}

std::string_view to_string(CancelResult c) {
    switch (c) {
    case CancelResult::cancelled:
        return "cancelled";
    case CancelResult::telling_worker:
        return "telling-worker";
    case CancelResult::finished:
        return "finished";
    case CancelResult::unknown:
        return "unknown";
    }
    return "unknown";
}

std::string_view to_string(GroupMode m) {
    switch (m) {
    case GroupMode::all:
        return "all";
    case GroupMode::first:
        return "first";
    case GroupMode::chain:
        return "chain";
    }
    return "all";
}

bool is_same_body(const Terms& a, Bytes payload_a, const Terms& b, Bytes payload_b) {
    if (payload_a != payload_b) return false;
    Terms left = a, right = b;
    left.delay = right.delay = Duration(0);
    left.ttl = right.ttl = Duration(0);
    return left == right;
}

} // namespace penstock
