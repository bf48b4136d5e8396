// What was recorded says the same again, and what was changed is noticed.

#include "protocol/codec.hpp"
#include "sink/replay.hpp"
#include "tests/support/kept_rows.hpp"
#include "tests/unit/record_fixture.hpp"
#include "ventilator/replay.hpp"

namespace penstock {
namespace {

using namespace penstock::testing;
using record::Difference;

template <class Replay>
std::optional<Difference> play(record::TapeReader& tape, Replay& replay) {
    while (tape.next()) {
        if (auto differs = replay.play()) return differs;
    }
    return std::nullopt;
}

std::optional<Difference> replay_ventilator(const std::string& bytes) {
    std::istringstream in(bytes);
    record::TapeReader tape(in);
    ventilator::Replay replay(tape);
    return play(tape, replay);
}

std::optional<Difference> replay_sink(const std::string& bytes) {
    std::istringstream in(bytes), first(bytes);
    record::TapeReader tape(in), once(first);
    sink::Bodies bodies;
    bodies.learn(once);
    sink::Replay replay(tape, bodies);
    return play(tape, replay);
}

// ---- a ventilator -------------------------------------------------------------------------

class VentilatorTape : public ::testing::Test {
protected:
    void step() {
        machine.tick(now.at, out);
        machine.pump(now.at, out);
        machine.said(out);
        out = {};
    }

    // A job that fails once and then succeeds; its worker dies in between.
    void run_a_job() {
        machine.sink_up(7, 1, false, out);
        step();
        Terms echo = terms("echo");
        echo.max_attempts = 3;
        const ventilator::LaneId lane = machine.join(join("w", 1, {"echo"}), now.at, out).lane;
        machine.lane_up(lane, now.at);
        machine.on(submit(echo, {"a", "b"}), now.at, out);
        step();
        tell(Stored{{{1, 2}}, {}, {}});
        tell(Settled{{}, {{1, 1, 1000, true}}});
        machine.lane_down(lane, out);
        step();
        tell(Open{{{2, 1}}});
        machine.answer(AskDispatch{}, now.at);
        machine.answer(AskExplain{1}, now.at);
        machine.lane_up(machine.join(join("x", 2, {"echo"}), now.at, out).lane, now.at);
        step();
        now = both_at(2s);
        step();
        tell(Settled{{{1, 2, 2, 1000}}, {}});
    }

    void tell(const FromSink& message) {
        machine.on(message, now.at, out);
        step();
    }

