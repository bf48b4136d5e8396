#include "gateway/pending.hpp"

#include "protocol/check.hpp"

namespace penstock::gateway {
namespace {

constexpr std::uint32_t kGenerationShift = 48;
constexpr std::uint64_t kSlotMask = (1ull << (kGenerationShift - Pending::kRowBits)) - 1;
constexpr std::uint64_t kRowMask = Pending::kRowsMost - 1;

} // namespace

std::uint64_t Pending::open(Promise promise, Form form, std::uint32_t rows, Instant deadline,
                            std::uint32_t burst) {
    PENSTOCK_CHECK(rows >= 1 && rows <= kRowsMost);
    if (free_.empty()) {
        free_.push_back(static_cast<std::uint32_t>(slots_.size()));
        slots_.emplace_back();
    }
    const std::uint32_t index = free_.back();
    free_.pop_back();
    Slot& slot = slots_[index];
    slot.promise = std::move(promise);
    slot.deadline = deadline;
    slot.rows = slot.waiting = rows;
    slot.form = form;
    slot.burst = burst;
    if (form == Form::bulk) slot.answered.assign(rows, false);
    // The slot's part starts at 1, so that the hub's own questions have the numbers below.
    return (static_cast<std::uint64_t>(slot.generation) << kGenerationShift) |
           ((index + 1ull) << kRowBits);
}

void Pending::answer_row(Slot& slot, std::uint32_t row, Said&& said) {
    if (slot.answered[row]) return;
    slot.answered[row] = true;
    --slot.waiting;
    if (std::holds_alternative<IsStored>(said)) return;
    auto* job = std::get_if<JobAnswer>(&said);
    if (job != nullptr && job->found == Found::found) return;
    slot.bulk.failed.push_back({row, job != nullptr ? std::move(*job) : JobAnswer{}});
}

Pending::Slot* Pending::find(std::uint64_t number) {
    const std::uint64_t place = (number >> kRowBits) & kSlotMask;
    if (place == 0 || place > slots_.size()) return nullptr;
    Slot& slot = slots_[place - 1];
    const bool same = slot.generation == number >> kGenerationShift;
    return same && (number & kRowMask) < slot.rows ? &slot : nullptr;
}

std::uint32_t Pending::waiting(std::uint64_t number) {
    const Slot* slot = find(number);
    return slot == nullptr ? 0 : slot->waiting;
}

void Pending::extend(std::uint64_t number, Instant deadline) {
    Slot* slot = find(number);
    PENSTOCK_CHECK(slot != nullptr);
    slot->deadline = deadline;
}

void Pending::answer(std::uint64_t number, Said&& said, std::vector<Completed>& done) {
    Slot* slot = find(number);
    if (slot == nullptr) return;
    const auto index = static_cast<std::uint32_t>(slot - slots_.data());
    if (slot->form == Form::single) {
        close(index, {Answer::What::answered, std::move(said)}, done);
        return;
    }
    answer_row(*slot, static_cast<std::uint32_t>(number & kRowMask), std::move(said));
    if (slot->waiting == 0) close(index, {Answer::What::answered, std::move(slot->bulk)}, done);
}

void Pending::close(std::uint32_t index, Answer&& answer, std::vector<Completed>& done) {
    Slot& slot = slots_[index];
    done.push_back({std::move(slot.promise), std::move(answer), slot.burst});
    const auto next = static_cast<std::uint16_t>(slot.generation + 1);
    slot = Slot();
    slot.generation = next;
    free_.push_back(index);
}

void Pending::expire(Instant now, std::vector<Completed>& done) {
    for (std::uint32_t index = 0; index < slots_.size(); ++index) {
        Slot& slot = slots_[index];
        if (slot.rows == 0 || slot.deadline > now) continue;
        if (slot.form == Form::single) {
            close(index, {Answer::What::silent, {}}, done);
            continue;
        }
        JobAnswer late;
        late.found = Found::timed_out;
        for (std::uint32_t row = 0; row < slot.rows; ++row) answer_row(slot, row, JobAnswer(late));
        close(index, {Answer::What::answered, std::move(slot.bulk)}, done);
    }
}

} // namespace penstock::gateway
