// What limits jobs, through real processes: settings of kinds, time limits, cancellation, batches.

#include "protocol/codec.hpp"
#include "tests/integration/processes.hpp"
#include "tests/support/document.hpp"

#include <csignal>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace penstock::testing {
namespace {

using namespace std::chrono_literals;

std::uint64_t field_of(const std::string& value, const char* key) {
    Reader reader;
    const Node node = reader.read(value, Reader::Values::read).find(key);
    return node.is(Shape::natural) ? node.natural() : 99;
}

// All four roles, and a directory for what commands leave behind.
class Limits : public ::testing::Test {
protected:
    void start(std::vector<std::string> of_ventilator = {}) {
        sink.emplace(house.sink());
        ventilator.emplace(house.ventilator(std::move(of_ventilator)));
        gateway.emplace(house.gateway({}));
        ASSERT_TRUE(eventually([&] { return house.get("/readyz").status == 200; }));
    }

    Process worker(std::vector<std::string> more) {
        const std::size_t before = house.workers();
        Process out = house.worker(std::move(more));
        EXPECT_TRUE(eventually([&] { return house.workers() == before + 1; }));
        return out;
    }

    // A worker that may run `command` as `it`.
    Process worker_that_runs(const std::string& command, const char* slots = "2") {
        return worker({"--slots", slots, "--kinds", "exec", "--allow-exec", "it=" + command});
    }

    HttpAnswer patch(const std::string& kind, const std::string& settings) const {
        return house.http_request("PATCH", "/v1/kinds/" + kind, &settings, "application/json");
    }

    // What GET /v1/kinds says is set, as JSON.
    std::string settings(const std::string& kind) const {
        const std::string body = house.get("/v1/kinds").body;
        const auto at = body.find("\"kind\":\"" + kind + "\"");
        if (at == std::string::npos) return "unknown";
        const auto from = body.find("\"settings\":", at) + 11;
        return body.substr(from, body.find('}', from) + 1 - from);
    }

    int penstock(std::vector<std::string> words) const {
        words.insert(words.begin(), PENSTOCK_BINARY);
        words.insert(words.end(), {"--gateway", "http://" + house.http()});
        return Process(words, {}).wait().value_or(-1);
    }

    State state(const std::string& id) const { return house.status(id).state; }

    static std::string run_it() {
        std::string out;
        Writer(out).map(1).key("name").text("it");
        return out;
    }

    // Which process wrote its id there.
    [[nodiscard]] int pid_in(const std::string& file) const {
        int pid = 0;
        eventually([&] {
            std::ifstream in(folder / file);
            return bool(in >> pid);
        });
        return pid;
    }

    static bool runs(int pid) { // a dead child that nobody waits for does not
        std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
        std::string number, name, how;
        return in >> number >> name >> how && how != "Z";
    }