    Now now = both_at(0s);
    record::Bytes bytes = std::make_shared<std::string>();
    ventilator::RecordedDispatcher machine{ventilator::Limits(), 42, now, record::recording_to(bytes)};
    ventilator::Outbox out;
};

TEST_F(VentilatorTape, SaysTheSameAgain) {
    run_a_job();
    const auto differs = replay_ventilator(*bytes);
    EXPECT_FALSE(differs) << differs->record << " " << to_string(differs->then) << " "
                          << to_string(differs->now);
    EXPECT_GT(record::bodies(*bytes).size(), 30u);
}

// One input is another: the first thing that is said because of it is where they differ.
TEST_F(VentilatorTape, AnInputThatIsAlteredIsNoticedWhereItMatters) {
    run_a_job();
    auto all = record::bodies(*bytes);
    std::size_t stored = 0;
    while (all.at(stored).find("stored") == std::string::npos) ++stored;
    const std::size_t said = stored + 3; // it, tick, pump, said
    std::string& record = all[stored];
    const std::string rows("\x91\x92\x01\x02", 4); // jobs 1 and 2
    record.replace(record.find(rows), 4, std::string("\x91\x92\x01\x01", 4));
    const auto differs = replay_ventilator(record::joined(all));
    ASSERT_TRUE(differs);
    EXPECT_GE(differs->record, said);
    EXPECT_EQ(to_string(replay_ventilator(*bytes).value_or(Difference{}).now), "nothing");
}

TEST_F(VentilatorTape, AnInputThatIsMissingIsNoticedAtOnce) {
    run_a_job();
    auto all = record::bodies(*bytes);
    std::size_t stored = 0;
    while (all.at(stored).find("stored") == std::string::npos) ++stored;
    all.erase(all.begin() + static_cast<std::ptrdiff_t>(stored));
    const auto differs = replay_ventilator(record::joined(all));
    ASSERT_TRUE(differs);
    EXPECT_EQ(differs->record, stored + 2); // tick, pump, said
    EXPECT_EQ(differs->then.counts.at(0), (record::Count{"lane messages", 1}));
    EXPECT_TRUE(differs->now.counts.empty());
}

TEST_F(VentilatorTape, WhatIsSaidNowAndWasNotThenIsNoticed) {
    run_a_job();
    auto all = record::bodies(*bytes);
    const auto is_said = [](const std::string& body) { return body.size() > 1 && body[1] == '\x02'; };
    const auto first = std::find_if(all.begin(), all.end(), is_said);
    ASSERT_NE(first, all.end());
    all.erase(first);
    const auto differs = replay_ventilator(record::joined(all));
    ASSERT_TRUE(differs);
    EXPECT_EQ(to_string(differs->then), "nothing");
}

TEST_F(VentilatorTape, ShowsWhatConcernsOneJob) {
    run_a_job();
    std::istringstream in(*bytes);
    record::TapeReader tape(in);
    ventilator::Replay replay(tape);
    std::vector<std::string> lines;
    replay.show(id("a"), [&](const record::Line& line) { lines.push_back(line.way + " " + line.text); });
    EXPECT_FALSE(play(tape, replay));
    ASSERT_GE(lines.size(), 6u);
    EXPECT_EQ(lines[0].substr(0, 21), "gets {type: \"submit\",");
    EXPECT_EQ(lines[0].find("\"b\""), std::string::npos) << lines[0];
    EXPECT_EQ(lines[1].substr(0, 32), "says to the sink {type: \"store\",");
    EXPECT_EQ(lines[2], "gets {type: \"stored\", rows: [[1, 1]], duplicates: [], conflicts: []}");
    EXPECT_EQ(replay.tally().submitted, 2u);
    EXPECT_EQ(replay.tally().open, 0u);
}

TEST_F(VentilatorTape, HasNoBytesOfPayloadsUnlessTheyAreWanted) {
    const std::string payload = "\xa9not yours";
    const auto record = [&](bool payloads) {
        auto to = std::make_shared<std::string>();
        record::Recording recording = record::recording_to(to);
        recording.payloads = payloads;
        ventilator::RecordedDispatcher other(ventilator::Limits(), 1, now, recording);
        other.on(Submit{terms("echo"), {{id("a"), payload}}}, now.at, out);
        other.said(out);
        return *to;
    };
    EXPECT_EQ(record(false).find("not yours"), std::string::npos);
    EXPECT_NE(record(true).find("not yours"), std::string::npos);
}

// ---- a sink -------------------------------------------------------------------------------

class SinkTape : public ::testing::Test {
protected:
    explicit SinkTape(bool payloads = false) : machine(sink::Limits(), 42, now, recording(payloads)) {}

    record::Recording recording(bool payloads) const {
        record::Recording to = record::recording_to(bytes);
        to.payloads = payloads;
        return to;
    }

    void hello() {
        Hello m;
        m.instance = 99;
        machine.hello(m, 1);
        machine.set_ventilator_up(true);
    }

    void step() {
        machine.tick(now, out);
        machine.said(out);
        said = std::exchange(out, {});
    }

    void store(const char* job, const std::string& payload) {
        Store m;
        m.first = next++;
        m.terms = terms("echo");
        m.rows.push_back({id(job), payload, 0, 0});
        machine.on(ToSink(m), now, out);
        step();
    }

    void succeed(const char* job, const std::string& value) {
        machine.on(Result{1, "w", "", {{id(job), 1, 500, value, {}}}}, now, out);
        step();
    }

    Found ask_with_body(const char* job, const std::string& payload) {
        AskWait wait;
        wait.id = id(job);
        wait.until = Until::stored;
        wait.body = body_digest(terms("echo"), payload);
        machine.ask(3, Request(17), wait, now, out);
        step();
        return std::get<JobAnswer>(said.replies.at(0).answer).found;
    }

