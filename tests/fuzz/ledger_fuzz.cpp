// The ledger: bytes are what a ventilator, workers and clients say to it, and the time that passes.
//
// Each move begins with a byte: what is done, and whether the burst ends behind it. Names are few,
// so that they meet; numbers and attempts may be any, so that nobody has to be honest. A new
// message needs a line in kMoves, at its end: what stands in the corpus keeps its meaning.

#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/ledger_model.hpp"

#include <array>

namespace {

using namespace penstock;
using namespace std::chrono_literals;
using fuzz::require;

JobId id_of(const char* text) {
    return *JobId::parse(text);
}

const std::array kIds = {id_of("a"),
                         id_of("b"),
                         id_of("c"),
                         id_of("d"),
                         id_of("e"),
                         id_of("f"),
                         id_of("0190b5f2-7c1e-7a3b-8d4c-1f2e3d4c5b6a"),
                         id_of("a-name-that-is-longer-than-sixteen")};
const std::array kGroupIds = {id_of("g"), id_of("h"), id_of("a")};
const std::array<std::string, 3> kKinds = {"k", "l", "m"};
const std::array<std::string, 3> kWorkers = {"v", "w", ""};
const std::array<Bytes, 6> kValues = {Bytes("\xa1p", 2),
                                      Bytes("\x07", 1),
                                      Bytes("\x81\xa1"
                                            "a\x01",
                                            4),
                                      Bytes("\xc0", 1),
                                      Bytes(),
                                      Bytes("\xc1\xff no value", 11)};
const std::array<Duration, 6> kTimes = {Duration(0), 1ms, 90ms, 2s, 10s, 3600s};
const std::array kOutcomes = {State::succeeded, State::failed, State::cancelled, State::expired,
                              State::quarantined};

sink::Limits small_limits() {
    sink::Limits limits;
    limits.finished_max = 6;
    limits.finished_bytes_max = 80;
    limits.open_max = 14;
    limits.open_bytes_max = 200;
    limits.waits_max = 5;
    limits.refused_max = 2;
    return limits;
}

class House {
public:
    House(const std::uint8_t* data, std::size_t size) : choices_(data, size) {
        ledger_.chronicle().listen(true);
    }

    void run();

private:
    using Move = void (House::*)();

    const JobId& id() { return choices_.of(kIds); }

    // Most often one that has been given.
    JobNumber number() {
        const std::uint8_t byte = choices_.byte();
        if (byte == 0xff) return UINT64_MAX;
        return byte % (model_.next_number() + 2);
    }

    JobNumber next_number() {
        const JobNumber next = std::max<JobNumber>(1, model_.next_number());
        const std::uint8_t byte = choices_.byte();
        if (byte == 0xff) return UINT64_MAX - 2;
        return byte < 0xe0 ? next : (byte < 0xf0 ? next + (byte & 15) : byte & 15);
    }

    std::uint32_t attempt() { return choices_.below(4); }

    Terms terms() {
        Terms t;
        const std::uint8_t byte = choices_.byte();
        t.kind = kKinds[byte % 3];
        if ((byte & 0x10) != 0) t.delay = choices_.of(kTimes);
        if ((byte & 0x20) != 0) t.tags = {"t"};
        if ((byte & 0x40) != 0) t.max_attempts = 2;
        return t;
    }

    void say(const ToSink& message) {
        if (ledger_.epoch() != 0) ledger_.on(message, now_, out_);
    }

    void ask(const StatusQuestion& question) {
        const std::uint64_t request = choices_.below(4);
        ledger_.ask(model_.asked(question), Request(request), question, now_, out_);
    }

    void hello();

    void connect() { ledger_.set_ventilator_up(choices_.below(4) > 0); }

    void store();
    void started();

    void retrying() { say(Retrying{number(), attempt(), 1ms}); }

    void lost();
    void final();
    void refused();
    void taken();
    void kinds();
    void result();
    void progress();

    void partial() { ledger_.on(Partial{id(), attempt(), choices_.of(kValues)}, out_); }

    void ask_status() { ask(AskStatus{id(), choices_.one_in(2)}); }

    void ask_wait();
    void ask_stored();
    void ask_list();

    void ask_stats() { ask(AskStats{}); }

    void ask_cancel() { ask(AskCancel{id()}); }

    void ask_kind();

    void ask_retry() { ask(AskRetry{id(), id()}); }

    void ask_partials() { ask(AskPartials{id(), choices_.below(3), choices_.of(kTimes)}); }

    void ask_many();
    void open_group();
    void ask_group();

    void cancel_group() { ask(CancelGroup{choices_.of(kGroupIds)}); }

    void pass() { now_.at += choices_.of(kTimes); }

    void calm();

