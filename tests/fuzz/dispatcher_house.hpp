#pragma once
// The dispatcher and everybody around it, played by a fuzzer's bytes. A move is what one of them does
// next; each draws what it needs.

#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/dispatcher_model.hpp"

#include <array>
#include <iterator>

namespace penstock::fuzz {

using namespace std::chrono_literals;
using ventilator::LaneId;

inline const std::array<std::string, 3> kKinds = {"k", "l", "m"};
inline const std::array<std::string, 3> kWorkers = {"v", "w", ""};
inline const std::array<std::string, 2> kLabels = {"x", "y"};
inline const std::array<Duration, 7> kTimes = {Duration(0), 1ms, 11ms, 300ms, 2s, 70s, 3600s};

inline ventilator::Limits small_limits() {
    ventilator::Limits limits;
    limits.jobs_max = 20;
    limits.bytes_max = 100;
    limits.kinds_max = 3;
    limits.lines_max = 6;
    return limits;
}

class DispatcherHouse {
public:
    DispatcherHouse(const std::uint8_t* data, std::size_t size) : choices_(data, size) {}

    void run();

private:
    using Move = void (DispatcherHouse::*)();

    // One that the sink knows, most often.
    JobNumber number() {
        const std::uint8_t byte = choices_.byte();
        const auto& known = model_.known();
        if (known.empty() || byte == 0xff) return model_.given() + 1 + byte;
        return *std::next(known.begin(), byte % static_cast<std::ptrdiff_t>(known.size()));
    }

    std::uint32_t attempt() { return choices_.below(4); }

    Terms terms();
    KindSettings settings();
    std::vector<JobNumber> numbers();
    LaneId lane();
    void tell(const FromSink& message);

    void submit();
    void stored();
    void settled();
    void failed();
    void returned();
    void open();

    void cancel() { tell(Cancel{numbers()}); }

    void take();
    void kinds();
    void join();
    void lane_up();

    void lane_down() { machine_.lane_down(lane(), out_); }

    void heartbeat();
    void bye();
    void meet_sink();
    void meet_sink_again();
    void lose_sink();

    void configure() { machine_.configure_kind(choices_.of(kKinds), settings()); }

    void declare() { machine_.declare_kind(choices_.of(kKinds)); }

    void positions();
    void explain();

    void pass() { now_ += choices_.of(kTimes); }

    void drain();
    void check();
    void answer(); // as an honest sink does

    static constexpr std::array kMoves = {
        &DispatcherHouse::submit, &DispatcherHouse::stored, &DispatcherHouse::settled,
        &DispatcherHouse::failed, &DispatcherHouse::returned, &DispatcherHouse::open,
        &DispatcherHouse::cancel, &DispatcherHouse::take, &DispatcherHouse::kinds,
        &DispatcherHouse::join, &DispatcherHouse::lane_up, &DispatcherHouse::lane_down,
        &DispatcherHouse::heartbeat, &DispatcherHouse::bye, &DispatcherHouse::meet_sink,
        &DispatcherHouse::lose_sink, &DispatcherHouse::configure, &DispatcherHouse::declare,
        &DispatcherHouse::positions, &DispatcherHouse::explain, &DispatcherHouse::pass,
        &DispatcherHouse::drain, &DispatcherHouse::check, &DispatcherHouse::answer,
        &DispatcherHouse::meet_sink_again};
    static constexpr std::uint8_t kMoveMask = 0x3f;

    void flush();
    void rest();
    void connect(std::uint64_t life, Epoch epoch);
    void open_lane(const Join& join);
    void end();

    Choices choices_;
    Instant now_{1h};
    ventilator::Dispatcher machine_{small_limits(), 42, now_};
    ventilator::Outbox out_;
    DispatcherModel model_{machine_};
    std::uint64_t ids_ = 0;
};

} // namespace penstock::fuzz
