#pragma once
// The questions that the hub has asked and that are not answered yet. Every answer repeats the
// number of its question; an answer that comes late or twice finds nobody and is dropped.

#include "gateway/call.hpp"
#include "protocol/time.hpp"

#include <cstdint>
#include <vector>

namespace penstock::gateway {

class Pending {
public:
    // Numbers of one question are number .. number + rows - 1. Never below kFirstNumber.
    // REQUIRES: 1 <= rows <= kRowsMost.
    static constexpr std::uint32_t kRowBits = 20;
    static constexpr std::uint32_t kRowsMost = 1u << kRowBits;
    static constexpr std::uint64_t kFirstNumber = kRowsMost;
    enum class Form : std::uint8_t { single, bulk };

    // `burst` comes back with the answer.
    std::uint64_t open(Promise promise, Form form, std::uint32_t rows, Instant deadline,
                       std::uint32_t burst = 0);
    // Rows of it that are not answered yet; 0 if it has been closed.
    [[nodiscard]] std::uint32_t waiting(std::uint64_t number);
    // REQUIRES: waiting(number) > 0.
    void extend(std::uint64_t number, Instant deadline);
    // What is complete by it goes to `done`.
    void answer(std::uint64_t number, Said&& said, std::vector<Completed>& done);
    // Silence for everything whose deadline has passed. Looks at all of them: not for every turn.
    void expire(Instant now, std::vector<Completed>& done);

private:
    struct Slot {
        Promise promise;
        Instant deadline = kNever;
        std::uint32_t rows = 0; // 0 = free
        std::uint32_t waiting = 0;
        std::uint32_t burst = 0;
        std::uint16_t generation = 0;
        Form form = Form::single;
        std::vector<bool> answered; // of a bulk
        BulkAnswer bulk;
    };

    [[nodiscard]] Slot* find(std::uint64_t number);
    void answer_row(Slot& slot, std::uint32_t row, Said&& said);
    void close(std::uint32_t index, Answer&& answer, std::vector<Completed>& done);

    std::vector<Slot> slots_;
    std::vector<std::uint32_t> free_;
};

} // namespace penstock::gateway
