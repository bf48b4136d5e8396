// What a ventilator, workers and clients say to the ledger.

#include "tests/fuzz/ledger_house.hpp"

namespace penstock::fuzz {

// ---- the ventilator ---------------------------------------------------------------------------

void LedgerHouse::meet(std::uint64_t instance) {
    Hello hello;
    hello.instance = instance;
    hello.epoch = instance == instance_ ? ledger_.epoch() : 0;
    const Epoch before = ledger_.epoch();
    const HelloAnswer answer = ledger_.hello(hello, life_);
    require(answer.error.empty() && answer.epoch >= before, "epochs only grow");
    if (answer.epoch != before) {
        hear();
        model_.hello();
    }
    instance_ = instance;
    ledger_.set_ventilator_up(true);
}

void LedgerHouse::hello() {
    const std::uint8_t who = choices_.below(4);
    if (who > 0 || instance_ == 0)
        return meet(who == 1 && instance_ != 0 ? instance_ : ++instances_);
    Hello old; // of a ventilator that is no more
    old.instance = ++instances_;
    old.epoch = ledger_.epoch() - 1;
    const bool is_old = old.epoch != 0;
    if (is_old) require(!ledger_.hello(old, life_).error.empty(), "an older epoch is fenced");
}

void LedgerHouse::store() {
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

void LedgerHouse::started() {
    Started m{choices_.of(kWorkers), {}};
    for (unsigned i = choices_.below(3); i < 3; ++i) m.rows.push_back({number(), attempt()});
    say(m);
}

void LedgerHouse::lost() {
    Lost m{choices_.of(kWorkers), {}};
    for (unsigned i = choices_.below(3); i < 3; ++i) {
        m.rows.push_back({number(), attempt(), choices_.one_in(2)});
    }
    say(m);
}

void LedgerHouse::final() {
    Final m{number(), choices_.of(kOutcomes), {}};
    if (choices_.one_in(2)) m.failure = {"expired", "it was late", false};
    say(m);
}

void LedgerHouse::refused() {
    Refused m{"jobs-full", {}};
    for (unsigned i = choices_.below(2); i < 2; ++i) m.ids.push_back(id());
    say(m);
}

void LedgerHouse::taken() {
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

void LedgerHouse::kinds() {
    Kinds m;
    for (unsigned i = choices_.below(3); i < 3; ++i) {
        KindSettings settings;
        if (choices_.one_in(2)) settings.max_running = 2;
        m.rows.push_back({choices_.of(kKinds), settings});
    }
    say(m);
}

// ---- workers ----------------------------------------------------------------------------------

void LedgerHouse::result() {
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

void LedgerHouse::progress() {
    ledger_.on(Progress{id(), attempt(), choices_.below(11) / 10.0, choices_.one_in(2) ? "n" : ""});
}

// ---- clients ----------------------------------------------------------------------------------

void LedgerHouse::ask_wait() {
    AskWait m{
        id(), choices_.one_in(2) ? Until::stored : Until::finished, choices_.of(kTimes), true, {}};
    if (choices_.below(4) == 3) m.body = 12345;
    ask(m);
}

void LedgerHouse::ask_stored() {
    AskStored m{choices_.of(kTimes), {}};
    for (std::uint64_t i = choices_.below(3); i < 3; ++i) {
        const AskStored::Row row{i, id(), {}};
        ledger_.ask(model_.asked(m), row, m.timeout, now_, out_);
    }
}

void LedgerHouse::ask_list() {
    AskList m;
    const std::uint8_t byte = choices_.byte();
    if ((byte & 1) != 0) m.state = State::queued;
    if ((byte & 2) != 0) m.kind = kKinds[0];
    if ((byte & 4) != 0) m.tag.assign(1, 't');
    m.limit = byte >> 5u;
    m.cursor = choices_.byte();
    ask(m);
}

void LedgerHouse::ask_kind() {
    AskKind m{choices_.of(kKinds), {}, {}};
    if (choices_.one_in(2))
        m.set.paused = true;
    else
        m.clear = {"paused"};
    ask(m);
}

void LedgerHouse::ask_many() {
    AskMany m;
    const std::uint8_t byte = choices_.byte();
    m.deed = static_cast<AskMany::Deed>(byte % 3);
    m.dry_run = (byte & 0x80) != 0;
    if ((byte & 0x10) != 0) m.ids = {id(), id()};
    if ((byte & 0x20) != 0) m.state = choices_.of(kOutcomes);
    if ((byte & 0x40) != 0) m.kind = kKinds[0];
    m.cursor = choices_.below(8);
    const auto asker = model_.asked(m);
    hear();
    ledger_.ask(asker, {}, m, now_, out_);
    const bool purges = m.deed == AskMany::Deed::purge && !m.dry_run;
    for (const auto& reply : out_.replies) {
        const auto* answer = std::get_if<ManyAnswer>(&reply.answer);
        if (purges && answer != nullptr) model_.purged(answer->matched);
    }
}

void LedgerHouse::open_group() {
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

void LedgerHouse::ask_group() {
    AskGroup m;
    m.id = choices_.of(kGroupIds);
    m.until = static_cast<AskGroup::Until>(choices_.below(3));
    m.timeout = choices_.of(kTimes);
    m.from = choices_.below(6);
    m.limit = choices_.below(4);
    m.value = true;
    ask(m);
}

} // namespace penstock::fuzz