    const House house;
    Folder folder;
    std::optional<Process> sink, ventilator, gateway;
};

// ---- settings -----------------------------------------------------------------------------

TEST_F(Limits, APausedKindWaitsAndOthersDoNot) {
    start();
    const Process one = worker({"--slots", "2"});
    ASSERT_EQ(patch("add", R"({"paused":true})").status, 200);
    house.submit("add", "paused", numbers({{"a", 3}, {"b", 4}}));
    house.submit("echo", "other", numbers({{"a", 3}}));
    EXPECT_EQ(house.wait("other").state, State::succeeded);
    EXPECT_EQ(state("paused"), State::queued);
    EXPECT_EQ(penstock({"resume", "add"}), 0);
    EXPECT_EQ(house.wait("paused").state, State::succeeded);
}

TEST_F(Limits, NoMoreRunThanMayOnAllWorkersTogether) {
    start({"--kind-settings", "exec:max_running=1"});
    // Fails if another one is at it.
    const std::string alone = "mkdir " + (folder / "busy") + " && sleep 0.02 && rmdir " + (folder / "busy");
    const Process one = worker_that_runs(alone), two = worker_that_runs(alone);
    std::vector<std::string> ids;
    for (int i = 0; i < 8; ++i) ids.push_back("job-" + std::to_string(i));
    Terms terms;
    terms.kind = "exec";
    house.submit(terms, ids, run_it());
    for (const auto& id : ids) EXPECT_EQ(field_of(house.wait(id).value, "status"), 0u) << id;
}

TEST_F(Limits, ARateHoldsForAllWorkersTogether) {
    start({"--kind-settings", "echo:rate=0.001"}); // one, and then none for a long time
    const Process one = worker({"--slots", "2"}), two = worker({"--slots", "2"});
    Terms terms;
    terms.kind = "echo";
    house.submit(terms, {"first", "second", "third"}, numbers({}));
    EXPECT_EQ(house.wait("first").state, State::succeeded);
    EXPECT_EQ(state("second"), State::queued);
    ASSERT_EQ(patch("echo", R"({"rate":1000})").status, 200);
    EXPECT_EQ(house.wait("second").state, State::succeeded);
    EXPECT_EQ(house.wait("third").state, State::succeeded);
}

TEST_F(Limits, SettingsOutliveTheVentilatorAndKindsToo) {
    start();
    {
        const Process one = worker({"--slots", "2", "--kinds", "add"});
        ASSERT_EQ(patch("add", R"({"rate":2.5,"max_running":3})").status, 200);
    }
    ventilator->signal(SIGKILL);
    ventilator->wait();
    ventilator.emplace(house.ventilator({"--kind-settings", "add:timeout=7,rate=1"}));
    ASSERT_TRUE(eventually([&] { return settings("add") == R"({"max_running":3,"rate":2.5,"timeout":7.0})"; }))
        << settings("add");
    const std::string body = R"({"kind":"nothing"})";
    const auto refused = house.http_request("POST", "/v1/jobs", &body, "application/json");
    EXPECT_EQ(refused.status, 422) << refused.body;
}

TEST_F(Limits, SettingsOutliveTheSinkAsLongAsTheVentilatorLives) {
    start();
    const Process one = worker({"--slots", "2", "--kinds", "add"});
    ASSERT_EQ(patch("add", R"({"rate":2.5})").status, 200);
    ASSERT_TRUE(eventually([&] { return settings("add") == R"({"rate":2.5})"; }));
    sink->signal(SIGKILL);
    sink->wait();
    sink.emplace(house.sink());
    ASSERT_TRUE(eventually([&] { return patch("add", R"({"weight":2})").status == 200; }));
    const auto known = std::get<KindAnswer>(house.ask(AskKind{"add", {}, {}}).value());
    EXPECT_EQ(known.settings.rate, 2.5);
    EXPECT_EQ(known.settings.weight, 2);
}

TEST_F(Limits, WhatIsClearedIsAsItWasConfigured) {
    start({"--kind-settings", "add:rate=7"});
    EXPECT_EQ(penstock({"limit", "add", "--rate", "2.5", "--max-running", "3"}), 0);
    ASSERT_TRUE(eventually([&] { return settings("add") == R"({"max_running":3,"rate":2.5})"; }));
    EXPECT_EQ(penstock({"limit", "add", "--clear", "rate,max-running"}), 0);
    ASSERT_TRUE(eventually([&] { return settings("add") == R"({"rate":7.0})"; })) << settings("add");
}

TEST_F(Limits, RefusesWrongSettingsAndUnknownKinds) {
    start({"--kinds", "add"});
    const auto wrong = patch("add", R"({"rate":-1})");
    EXPECT_EQ(wrong.status, 422);
    EXPECT_NE(wrong.body.find("\"pointer\":\"/rate\""), std::string::npos) << wrong.body;
    EXPECT_EQ(patch("add", "{").status, 400);
    const auto unknown = patch("ad", R"({"rate":1})");
    EXPECT_EQ(unknown.status, 422);
    EXPECT_NE(unknown.body.find("\"known_kinds\":[\"add\"]"), std::string::npos) << unknown.body;
    EXPECT_EQ(penstock({"limit", "add", "--rate", "-1"}), 1);
    EXPECT_EQ(penstock({"limit", "add"}), 2);
}

TEST_F(Limits, TheCommandsOfTheDocumentRun) {
    start({"--kinds", "render,mail"});
    std::string commands = block_of_document("docs/LIMITS.md", "penstock limit render");
    ASSERT_NE(commands, "") << "docs/LIMITS.md has lost its commands";
    const auto port = commands.find("localhost:8080");
    ASSERT_NE(port, std::string::npos);
    commands.replace(port, 14, house.http());
    const std::string path = std::filesystem::path(PENSTOCK_BINARY).parent_path();
    Process shell({"/bin/sh", "-e", "-c", "PATH=" + path + ":$PATH; " + commands},
                  {"PENSTOCK_GATEWAY=http://" + house.http()});
    EXPECT_EQ(shell.wait(), 0) << shell.output();
    EXPECT_TRUE(eventually([&] { return settings("mail") == R"({"paused":false})"; }));
    EXPECT_TRUE(eventually([&] { return settings("render") == R"({"rate":2.5,"paused":false})"; }))
        << shell.output();
}

// ---- time limits --------------------------------------------------------------------------

TEST_F(Limits, ADelayedJobWaitsInTheVentilator) {
    start();
    const Process one = worker({"--slots", "2"});
    Terms later;
    later.kind = "echo";
    later.delay = 300ms;
    house.submit(later, "later", numbers({{"a", 1}}));
    ASSERT_TRUE(eventually([&] { return house.status("later").kind == "echo"; }));
    EXPECT_EQ(state("later"), State::delayed);
    const JobView job = house.wait("later");
    EXPECT_EQ(job.state, State::succeeded);
    EXPECT_GE(job.finished_at - job.submitted_at, 0.29);
}

TEST_F(Limits, AJobThatNobodyStartedInTimeExpires) {
    start({"--kinds", "echo"});
    Terms brief;
    brief.kind = "echo";
    brief.ttl = 50ms;
    house.submit(brief, "brief", numbers({{"a", 1}}));
    const JobView job = house.wait("brief");
    EXPECT_EQ(job.state, State::expired);
    EXPECT_EQ(job.failure.value().code, "expired");
}

TEST_F(Limits, ATimeoutKillsACommandWithItsChildrenAndCountsAsAnAttempt) {
    start();
    const Process one = worker_that_runs("sleep 600 & echo $! >> " + (folder / "child") + "; wait", "1");
    Terms terms;
    terms.kind = "exec";
    terms.timeout = 300ms;
    terms.max_attempts = 2;
    terms.backoff = 1ms;
    house.submit(terms, "hangs", run_it());
    const int child = pid_in("child");
    const JobView job = house.wait("hangs");
    EXPECT_EQ(job.state, State::failed);
    EXPECT_EQ(job.failure.value().code, "timeout");
    EXPECT_EQ(job.attempt, 2u);
    ASSERT_TRUE(eventually([&] { return !runs(child); }));
    terms.max_attempts = 1;
    house.submit(terms, "after", run_it()); // its slot is free again
    EXPECT_EQ(house.wait("after").failure.value().code, "timeout");
}

TEST_F(Limits, TheTimeoutOfAKindHoldsForJobsThatSayNone) {
    start({"--kind-settings", "sleep:timeout=0.2"});
    const Process one = worker({"--slots", "1"});
    house.submit("sleep", "long", numbers({{"seconds", 600}}));
    EXPECT_EQ(house.wait("long").failure.value().code, "timeout");
    Terms own;
    own.kind = "sleep";
    own.timeout = 60s;
    house.submit(own, "own", numbers({{"seconds", 0.4}}));
    EXPECT_EQ(house.wait("own").state, State::succeeded);
}

// ---- cancellation -------------------------------------------------------------------------

TEST_F(Limits, AQueuedJobIsCancelledAtOnce) {
    start({"--kinds", "echo"});
    house.submit("echo", "waits", numbers({{"a", 1}}));
    ASSERT_TRUE(eventually([&] { return house.status("waits").kind == "echo"; }));
    EXPECT_EQ(house.http_request("DELETE", "/v1/jobs/waits", nullptr, "").status, 200);
    EXPECT_EQ(state("waits"), State::cancelled);
    EXPECT_EQ(house.http_request("DELETE", "/v1/jobs/waits", nullptr, "").status, 409);
    const Process one = worker({"--slots", "1"});
    house.submit("echo", "next", numbers({{"a", 1}}));
    EXPECT_EQ(house.wait("next").state, State::succeeded);
    EXPECT_EQ(house.status("waits").attempt, 0u);
}

TEST_F(Limits, ARunningCommandIsCancelledWithItsChildren) {
    start();
    const Process one = worker_that_runs("sleep 600 & echo $! >> " + (folder / "child") + "; wait", "1");
    house.submit("exec", "runs", run_it());
    const int child = pid_in("child");
    ASSERT_TRUE(eventually([&] { return state("runs") == State::running; }));
    EXPECT_EQ(house.http_request("DELETE", "/v1/jobs/runs", nullptr, "").status, 202);
    EXPECT_EQ(house.wait("runs").state, State::cancelled);
    EXPECT_TRUE(eventually([&] { return !runs(child); }));
}

TEST_F(Limits, ARunningHandlerIsToldToStop) {
    start();
    const Process one = worker({"--slots", "1"});
    house.submit("sleep", "sleeps", numbers({{"seconds", 600}}));
    ASSERT_TRUE(eventually([&] { return state("sleeps") == State::running; }));
    EXPECT_EQ(house.http_request("DELETE", "/v1/jobs/sleeps", nullptr, "").status, 202);
    EXPECT_EQ(house.wait("sleeps").state, State::cancelled);
    house.submit("echo", "next", numbers({{"a", 1}})); // and its slot is free
    EXPECT_EQ(house.wait("next").state, State::succeeded);
}

TEST_F(Limits, ARunningRequestIsAborted) {
    start({"--kinds", "nobody"});
    house.submit("nobody", "held", numbers({}));
    ASSERT_TRUE(eventually([&] { return house.status("held").kind == "nobody"; }));
    const std::string site = "http://" + house.http() + "/";
    const Process one = worker({"--slots", "1", "--kinds", "http", "--allow-url", site});
    std::string payload;
    Writer(payload).map(1).key("url").text(site + "v1/jobs/held?wait=300");
    house.submit("http", "asks", payload);
    ASSERT_TRUE(eventually([&] { return state("asks") == State::running; }));
    EXPECT_EQ(house.http_request("DELETE", "/v1/jobs/asks", nullptr, "").status, 202);
    EXPECT_EQ(house.wait("asks").state, State::cancelled);
    payload.clear();
    Writer(payload).map(1).key("url").text(site + "v1/jobs/held"); // it has not ended
    house.submit("http", "next", payload);                          // and the slot is free
    const JobView next = house.wait("next");
    EXPECT_EQ(next.state, State::succeeded);
    EXPECT_NE(next.value.find("queued"), std::string::npos);
}

} // namespace
} // namespace penstock::testing
