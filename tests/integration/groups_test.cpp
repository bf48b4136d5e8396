// Groups, chords and chains through real processes, some of which end.

#include "protocol/codec.hpp"
#include "tests/integration/processes.hpp"

#include <csignal>
#include <gtest/gtest.h>

namespace penstock::testing {
namespace {

Terms of_kind(const std::string& kind) {
    Terms terms;
    terms.kind = kind;
    return terms;
}

JobId named(const std::string& name) {
    return JobId::parse(name).value();
}

GroupAnswer ask_group(const House& house, const StatusQuestion& question) {
    const auto answer = house.ask(question);
    return answer ? std::get<GroupAnswer>(*answer) : GroupAnswer{};
}

GroupAnswer finished(const House& house, const std::string& id) {
    AskGroup wait{named(id), AskGroup::Until::finished, std::chrono::seconds(9), 0, 1000, true};
    return ask_group(house, wait);
}

TEST(Groups, AChordGetsTheResultsInOrderThoughWorkerAndVentilatorAreKilled) {
    constexpr int kMembers = 200;
    const House house;
    const Process sink = house.sink();
    auto ventilator = std::make_unique<Process>(house.ventilator({}));
    auto worker = std::make_unique<Process>(house.worker({"--slots", "2"}));
    ASSERT_TRUE(eventually([&] { return house.workers() == 1; }));
    std::vector<std::string> payloads;
    for (int i = 0; i < kMembers; ++i) payloads.push_back(numbers({{"a", static_cast<double>(i)}, {"b", 1}}));
    OpenGroup chord;
    chord.id = named("chord");
    chord.parts.push_back({of_kind("add"), {}});
    chord.parts.push_back({of_kind("sleep"), {}});
    for (int i = 0; i < kMembers; ++i) {
        chord.parts[0].rows.push_back({named("m" + std::to_string(i)), payloads[static_cast<std::size_t>(i)]});
    }
    const std::string nap = numbers({{"seconds", 0.3}});
    chord.parts[1].rows = {{named("nap-1"), nap}, {named("nap-2"), nap}};
    chord.then = OpenGroup::Callback{named("then"), of_kind("echo"), {}};
    EXPECT_EQ(ask_group(house, chord).found, Found::found);
    ASSERT_TRUE(eventually([&] { return house.status("nap-1").state == State::running; }));
    worker->signal(SIGKILL);
    ventilator->signal(SIGKILL);
    worker->wait();
    ventilator->wait();
    EXPECT_EQ(house.status("then").state, State::delayed);
    ventilator = std::make_unique<Process>(house.ventilator({}));
    worker = std::make_unique<Process>(house.worker({"--slots", "2"}));
    const GroupAnswer group = finished(house, "chord");
    EXPECT_EQ(group.state, State::succeeded);
    EXPECT_EQ(group.succeeded, kMembers + 2u);
    const JobView then = house.wait("then");
    ASSERT_EQ(then.state, State::succeeded);
    Reader reader;
    const Node results = reader.read(then.value, Reader::Values::read);
    ASSERT_TRUE(results.is(Shape::array));
    ASSERT_EQ(results.size(), kMembers + 2u);
    Node at = results.first();
    for (std::uint64_t i = 0; i < kMembers; ++i, at = at.after()) EXPECT_EQ(at.natural(), i + 1);
}

TEST(Groups, AChainHandsEachResultOn) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    const Process worker = house.worker({"--slots", "2"});
    ASSERT_TRUE(eventually([&] { return house.is_ready(); }));
    const std::string sum = numbers({{"a", 3}, {"b", 4}});
    OpenGroup chain;
    chain.id = named("chain");
    chain.mode = GroupMode::chain;
    chain.parts.push_back({of_kind("add"), {{named("first"), sum}}});
    chain.parts.push_back({of_kind("echo"), {{named("second"), {}}, {named("third"), Bytes("\x80", 1)}}});
    EXPECT_EQ(ask_group(house, chain).found, Found::found);
    const GroupAnswer group = finished(house, "chain");
    EXPECT_EQ(group.state, State::succeeded);
    ASSERT_EQ(group.jobs.size(), 3u);
    EXPECT_EQ(group.jobs[1].value, "\x07");
    EXPECT_EQ(group.jobs[2].value, "\x81\xa8previous\x07");
}

TEST(Groups, AFailedStepEndsTheChainAndCallsOnFailure) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    const Process worker = house.worker({"--slots", "1"});
    ASSERT_TRUE(eventually([&] { return house.is_ready(); }));
    const std::string always = numbers({{"times", 9}});
    OpenGroup chain;
    chain.id = named("chain");
    chain.mode = GroupMode::chain;
    chain.parts.push_back({of_kind("fail"), {{named("first"), always}}});
    chain.parts.push_back({of_kind("echo"), {{named("second"), {}}}});
    chain.on_failure = OpenGroup::Callback{named("alas"), of_kind("echo"), {}};
    EXPECT_EQ(ask_group(house, chain).found, Found::found);
    EXPECT_EQ(house.wait("alas").state, State::succeeded);
    EXPECT_EQ(finished(house, "chain").state, State::failed);
    EXPECT_EQ(house.status("second").failure.value().code, "previous-failed");
}

TEST(Groups, AFinishedJobRunsAgain) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    const Process worker = house.worker({"--slots", "1"});
    ASSERT_TRUE(eventually([&] { return house.is_ready(); }));
    house.submit("add", "one", numbers({{"a", 3}, {"b", 4}}));
    EXPECT_EQ(house.wait("one").state, State::succeeded);
    const auto made = house.ask(AskRetry{named("one"), named("two")});
    EXPECT_EQ(std::get<JobAnswer>(made.value()).found, Found::found);
    EXPECT_EQ(house.wait("two").value, "\x07");
    EXPECT_EQ(house.status("two").retry_of, named("one"));
}

} // namespace
} // namespace penstock::testing
