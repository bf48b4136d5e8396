#pragma once
// When submits leave. One that comes while none is under way leaves as soon as nothing more is there
// to be read. Those that come while a burst is under way are collected, and leave together when all of
// it is known to be stored and nothing more is there to be read, or a millisecond after the first of
// them came. So an idle pipeline waits for nothing, and a busy one pays for each message once for many
// jobs.

#include "protocol/time.hpp"

#include <cstdint>
#include <utility>

namespace penstock::gateway {

class Bursts {
public:
    static constexpr Duration kHoldMost = std::chrono::milliseconds(1);
    static constexpr std::uint32_t kRowsMost = 1'000;
    static constexpr std::uint32_t kNone = 0;

    // One more to be sent. Answers its burst, for answered(); kNone if its answer says nothing
    // about how busy the pipeline is, since it comes when a handler is done.
    enum class Until : std::uint8_t { stored, finished };

    std::uint32_t collect(Until until, Instant now) {
        if (collected_++ == 0) since_ = now;
        if (until == Until::finished) return kNone;
        ++awaited_;
        return burst_ + 1;
    }

    // From when on what was collected may leave; kNever if there is nothing.
    [[nodiscard]] Instant due_at() const {
        if (collected_ == 0) return kNever;
        return under_way_ == 0 || collected_ >= kRowsMost ? since_ : since_ + kHoldMost;
    }

    // Whether all that was collected leaves now. It is asked in every round of the loop: as long as each
    // brings more, the next one may too, and what can be read together leaves together.
    [[nodiscard]] bool leaves(Instant now) {
        if (now < due_at()) return false;
        const bool grew = std::exchange(seen_, collected_) != collected_;
        return !grew || collected_ >= kRowsMost || now >= since_ + kHoldMost;
    }

    // All that was collected leaves.
    void leave() {
        ++burst_;
        under_way_ = awaited_;
        collected_ = awaited_ = seen_ = 0;
    }

    // One that left is stored, refused or given up. A burst before the last one counts no more.
    void answered(std::uint32_t burst) {
        if (burst == kNone) return;
        if (burst == burst_ && under_way_ > 0) --under_way_;
        if (burst == burst_ + 1 && awaited_ > 0) --awaited_;
    }

private:
    std::uint32_t burst_ = 1;
    std::uint32_t under_way_ = 0; // not answered, of burst_
    std::uint32_t awaited_ = 0;   // to be answered, of the one that is being collected
    std::uint32_t collected_ = 0;
    std::uint32_t seen_ = 0; // of these, in the round before
    Instant since_{};
};

} // namespace penstock::gateway