    static constexpr std::array kMoves = {
        &House::hello,     &House::connect,      &House::store,      &House::started,
        &House::retrying,  &House::lost,         &House::final,      &House::refused,
        &House::taken,     &House::kinds,        &House::result,     &House::progress,
        &House::partial,   &House::ask_status,   &House::ask_wait,   &House::ask_stored,
        &House::ask_list,  &House::ask_stats,    &House::ask_cancel, &House::ask_kind,
        &House::ask_retry, &House::ask_partials, &House::ask_many,   &House::open_group,
        &House::ask_group, &House::cancel_group, &House::pass,       &House::calm};
    static constexpr std::uint8_t kMoveMask = 0x3f;

    void meet(std::uint64_t instance);
    void tick();
    void rest();
    void end();

    fuzz::Choices choices_;
    Now now_{Instant(1h), WallTime(std::chrono::seconds(1'800'000'000))};
    sink::Ledger ledger_{small_limits(), 42, now_.at};
    sink::Outbox out_;
    fuzz::LedgerModel model_{ledger_};
    std::uint64_t instance_ = 0, instances_ = 0;
};

// ---- the ventilator ---------------------------------------------------------------------------

void House::meet(std::uint64_t instance) {
    Hello hello;
    hello.instance = instance;
    hello.epoch = instance == instance_ ? ledger_.epoch() : 0;
    const Epoch before = ledger_.epoch();
    const HelloAnswer answer = ledger_.hello(hello, 7);
    require(answer.error.empty() && answer.epoch >= before, "epochs only grow");
    if (answer.epoch != before) {
        model_.hear(out_);
        model_.hello();
    }
    instance_ = instance;
    ledger_.set_ventilator_up(true);
}

void House::hello() {
    const std::uint8_t who = choices_.below(4);
    if (who > 0 || instance_ == 0)
        return meet(who == 1 && instance_ != 0 ? instance_ : ++instances_);
    Hello old; // of a ventilator that is no more
    old.instance = ++instances_;
    old.epoch = ledger_.epoch() - 1;
    const bool is_old = old.epoch != 0;
    if (is_old) require(!ledger_.hello(old, 7).error.empty(), "an older epoch is fenced");
}

void House::store() {
    Store m{next_number(), terms(), {}};
    std::vector<JobId> ids;
    for (unsigned i = choices_.below(4); i < 4; ++i) {
        const unsigned used = choices_.byte();
        m.rows.push_back(
            {id(), kValues[used % kValues.size()], (used >> 6u) & 1u, (used >> 7u) & 1u});
        ids.push_back(m.rows.back().id);
    }
    if (ledger_.epoch() == 0) return;
    const bool is_next = m.first >= model_.next_number() && m.first < 1'000'000;
    if (is_next) model_.numbered(m.first, ids);
    say(m);
}

void House::started() {
    Started m{choices_.of(kWorkers), {}};
    for (unsigned i = choices_.below(3); i < 3; ++i) m.rows.push_back({number(), attempt()});
    say(m);
}

void House::lost() {
    Lost m{choices_.of(kWorkers), {}};
    for (unsigned i = choices_.below(3); i < 3; ++i) {
        m.rows.push_back({number(), attempt(), choices_.one_in(2)});
    }
    say(m);
}

void House::final() {
    Final m{number(), choices_.of(kOutcomes), {}};
    if (choices_.one_in(2)) m.failure = {"expired", "it was late", false};
    say(m);
}

void House::refused() {
    Refused m{"jobs-full", {}};
    for (unsigned i = choices_.below(2); i < 2; ++i) m.ids.push_back(id());
    say(m);
}

void House::taken() {
    const auto& offered = model_.offered();
    const std::size_t count = std::min<std::size_t>(choices_.below(5), offered.size());
    Taken m{next_number(), {offered.begin(), offered.begin() + static_cast<std::ptrdiff_t>(count)}};
    if (choices_.below(16) == 15) m.ids.push_back(id()); // that was not offered, or not yet
    if (ledger_.epoch() == 0) return;
    const bool is_next = m.first >= model_.next_number() && m.first < 1'000'000;
    if (is_next && m.ids.size() <= offered.size()) {
        model_.numbered(m.first, m.ids);
        model_.forget_offers(m.ids.size());
    }
    say(m);
}

void House::kinds() {
    Kinds m;
    for (unsigned i = choices_.below(3); i < 3; ++i) {
        KindSettings settings;
        if (choices_.one_in(2)) settings.max_running = 2;
        m.rows.push_back({choices_.of(kKinds), settings});
    }
    say(m);
}

// ---- workers ----------------------------------------------------------------------------------

void House::result() {
    const std::uint8_t byte = choices_.byte();
    Result m{ledger_.epoch() + 1 -
                 std::min<Epoch>((byte & 3u) == 3 ? 0 : 1 + (byte >> 6u) / 3, ledger_.epoch()),
             choices_.of(kWorkers),
             (byte & 4) != 0 ? "image/png" : "",
             {}};
    m.queued_us = (byte & 8) != 0 ? 1500 : 0;
    for (unsigned i = choices_.below(3); i < 3; ++i) {
        ResultRow row{id(), attempt(), 500, {}, {}};
        const std::uint8_t how = choices_.byte();
        if ((how & 0x80) != 0)
            row.failure = Failure{"handler-error", "no", (how & 1) != 0};
        else
            row.value = kValues[how % 4];
        m.rows.push_back(std::move(row));
    }
    ledger_.on(m, now_, out_);
}

void House::progress() {
    ledger_.on(Progress{id(), attempt(), choices_.below(11) / 10.0, choices_.one_in(2) ? "n" : ""});
}

// ---- clients ----------------------------------------------------------------------------------

void House::ask_wait() {
    AskWait m{
        id(), choices_.one_in(2) ? Until::stored : Until::finished, choices_.of(kTimes), true, {}};
    if (choices_.below(4) == 3) m.body = 12345;
    ask(m);
}

void House::ask_stored() {
    AskStored m{choices_.of(kTimes), {}};
    for (std::uint64_t i = choices_.below(3); i < 3; ++i) {
        const AskStored::Row row{i, id(), {}};
        ledger_.ask(model_.asked(m), row, m.timeout, now_, out_);
    }
}

void House::ask_list() {
    AskList m;
    const std::uint8_t byte = choices_.byte();
    if ((byte & 1) != 0) m.state = State::queued;
    if ((byte & 2) != 0) m.kind = kKinds[0];
    if ((byte & 4) != 0) m.tag = "t";
    m.limit = byte >> 5u;
    m.cursor = choices_.byte();
    ask(m);
}

void House::ask_kind() {
    AskKind m{choices_.of(kKinds), {}, {}};
    if (choices_.one_in(2))
        m.set.paused = true;
    else
        m.clear = {"paused"};
    ask(m);
}

void House::ask_many() {
    AskMany m;
    const std::uint8_t byte = choices_.byte();
    m.deed = static_cast<AskMany::Deed>(byte % 3);
    m.dry_run = (byte & 0x80) != 0;
    if ((byte & 0x10) != 0) m.ids = {id(), id()};
    if ((byte & 0x20) != 0) m.state = choices_.of(kOutcomes);
    if ((byte & 0x40) != 0) m.kind = kKinds[0];
    m.cursor = choices_.below(8);
    const auto asker = model_.asked(m);
    model_.hear(out_);
    ledger_.ask(asker, {}, m, now_, out_);
    const bool purges = m.deed == AskMany::Deed::purge && !m.dry_run;
    for (const auto& reply : out_.replies) {
        const auto* answer = std::get_if<ManyAnswer>(&reply.answer);
        if (purges && answer != nullptr) model_.purged(answer->matched);
    }
}

void House::open_group() {
    OpenGroup m;
    const std::uint8_t byte = choices_.byte();
    m.id = choices_.of(kGroupIds);
    m.mode = static_cast<GroupMode>(byte % 3);
    for (unsigned parts = (byte >> 2u) & 1u; parts < 2; ++parts) {
        OpenGroup::Part part{terms(), {}};
        for (unsigned i = choices_.below(3); i < 3; ++i) {
            part.rows.push_back({id(), choices_.of(kValues)});
        }
        m.parts.push_back(std::move(part));
    }
    if ((byte & 0x10) != 0) m.then = {id(), terms(), choices_.of(kValues)};
    if ((byte & 0x20) != 0) m.on_failure = {id(), terms(), choices_.of(kValues)};
    if ((byte & 0x40) != 0) m.body = byte >> 7u;
    ask(m);
}

void House::ask_group() {
    AskGroup m;
    m.id = choices_.of(kGroupIds);
    m.until = static_cast<AskGroup::Until>(choices_.below(3));
    m.timeout = choices_.of(kTimes);
    m.from = choices_.below(6);
    m.limit = choices_.below(4);
    m.value = true;
    ask(m);
}

// ---- time -------------------------------------------------------------------------------------

void House::tick() {
    ledger_.tick(now_, out_);
    model_.hear(out_);
}

// Until there is nothing left to do now.
void House::rest() {
    constexpr int kTicksMax = 20;
    tick();
    for (int ticks = 1; ledger_.wake_at() <= now_.at; ++ticks) {
        require(ticks < kTicksMax, "there is an end to what is to be done at once");
        tick();
    }
}

void House::calm() {
    rest();
    model_.check_all(now_);
    model_.check_list(now_);
}

// Everything is cancelled; who was told to stop a job is gone; and what has ended grows old.
void House::end() {
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

void House::run() {
    while (choices_.any()) {
        const std::uint8_t byte = choices_.byte();
        const std::size_t move = byte & kMoveMask;
        if (move < kMoves.size()) (this->*kMoves[move])();
        if ((byte & 0x80) == 0) tick(); // the burst ends
    }
    end();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    House(data, size).run();
    return 0;
}