    Now now = both_at(0s);
    record::Bytes bytes = std::make_shared<std::string>();
    sink::RecordedLedger machine;
    sink::Outbox out, said;
    JobNumber next = 1;
};

TEST_F(SinkTape, SaysTheSameAgain) {
    hello();
    store("a", "\xa5quiet");
    machine.on(ToSink(Started{"w", {{1, 1}}}), now, out);
    machine.on(Progress{id("a"), 1, 0.5, "half"});
    machine.on(Partial{id("a"), 1, "\xa5piece"}, out);
    step();
    now = both_at(1s);
    succeed("a", "\xa5world");
    AskStatus status{id("a"), true};
    machine.ask(1, std::nullopt, status, now, out);
    step();
    EXPECT_FALSE(replay_sink(*bytes));
    EXPECT_EQ(bytes->find("quiet"), bytes->npos);
    EXPECT_EQ(bytes->find("world"), bytes->npos);
    EXPECT_EQ(bytes->find("piece"), bytes->npos);
}

// The digest of a body can't be computed from covered bytes; a conflict stays one all the same.
TEST_F(SinkTape, AConflictStaysOneWhenPayloadsAreCovered) {
    hello();
    store("a", "\xa5quiet");
    EXPECT_EQ(ask_with_body("a", "\xa5quiet"), Found::found);
    EXPECT_EQ(ask_with_body("a", "\xa5other"), Found::conflict);
    EXPECT_FALSE(replay_sink(*bytes));
}

TEST_F(SinkTape, AChainIsGivenCoveredResults) {
    hello();
    std::string map;
    Writer(map).map(1).key("factor").natural(7);
    OpenGroup chain;
    chain.id = id("g");
    chain.mode = GroupMode::chain;
    chain.parts = {{terms("echo"), {{id("one"), "\xa3one"}, {id("two"), map}}}};
    machine.ask(5, std::nullopt, StatusQuestion(chain), now, out);
    step();
    const auto take = [&](const char* job) {
        machine.on(ToSink(Taken{next++, {id(job)}}), now, out);
        step();
    };
    take("one");
    succeed("one", "\xa5""first");
    ASSERT_EQ(said.takes.size(), 1u);
    take("two");
    succeed("two", "\xa6second");
    machine.ask(6, std::nullopt, AskStats{}, now, out);
    step();
    EXPECT_FALSE(replay_sink(*bytes));
}

TEST_F(SinkTape, BeginsWithTheRowsOfItsStore) {
    hello();
    machine.restored(now);
    store("a", "\xa5quiet");
    store("b", "\xa5world");
    succeed("a", "\xa5value");
    KeptRows disk;
    disk.write(machine.take_changes());
    auto second = std::make_shared<std::string>();
    sink::RecordedLedger next_life(sink::Limits(), 43, now, record::recording_to(second));
    next_life.restore(disk.read(), now);
    next_life.restored(now);
    next_life.said(out);
    AskWait wait;
    wait.id = id("b");
    wait.until = Until::stored;
    wait.body = body_digest(terms("echo"), "\xa5world");
    next_life.ask(1, std::nullopt, StatusQuestion(wait), now, out);
    next_life.tick(now, out);
    ASSERT_EQ(std::get<JobAnswer>(out.replies.at(0).answer).found, Found::found);
    next_life.said(out);
    static_cast<void>(next_life.take_changes());
    EXPECT_FALSE(replay_sink(*bytes));
    EXPECT_FALSE(replay_sink(*second));
    EXPECT_EQ(second->find("quiet"), second->npos);
}

TEST_F(SinkTape, BeginsWithMoreTermsThanARecordHas) {
    sink::Changes page;
    for (std::uint64_t key = 1; key <= 51'000; ++key) page.terms.push_back({key, terms("k" + std::to_string(key))});
    page.jobs.emplace_back().order = 1;
    page.jobs.back().id = id("a");
    page.jobs.back().terms = 51'000;
    page.jobs.back().payload = page.add("\xa5quiet");
    machine.restore(page, now);
    machine.restored(now);
    machine.ask(1, std::nullopt, AskStatus{id("a"), false}, now, out);
    ASSERT_EQ(std::get<JobAnswer>(out.replies.at(0).answer).job.kind, "k51000");
    machine.said(out);
    EXPECT_FALSE(replay_sink(*bytes));
}

TEST_F(SinkTape, AResultThatIsMissingIsNoticed) {
    hello();
    store("a", "\xa5quiet");
    succeed("a", "\xa5world");
    auto all = record::bodies(*bytes);
    std::erase_if(all, [](const auto& body) { return body.find("result") != std::string::npos; });
    const auto differs = replay_sink(record::joined(all));
    ASSERT_TRUE(differs);
    EXPECT_EQ(differs->record, all.size() - 1);
    EXPECT_EQ(differs->then.counts.at(0), (record::Count{"settled", 1}));
}

TEST_F(SinkTape, IsNotAVentilators) {
    hello();
    EXPECT_THROW(replay_ventilator(*bytes), record::TapeError);
}

} // namespace
} // namespace penstock
