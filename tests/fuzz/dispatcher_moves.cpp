// What clients, workers and a sink say to the dispatcher.

#include "tests/fuzz/dispatcher_house.hpp"

namespace penstock::fuzz {

// ---- words --------------------------------------------------------------------------------------

Terms DispatcherHouse::terms() {
    Terms t;
    const std::uint8_t byte = choices_.byte(), more = choices_.byte();
    t.kind = kKinds[byte % 3];
    t.priority = (byte >> 2u) % 10;
    if ((byte & 0x40) != 0) t.needs = {kLabels[0]};
    if ((byte & 0x80) != 0) t.needs.push_back(kLabels[1]);
    if ((more & 1) != 0) t.delay = choices_.of(kTimes);
    if ((more & 2) != 0) t.ttl = choices_.of(kTimes);
    if ((more & 4) != 0) t.timeout = choices_.of(kTimes);
    t.max_attempts = 1 + ((more >> 3u) & 3u);
    t.redeliver = (more & 0x20) == 0;
    t.tenant = (more & 0x40) != 0 ? "A" : "";
    return t;
}

KindSettings DispatcherHouse::settings() {
    KindSettings s;
    const std::uint8_t byte = choices_.byte();
    if ((byte & 1) != 0) s.max_running = 1 + ((byte >> 5u) & 3u);
    if ((byte & 2) != 0) s.rate = (byte & 0x20) != 0 ? 1000 : 0.5;
    if ((byte & 4) != 0) s.paused = (byte & 0x40) != 0;
    if ((byte & 8) != 0) s.weight = (byte & 0x80) != 0 ? 8 : 0.25;
    if ((byte & 16) != 0) s.timeout = 2s;
    return s;
}

std::vector<JobNumber> DispatcherHouse::numbers() {
    std::vector<JobNumber> out;
    for (unsigned i = choices_.below(3); i < 3; ++i) out.push_back(number());
    return out;
}

LaneId DispatcherHouse::lane() {
    const auto& lanes = model_.lanes();
    const std::uint8_t byte = choices_.byte();
    if (lanes.empty() || byte == 0xff) return byte;
    return std::next(lanes.begin(), byte % static_cast<std::ptrdiff_t>(lanes.size()))->first;
}

// Nothing comes from a sink that is not there.
void DispatcherHouse::tell(const FromSink& message) {
    if (!model_.sink_is_up()) return;
    model_.told(message);
    machine_.on(message, now_, out_);
}

// ---- clients ------------------------------------------------------------------------------------

void DispatcherHouse::submit() {
    static const std::string kPayload(40, 'p');
    Submit m{terms(), {}};
    const std::uint8_t byte = choices_.byte();
    for (unsigned i = byte & 3u; i < 4; ++i) {
        m.rows.push_back({*JobId::parse("j" + std::to_string(++ids_ % 16)),
                          std::string_view(kPayload).substr(0, byte >> 3u)});
    }
    m.apart = (byte & 4) != 0;
    if (!m.apart && choices_.one_in(8)) m.part = 3;
    ventilator::Outbox answered;
    const std::size_t rows = m.rows.size();
    machine_.on(std::move(m), now_, answered);
    model_.submitted(rows, answered);
    std::move(answered.to_sink.begin(), answered.to_sink.end(), std::back_inserter(out_.to_sink));
}

void DispatcherHouse::positions() {
    const AskPosition question{numbers()};
    for (const auto& row : machine_.positions(question, now_).rows) {
        // Those that left the middle of a round still count (ventilator/rounds.hpp).
        require(row.position <= model_.given(), "nobody stands behind more jobs than there were");
    }
}

void DispatcherHouse::explain() {
    const Explanation said = machine_.explain(number(), now_);
    require(!said.known || !said.why.empty(), "there is a reason for everything");
}

// ---- the sink -----------------------------------------------------------------------------------

void DispatcherHouse::connect(std::uint64_t life, Epoch epoch) {
    flush();
    model_.sink_up(life, epoch);
    machine_.sink_up(life, epoch, false, out_);
}

// One that comes back with what it had committed. Some jobs it ended and nobody was told.
void DispatcherHouse::meet_sink_again() {
    if (model_.epoch() == 0) return;
    std::vector<JobNumber> ended;
    if (choices_.one_in(2)) ended = numbers();
    flush();
    model_.sink_back(model_.life() + 1, ended);
    machine_.sink_up(model_.life(), model_.epoch(), true, out_);
    rest();
    model_.check_asked();
}

void DispatcherHouse::meet_sink() {
    const std::uint8_t byte = choices_.below(4);
    const bool new_life = byte == 2 || model_.life() == 0;
    const bool new_epoch = byte == 3 || model_.epoch() == 0;
    connect(model_.life() + (new_life ? 1 : 0), model_.epoch() + (new_epoch ? 1 : 0));
}

void DispatcherHouse::lose_sink() {
    flush();
    model_.sink_down();
    machine_.sink_down();
}

void DispatcherHouse::stored() {
    Stored m;
    for (const JobNumber n : numbers()) {
        if (model_.known().contains(n)) m.rows.push_back({n, 1});
    }
    const std::uint8_t byte = choices_.below(8);
    if (byte == 6) m.duplicates = numbers();
    if (byte == 7) m.conflicts = numbers();
    tell(m);
}

void DispatcherHouse::settled() {
    Settled m;
    for (const JobNumber n : numbers()) {
        const std::uint8_t byte = choices_.byte();
        const std::uint32_t count = (byte & 0x40) != 0 && n < model_.given() ? 2 : 1;
        m.rows.push_back({n, count, byte & 3u, (byte & 0x80) != 0 ? 100u : 1'000'000u});
    }
    tell(m);
}

void DispatcherHouse::failed() {
    Settled m;
    for (const JobNumber n : numbers()) m.failed.push_back({n, attempt(), 50, !choices_.one_in(4)});
    tell(m);
}

void DispatcherHouse::returned() {
    Returned m;
    for (const JobNumber n : numbers()) m.rows.push_back({n, 1, attempt(), 100});
    tell(m);
}

void DispatcherHouse::open() {
    Open m;
    for (const JobNumber n : numbers()) {
        const std::uint32_t deaths = attempt();
        // Not before it was asked: the question may still be in this burst.
        if (model_.lost().contains(n) || n > model_.given()) m.rows.push_back({n, deaths});
    }
    tell(m);
}

void DispatcherHouse::take() {
    Take m{terms(), {}};
    for (unsigned i = choices_.below(3); i < 3; ++i) {
        const std::uint8_t byte = choices_.byte();
        m.rows.push_back({*JobId::parse("t" + std::to_string(++ids_ % 16)), Bytes("\xa1p", 2),
                          byte & 3u, (byte >> 2u) & 3u, kTimes[(byte >> 4u) % kTimes.size()]});
    }
    tell(m);
}

void DispatcherHouse::kinds() {
    Kinds m;
    for (unsigned i = choices_.below(2); i < 2; ++i) {
        m.rows.push_back({choices_.of(kKinds), settings()});
    }
    tell(m);
}

void DispatcherHouse::answer() {
    for (const FromSink& message : model_.answers()) tell(message);
}

// ---- workers ------------------------------------------------------------------------------------

void DispatcherHouse::open_lane(const Join& wish) {
    const ventilator::Joined joined = machine_.join(wish, now_, out_);
    if (!joined.error.empty()) return;
    require(joined.window >= wish.slots, "a window has room for every slot");
    model_.joined(wish, joined);
}

void DispatcherHouse::join() {
    Join m;
    const std::uint8_t byte = choices_.byte(), more = choices_.byte();
    m.worker = choices_.of(kWorkers);
    m.kinds = {kKinds[byte % 3]};
    if ((byte & 4) != 0) m.kinds.push_back(choices_.of(kKinds));
    m.slots = 1 + ((byte >> 3u) & 3u);
    m.batch = (byte & 0x20) != 0;
    m.heartbeats = (byte & 0x40) != 0;
    if ((byte & 0x80) != 0) m.labels = {kLabels.begin(), kLabels.end()};
    m.min_priority = more & 7;
    m.epoch = (more & 8) != 0 ? model_.epoch() : 0;
    if ((more & 0x10) != 0) m.running = numbers();
    if ((more & 0x20) != 0) m.batching = {{m.kinds[0], 3, choices_.of(kTimes)}};
    m.outbox = (more & 0x80) != 0;
    open_lane(m);
    if ((more & 0x40) != 0) return;
    const LaneId newest = model_.lanes().empty() ? 0 : model_.lanes().rbegin()->first;
    model_.lane_up(newest);
    machine_.lane_up(newest, now_);
}

void DispatcherHouse::lane_up() {
    const LaneId which = lane();
    model_.lane_up(which);
    machine_.lane_up(which, now_);
}

void DispatcherHouse::heartbeat() {
    Heartbeat m;
    m.worker = choices_.of(kWorkers);
    m.running = numbers();
    machine_.on(m, now_);
}

void DispatcherHouse::bye() {
    const Bye m{choices_.of(kWorkers), numbers()};
    model_.handed_back(m);
    machine_.on(m, out_);
}

} // namespace penstock::fuzz
