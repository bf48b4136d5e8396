// Roles that record, processes that are killed, and tapes that say the same again.

#include "tests/integration/processes.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>

namespace penstock::testing {
namespace {

class Replay : public ::testing::Test {
protected:
    [[nodiscard]] std::string file(const std::string& name) const { return folder_ / name; }

    struct Played {
        int code = -1;
        std::string text;
    };

    [[nodiscard]] Played replay(const std::string& name, std::vector<std::string> more = {}) const {
        more.insert(more.begin(), {PENSTOCK_BINARY, "replay", file(name)});
        Process process(more, {});
        const int code = process.wait().value_or(-1);
        return {code, process.output()};
    }

    void expect_same(const std::string& name) const {
        const Played played = replay(name);
        EXPECT_EQ(played.code, 0) << played.text;
        EXPECT_NE(played.text.find("same as recorded"), std::string::npos) << played.text;
    }

    void submit_many(const std::string& prefix, int count) const {
        Terms add;
        add.kind = "add";
        std::vector<std::string> ids;
        for (int i = 0; i < count; ++i) ids.push_back(prefix + std::to_string(i));
        house_.submit(add, ids, numbers({{"a", 3}, {"b", 4}}));
    }

    [[nodiscard]] std::uint64_t finished() const {
        const auto answer = house_.ask(AskStats{});
        return answer ? std::get<SinkStats>(*answer).finished_jobs : 0;
    }

    static void kill(std::unique_ptr<Process>& process) {
        process->signal(SIGKILL);
        process->wait();
        process.reset();
    }

    const House house_;
    Folder folder_;
};

// A worker and the sink are killed, with jobs open; the sink has a store and comes back with it.
TEST_F(Replay, AnOutageSaysTheSameAgain) {
    const std::vector<std::string> kept = {"--store", file("jobs.db"), "--sync", "normal",
                                           "--record", file("sink.tape")};
    auto sink = std::make_unique<Process>(house_.sink(kept));
    auto ventilator = std::make_unique<Process>(house_.ventilator({"--record", file("ventilator.tape")}));
    auto worker = std::make_unique<Process>(house_.worker({"--slots", "4"}));
    submit_many("first-", 300);
    ASSERT_TRUE(eventually([&] { return finished() == 300; }));
    house_.submit("sleep", "long", numbers({{"seconds", 2}}));
    ASSERT_TRUE(eventually([&] { return house_.status("long").state == State::running; }));
    kill(worker);
    submit_many("second-", 300);
    kill(sink);
    sink = std::make_unique<Process>(house_.sink(kept));
    ASSERT_TRUE(eventually([&] { return house_.is_ready(); }));
    worker = std::make_unique<Process>(house_.worker({"--slots", "4"}));
    ASSERT_TRUE(eventually([&] { return finished() == 601; })) << finished();
    kill(ventilator);
    sink->signal(SIGTERM);
    sink->wait();

    expect_same("ventilator.tape");
    expect_same("sink.tape");
    expect_same("sink.tape.1"); // its second life
    const Played shown = replay("ventilator.tape", {"--show", "long"});
    EXPECT_NE(shown.text.find("gets  {type: \"submit\""), std::string::npos) << shown.text;
    EXPECT_NE(shown.text.find("says to the sink  {type: \"lost\""), std::string::npos) << shown.text;
}

TEST_F(Replay, EverythingInOneProcessIsTwoTapes) {
    Process up({PENSTOCK_BINARY, "up", "--bind", "127.0.0.1:" + std::to_string(house_.port(0)), "--http",
                house_.http(), "--record", file("house")},
               {});
    ASSERT_TRUE(eventually([&] { return house_.get("/healthz").status == 200; }));
    for (int i = 0; i < 20; ++i) {
        const std::string body = R"({"kind":"add","payload":{"a":1,"b":2}})";
        const auto answer = house_.http_request("POST", "/v1/jobs?wait=5", &body, "application/json");
        EXPECT_LT(answer.status, 300) << answer.body;
    }
    up.signal(SIGTERM);
    EXPECT_EQ(up.wait(), 0) << up.output();
    expect_same("house.ventilator");
    expect_same("house.sink");
}

TEST_F(Replay, EndsWithItsGreatestSizeAndTheRoleGoesOn) {
    Process sink = house_.sink({"--record", file("sink.tape"), "--record-max", "20000"});
    const Process ventilator = house_.ventilator({});
    const Process worker = house_.worker({"--slots", "4"});
    submit_many("first-", 1000);
    ASSERT_TRUE(eventually([&] { return finished() == 1000; }));
    EXPECT_LE(std::filesystem::file_size(file("sink.tape")), 20'000u);
    EXPECT_NE(sink.output().find("recording_stopped"), std::string::npos) << sink.output();
    EXPECT_NE(replay("sink.tape").text.find("greatest size"), std::string::npos);
    expect_same("sink.tape");
    const Played shown = replay("sink.tape", {"--show", "of-nobody"});
    EXPECT_EQ(shown.code, 0);
    EXPECT_NE(shown.text.find("nothing about the job of-nobody"), std::string::npos) << shown.text;
}

// Each says what to do, and starts nothing.
TEST_F(Replay, AsksForARecordingThatCanBe) {
    using Flags = std::vector<std::string>;
    const auto refuses = [this](Flags flags, const std::string& why) {
        Process sink = house_.sink(flags);
        EXPECT_EQ(sink.wait(), 2);
        EXPECT_NE(sink.output().find(why), std::string::npos) << sink.output();
    };
    refuses({"--record", file("t"), "--record-max", "100"}, "at least 4096 bytes");
    refuses({"--record-max", "100000"}, "--record");
    refuses({"--record-payloads"}, "--record");
    EXPECT_FALSE(std::filesystem::exists(file("t")));
}

TEST_F(Replay, AFileThatIsNoTapeIsRefused) {
    std::ofstream(file("no.tape")) << "this is a text and no tape, and it is long enough for a header";
    EXPECT_EQ(replay("no.tape").code, 2);
    EXPECT_EQ(replay("not.there").code, 2);
}

} // namespace
} // namespace penstock::testing
