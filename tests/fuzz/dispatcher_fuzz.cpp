// The dispatcher: bytes are what clients, workers and a sink say to it, and the time that passes.
//
// Each move begins with a byte: what is done, and whether the burst ends behind it. Workers may
// lie; the sink speaks only of jobs that it was told of, in any order and as often as it likes. At
// the end an honest sink and a worker that takes everything see whether every job ends. A new
// message needs a line in kMoves, at its end: what stands in the corpus keeps its meaning.

#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/dispatcher_model.hpp"

#include <array>
#include <iterator>

namespace {

using namespace penstock;
using namespace std::chrono_literals;
using fuzz::require;
using ventilator::LaneId;

const std::array<std::string, 3> kKinds = {"k", "l", "m"};
const std::array<std::string, 3> kWorkers = {"v", "w", ""};
const std::array<std::string, 2> kLabels = {"x", "y"};
const std::array<Duration, 7> kTimes = {Duration(0), 1ms, 11ms, 300ms, 2s, 70s, 3600s};

ventilator::Limits small_limits() {
    ventilator::Limits limits;
    limits.jobs_max = 20;
    limits.bytes_max = 100;
    limits.kinds_max = 3;
    limits.lines_max = 6;
    return limits;
}

class House {
public:
    House(const std::uint8_t* data, std::size_t size) : choices_(data, size) {}

    void run();

private:
    using Move = void (House::*)();

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
        &House::submit,    &House::stored,  &House::settled,   &House::failed,
        &House::returned,  &House::open,    &House::cancel,    &House::take,
        &House::kinds,     &House::join,    &House::lane_up,   &House::lane_down,
        &House::heartbeat, &House::bye,     &House::meet_sink, &House::lose_sink,
        &House::configure, &House::declare, &House::positions, &House::explain,
        &House::pass,      &House::drain,   &House::check,     &House::answer,
        &House::meet_sink_again};
    static constexpr std::uint8_t kMoveMask = 0x3f;

    void flush();
    void rest();
    void connect(std::uint64_t life, Epoch epoch);
    void open_lane(const Join& join);
    void end();

    fuzz::Choices choices_;
    Instant now_{1h};
    ventilator::Dispatcher machine_{small_limits(), 42, now_};
    ventilator::Outbox out_;
    fuzz::DispatcherModel model_{machine_};
    std::uint64_t ids_ = 0;
};

// ---- words --------------------------------------------------------------------------------------

