#pragma once
// The ledger and everybody around it, played by a fuzzer's bytes. A move is what one of them does next;
// each draws what it needs.

#include "tests/fuzz/choices.hpp"
#include "tests/fuzz/ledger_model.hpp"
#include "tests/support/kept_rows.hpp"

#include <array>

namespace penstock::fuzz {

using namespace std::chrono_literals;

inline JobId id_of(const char* text) {
    return *JobId::parse(text);
}

inline const std::array kIds = {id_of("a"),
                         id_of("b"),
                         id_of("c"),
                         id_of("d"),
                         id_of("e"),
                         id_of("f"),
                         id_of("0190b5f2-7c1e-7a3b-8d4c-1f2e3d4c5b6a"),
                         id_of("a-name-that-is-longer-than-sixteen")};
inline const std::array kGroupIds = {id_of("g"), id_of("h"), id_of("a")};
inline const std::array<std::string, 3> kKinds = {"k", "l", "m"};
inline const std::array<std::string, 3> kWorkers = {"v", "w", ""};
inline const std::array<Bytes, 6> kValues = {Bytes("\xa1p", 2),
                                      Bytes("\x07", 1),
                                      Bytes("\x81\xa1"
                                            "a\x01",
                                            4),
                                      Bytes("\xc0", 1),
                                      Bytes(),
                                      Bytes("\xc1\xff no value", 11)};
inline const std::array<Duration, 6> kTimes = {Duration(0), 1ms, 90ms, 2s, 10s, 3600s};
inline const std::array kOutcomes = {State::succeeded, State::failed, State::cancelled, State::expired,
                              State::quarantined};

inline sink::Limits small_limits() {
    sink::Limits limits;
    limits.finished_max = 6;
    limits.finished_bytes_max = 80;
    limits.open_max = 14;
    limits.open_bytes_max = 200;
    limits.waits_max = 5;
    limits.refused_max = 2;
    return limits;
}

class LedgerHouse {
public:
    // Inputs of even length have a durable store.
    LedgerHouse(const std::uint8_t* data, std::size_t size) : choices_(data, size), keeps_(size % 2 == 0) {
        if (keeps_) ledger_.restored(now_);
        ledger_.chronicle().listen(true);
    }

    void run();

private:
    using Move = void (LedgerHouse::*)();

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

    void die();
    void store_again();
    void holds();

    static constexpr std::array kMoves = {
        &LedgerHouse::hello,     &LedgerHouse::connect,      &LedgerHouse::store,      &LedgerHouse::started,
        &LedgerHouse::retrying,  &LedgerHouse::lost,         &LedgerHouse::final,      &LedgerHouse::refused,
        &LedgerHouse::taken,     &LedgerHouse::kinds,        &LedgerHouse::result,     &LedgerHouse::progress,
        &LedgerHouse::partial,   &LedgerHouse::ask_status,   &LedgerHouse::ask_wait,   &LedgerHouse::ask_stored,
        &LedgerHouse::ask_list,  &LedgerHouse::ask_stats,    &LedgerHouse::ask_cancel, &LedgerHouse::ask_kind,
        &LedgerHouse::ask_retry, &LedgerHouse::ask_partials, &LedgerHouse::ask_many,   &LedgerHouse::open_group,
        &LedgerHouse::ask_group, &LedgerHouse::cancel_group, &LedgerHouse::pass,       &LedgerHouse::calm,
        &LedgerHouse::die,       &LedgerHouse::store_again,  &LedgerHouse::holds};
    static constexpr std::uint8_t kMoveMask = 0x3f;

    void meet(std::uint64_t instance);
    void hear();
    void tick();
    void rest();
    void end();

    Choices choices_;
    Now now_{Instant(1h), WallTime(std::chrono::seconds(1'800'000'000))};
    sink::Ledger ledger_{small_limits(), 42, now_.at};
    sink::Outbox out_;
    LedgerModel model_{ledger_};
    testing::KeptRows disk_;
    const bool keeps_;
    std::uint64_t instance_ = 0, instances_ = 0, life_ = 7;
};

} // namespace penstock::fuzz
