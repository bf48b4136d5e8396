// The dispatcher: bytes are what clients, workers and a sink say to it, and the time that passes.
//
// Each move begins with a byte: what is done, and whether the burst ends behind it. Workers may
// lie; the sink speaks only of jobs that it was told of, in any order and as often as it likes. At
// the end an honest sink and a worker that takes everything see whether every job ends. A new
// message needs a line in kMoves, at its end: what stands in the corpus keeps its meaning.

#include "tests/fuzz/dispatcher_house.hpp"

namespace penstock::fuzz {

void DispatcherHouse::drain() {
    if (choices_.below(16) != 15) return; // or most inputs would end here
    model_.drain();
    machine_.drain();
}

void DispatcherHouse::flush() {
    machine_.tick(now_, out_);
    machine_.pump(now_, out_);
    model_.hear(out_);
}

// Until there is nothing left to do now.
void DispatcherHouse::rest() {
    constexpr int kFlushesMax = 20;
    flush();
    for (int flushes = 1; machine_.wake_at() <= now_; ++flushes) {
        require(flushes < kFlushesMax, "there is an end to what is to be done at once");
        flush();
    }
}

void DispatcherHouse::check() {
    rest();
    model_.check(now_);
}

// The sink is there and honest, nothing is limited, and one worker takes everything and answers.
void DispatcherHouse::end() {
    constexpr int kRoundsMax = 400;
    check();
    if (model_.is_draining()) return;
    connect(std::max<std::uint64_t>(1, model_.life()), std::max<Epoch>(1, model_.epoch()));
    Kinds free;
    for (const std::string& kind : kKinds) {
        machine_.configure_kind(kind, {});
        free.rows.push_back({kind, {}});
    }
    tell(free);
    while (!model_.lanes().empty()) {
        machine_.lane_down(model_.lanes().begin()->first, out_);
        flush();
    }
    Join last;
    last.worker = "last";
    last.kinds = {kKinds.begin(), kKinds.end()};
    last.labels = {kLabels.begin(), kLabels.end()};
    last.slots = 4;
    last.batch = true;
    open_lane(last);
    const LaneId newest = model_.lanes().rbegin()->first;
    model_.lane_up(newest);
    machine_.lane_up(newest, now_);
    for (int round = 0; model_.open() > 0; ++round) {
        require(round < kRoundsMax, "every job ends");
        flush();
        const auto answers = model_.answers();
        for (const FromSink& message : answers) tell(message);
        // Longer and longer, so that an hour is not a thousand turns of a timer wheel.
        if (answers.empty())
            now_ = std::max(now_ + 1ms * (1 << std::min(round, 22)), machine_.wake_at());
    }
    check();
}

void DispatcherHouse::run() {
    if (choices_.below(4) > 0) connect(1, 1);
    while (choices_.any()) {
        const std::uint8_t byte = choices_.byte();
        const std::size_t move = byte & kMoveMask;
        if (move < kMoves.size()) (this->*kMoves[move])();
        if ((byte & 0x80) == 0) flush(); // the burst ends
    }
    end();
}

} // namespace penstock::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    penstock::fuzz::DispatcherHouse(data, size).run();
    return 0;
}
