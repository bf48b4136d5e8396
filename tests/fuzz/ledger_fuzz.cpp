// The ledger: bytes are what a ventilator, workers and clients say to it, the time that passes, and
// when its process dies.
//
// Each move begins with a byte: what is done, and whether the burst ends behind it. Names are few,
// so that they meet; numbers and attempts may be any, so that nobody has to be honest. A new
// message needs a line in kMoves, at its end: what stands in the corpus keeps its meaning.

#include "tests/fuzz/ledger_house.hpp"

#include <new>

namespace penstock::fuzz {

// ---- a process that dies ----------------------------------------------------------------------

// What was committed is there afterwards; whoever waited has nobody who answers.
void LedgerHouse::die() {
    if (!keeps_ || instance_ == 0) return;
    hear();
    const Epoch epoch = ledger_.epoch();
    ledger_.~Ledger();
    new (&ledger_) sink::Ledger(small_limits(), 43, now_.at);
    ledger_.restore(disk_.read(), now_);
    ledger_.restored(now_);
    ledger_.chronicle().listen(true);
    ++life_;
    require(ledger_.epoch() == epoch, "its ventilator's epoch is known");
    model_.died(now_);
    if (choices_.one_in(4)) result(); // a worker that keeps them may be back first
    meet(choices_.one_in(4) ? ++instances_ : instance_);
}

// The ventilator that outlived it never heard that it was stored.
void LedgerHouse::store_again() {
    const auto [number, id] = model_.owed(choices_.byte());
    if (number == 0) return;
    Store m{number, terms(), {}};
    m.again = true;
    m.rows.push_back({id, choices_.of(kValues), 0, 0});
    model_.said_again(number);
    say(m);
}

// It has these open, and no others.
void LedgerHouse::holds() {
    if (ledger_.epoch() == 0) return;
    rest();
    Holds m;
    for (unsigned i = choices_.below(3); i < 3; ++i) {
        const JobNumber asked = number();
        if (asked != 0 && asked < model_.next_number()) m.rows.push_back({asked, 1});
    }
    model_.held(m);
    say(m);
}

// ---- time -------------------------------------------------------------------------------------

// What was said is heard behind the commit of what it speaks of.
void LedgerHouse::hear() {
    if (keeps_) disk_.write(ledger_.take_changes());
    require(disk_.outcomes_replaced() == 0, "an outcome is written once");
    model_.hear(out_);
}

void LedgerHouse::tick() {
    ledger_.tick(now_, out_);
    hear();
}

// Until there is nothing left to do now.
void LedgerHouse::rest() {
    constexpr int kTicksMax = 20;
    tick();
    for (int ticks = 1; ledger_.wake_at() <= now_.at; ++ticks) {
        require(ticks < kTicksMax, "there is an end to what is to be done at once");
        tick();
    }
}

void LedgerHouse::calm() {
    rest();
    model_.check_all(now_);
    model_.check_list(now_);
}

// Everything is cancelled; who was told to stop a job is gone; and what has ended grows old.
void LedgerHouse::end() {
    calm();
    for (const JobId& group : kGroupIds) ask(CancelGroup{group});
    rest();
    for (const JobId& job : model_.open()) ask(AskCancel{job});
    meet(++instances_);
    rest();
    require(model_.open().empty(), "what is cancelled ends");
    now_.at += 7200s;
    rest();
    model_.check_empty(now_);
}

void LedgerHouse::run() {
    while (choices_.any()) {
        const std::uint8_t byte = choices_.byte();
        const std::size_t move = byte & kMoveMask;
        if (move < kMoves.size()) (this->*kMoves[move])();
        if ((byte & 0x80) == 0) tick(); // the burst ends
    }
    end();
}

} // namespace penstock::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    penstock::fuzz::LedgerHouse(data, size).run();
    return 0;
}