Terms House::terms() {
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

KindSettings House::settings() {
    KindSettings s;
    const std::uint8_t byte = choices_.byte();
    if ((byte & 1) != 0) s.max_running = 1 + ((byte >> 5u) & 3u);
    if ((byte & 2) != 0) s.rate = (byte & 0x20) != 0 ? 1000 : 0.5;
    if ((byte & 4) != 0) s.paused = (byte & 0x40) != 0;
    if ((byte & 8) != 0) s.weight = (byte & 0x80) != 0 ? 8 : 0.25;
    if ((byte & 16) != 0) s.timeout = 2s;
    return s;
}

std::vector<JobNumber> House::numbers() {
    std::vector<JobNumber> out;
    for (unsigned i = choices_.below(3); i < 3; ++i) out.push_back(number());
    return out;
}

LaneId House::lane() {
    const auto& lanes = model_.lanes();
    const std::uint8_t byte = choices_.byte();
    if (lanes.empty() || byte == 0xff) return byte;
    return std::next(lanes.begin(), byte % static_cast<std::ptrdiff_t>(lanes.size()))->first;
}

// Nothing comes from a sink that is not there.
void House::tell(const FromSink& message) {
    if (!model_.sink_is_up()) return;
    model_.told(message);
    machine_.on(message, now_, out_);
}

// ---- clients ------------------------------------------------------------------------------------

void House::submit() {
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

void House::positions() {
    const AskPosition question{numbers()};
    for (const auto& row : machine_.positions(question, now_).rows) {
        // Those that left the middle of a round still count (ventilator/rounds.hpp).
        require(row.position <= model_.given(), "nobody stands behind more jobs than there were");
    }
}

void House::explain() {
    const Explanation said = machine_.explain(number(), now_);
    require(!said.known || !said.why.empty(), "there is a reason for everything");
}

// ---- the sink -----------------------------------------------------------------------------------

void House::connect(std::uint64_t life, Epoch epoch) {
    flush();
    model_.sink_up(life, epoch);
    machine_.sink_up(life, epoch, false, out_);
}

// One that comes back with what it had committed. Some jobs it ended and nobody was told.
void House::meet_sink_again() {
    if (model_.epoch() == 0) return;
    std::vector<JobNumber> ended;
    if (choices_.one_in(2)) ended = numbers();
    flush();
    model_.sink_back(model_.life() + 1, ended);
    machine_.sink_up(model_.life(), model_.epoch(), true, out_);
    rest();
    model_.check_asked();
}

void House::meet_sink() {
    const std::uint8_t byte = choices_.below(4);
    const bool new_life = byte == 2 || model_.life() == 0;
    const bool new_epoch = byte == 3 || model_.epoch() == 0;
    connect(model_.life() + (new_life ? 1 : 0), model_.epoch() + (new_epoch ? 1 : 0));
}

void House::lose_sink() {
    flush();
    model_.sink_down();
    machine_.sink_down();
}

void House::stored() {
    Stored m;
    for (const JobNumber n : numbers()) {
        if (model_.known().contains(n)) m.rows.push_back({n, 1});
    }
    const std::uint8_t byte = choices_.below(8);
    if (byte == 6) m.duplicates = numbers();
    if (byte == 7) m.conflicts = numbers();
    tell(m);
}

void House::settled() {
    Settled m;
    for (const JobNumber n : numbers()) {
        const std::uint8_t byte = choices_.byte();
        const std::uint32_t count = (byte & 0x40) != 0 && n < model_.given() ? 2 : 1;
        m.rows.push_back({n, count, byte & 3u, (byte & 0x80) != 0 ? 100u : 1'000'000u});
    }
    tell(m);
}

void House::failed() {
    Settled m;
    for (const JobNumber n : numbers()) m.failed.push_back({n, attempt(), 50, !choices_.one_in(4)});
    tell(m);
}

void House::returned() {
    Returned m;
    for (const JobNumber n : numbers()) m.rows.push_back({n, 1, attempt(), 100});
    tell(m);
}

void House::open() {
    Open m;
    for (const JobNumber n : numbers()) {
        const std::uint32_t deaths = attempt();
        // Not before it was asked: the question may still be in this burst.
        if (model_.lost().contains(n) || n > model_.given()) m.rows.push_back({n, deaths});
    }
    tell(m);
}

void House::take() {
    Take m{terms(), {}};
    for (unsigned i = choices_.below(3); i < 3; ++i) {
        const std::uint8_t byte = choices_.byte();
        m.rows.push_back({*JobId::parse("t" + std::to_string(++ids_ % 16)), Bytes("\xa1p", 2),
                          byte & 3u, (byte >> 2u) & 3u, kTimes[(byte >> 4u) % kTimes.size()]});
    }
    tell(m);
}

void House::kinds() {
    Kinds m;
    for (unsigned i = choices_.below(2); i < 2; ++i) {
        m.rows.push_back({choices_.of(kKinds), settings()});
    }
    tell(m);
}

void House::answer() {
    for (const FromSink& message : model_.answers()) tell(message);
}

// ---- workers ------------------------------------------------------------------------------------

void House::open_lane(const Join& wish) {
    const ventilator::Joined joined = machine_.join(wish, now_, out_);
    if (!joined.error.empty()) return;
    require(joined.window >= wish.slots, "a window has room for every slot");
    model_.joined(wish, joined);
}

void House::join() {
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

void House::lane_up() {
    const LaneId which = lane();
    model_.lane_up(which);
    machine_.lane_up(which, now_);
}

void House::heartbeat() {
    Heartbeat m;
    m.worker = choices_.of(kWorkers);
    m.running = numbers();
    machine_.on(m, now_);
}

void House::bye() {
    const Bye m{choices_.of(kWorkers), numbers()};
    model_.handed_back(m);
    machine_.on(m, out_);
}

// ---- time ---------------------------------------------------------------------------------------

void House::drain() {
    if (choices_.below(16) != 15) return; // or most inputs would end here
    model_.drain();
    machine_.drain();
}

void House::flush() {
    machine_.tick(now_, out_);
    machine_.pump(now_, out_);
    model_.hear(out_);
}

// Until there is nothing left to do now.
void House::rest() {
    constexpr int kFlushesMax = 20;
    flush();
    for (int flushes = 1; machine_.wake_at() <= now_; ++flushes) {
        require(flushes < kFlushesMax, "there is an end to what is to be done at once");
        flush();
    }
}

void House::check() {
    rest();
    model_.check(now_);
}

// The sink is there and honest, nothing is limited, and one worker takes everything and answers.
void House::end() {
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

void House::run() {
    if (choices_.below(4) > 0) connect(1, 1);
    while (choices_.any()) {
        const std::uint8_t byte = choices_.byte();
        const std::size_t move = byte & kMoveMask;
        if (move < kMoves.size()) (this->*kMoves[move])();
        if ((byte & 0x80) == 0) flush(); // the burst ends
    }
    end();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    House(data, size).run();
    return 0;
}
