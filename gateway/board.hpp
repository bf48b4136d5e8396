#pragma once
// What a hub last heard from the ventilator and the sink.

#include "protocol/questions.hpp"
#include "protocol/time.hpp"

namespace penstock::gateway {

// Silence after which a part counts as away.
constexpr Duration kSilence = std::chrono::seconds(2);

struct Board {
    Duration ventilator_silence = kSilence; // since its last answer; kSilence if there was none
    Duration sink_silence = kSilence;
    Room room;
    SinkStats sink;
    DispatchStats dispatch;
    bool draining = false; // this gateway

    [[nodiscard]] bool ventilator_is_there() const { return ventilator_silence < kSilence; }

    [[nodiscard]] bool sink_is_there() const { return sink_silence < kSilence; }
};

} // namespace penstock::gateway
