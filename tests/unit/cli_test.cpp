// The command line's pure parts: addresses, where a flag's value comes from, tables, the demo.

#include "cli/addresses.hpp"
#include "cli/checks.hpp"
#include "cli/config_file.hpp"
#include "cli/demo_plan.hpp"
#include "cli/exit_code.hpp"
#include "cli/group_text.hpp"
#include "cli/job_text.hpp"
#include "cli/layers.hpp"
#include "cli/role_thread.hpp"
#include "cli/sse_reader.hpp"
#include "cli/table.hpp"

#include <CLI/CLI.hpp>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace penstock::cli {
namespace {

Exit code_of(const std::function<void()>& command) {
    try {
        command();
    } catch (const Quit& quit) {
        return quit.code;
    }
    return Exit::ok;
}

TEST(CliAddresses, NeighbourPortsFollowTheDoor) {
    const Bind bind = parse_bind("0.0.0.0:6001", 5555);
    EXPECT_EQ(bind.endpoint(0), "tcp://0.0.0.0:6001");
    EXPECT_EQ(bind.endpoint(1), "tcp://0.0.0.0:6002");
    EXPECT_EQ(parse_bind("10.0.0.7", 5555).endpoint(0), "tcp://10.0.0.7:5555");
    EXPECT_EQ(parse_bind("[::1]", 5557).endpoint(1), "tcp://[::1]:5558");
}

TEST(CliAddresses, AnEvenDoorIsRefusedBecauseItsNeighboursCouldNotBeFound) {
    EXPECT_EQ(code_of([] { parse_bind("0.0.0.0:6000", 5555); }), Exit::usage);
    EXPECT_EQ(code_of([] { parse_bind("0.0.0.0:x", 5555); }), Exit::usage);
}

TEST(CliAddresses, AnyPortOfARoleNamesItUnlessAPortIsNamed) {
    EXPECT_EQ(ventilator_at("tcp://v:5556", "", "").door, "tcp://v:5555");
    EXPECT_EQ(ventilator_at("v:5555", "", "").other, "tcp://v:5556");
    EXPECT_EQ(sink_at("tcp://s:5557", "", "tcp://other:7000").other, "tcp://other:7000");
    EXPECT_EQ(sink_events_at("tcp://s:5558", ""), "tcp://s:5559");
    EXPECT_EQ(sink_events_at("tcp://s:5558", "o:1"), "tcp://o:1");
    EXPECT_EQ(code_of([] { sink_at("s", "", ""); }), Exit::usage);
}

TEST(CliAddresses, OthersDialTheAdvertisedHostElseTheBoundOne) {
    EXPECT_EQ(advertised(parse_bind("0.0.0.0", 5555), "v"), "tcp://v:5555");
    EXPECT_EQ(advertised(parse_bind("10.0.0.7", 5555), ""), "tcp://10.0.0.7:5555");
    EXPECT_NE(advertised(parse_bind("0.0.0.0", 5555), ""), "tcp://0.0.0.0:5555");
}

TEST(CliChecks, SayInASentenceWhatIsWrongWithANumber) {
    const auto said = [](const CLI::Validator& check, std::string text) { return check(text); };
    EXPECT_EQ(said(not_negative(), "-1"), "-1 is less than 0");
    EXPECT_EQ(said(seconds_from_zero(), "-0.5"), "-0.5 is less than 0");
    EXPECT_EQ(said(seconds_above_zero(), "0"), "0 is not above 0");
    EXPECT_EQ(said(seconds_above_zero(), "-2"), "-2 is not above 0");
    for (const char* text : {"inf", "1e999", "1e12", "nan"}) {
        const std::string too_long = std::string(text) + " is more than ten years of seconds";
        EXPECT_EQ(said(seconds_from_zero(), text), too_long);
        EXPECT_EQ(said(seconds_above_zero(), text), too_long);
    }
    for (const char* text : {"0.001", "3", "1e8", "seven"}) {
        EXPECT_EQ(said(seconds_above_zero(), text), "") << text;
    }
    for (const char* text : {"0", "3", "seven"}) {
        EXPECT_EQ(said(not_negative(), text), "") << text;
        EXPECT_EQ(said(seconds_from_zero(), text), "") << text;
    }
}

TEST(CliSse, ReadsEventsFromPiecesOfAnySize) {
    const std::string text = ": nothing happened\n\nid: 7.1\nevent: job\ndata: {\"a\":1}\n\n"
                             "id: 7.2\r\ndata: one\r\ndata:two\r\n\r\nevent: none\n\n";
    for (std::size_t size = 1; size <= text.size(); ++size) {
        std::string seen;
        SseReader reader([&](const SseEvent& e) { seen += e.id + "|" + e.name + "|" + e.data + ";"; });
        for (std::size_t at = 0; at < text.size(); at += size) reader.read(text.substr(at, size));
        EXPECT_EQ(seen, "7.1|job|{\"a\":1};7.2||one\ntwo;") << size;
    }
}

TEST(CliAddresses, LanesAreARange) {
    EXPECT_EQ(parse_lanes("20000-29999").to, 29'999);
    EXPECT_EQ(code_of([] { parse_lanes("20000"); }), Exit::usage);
    EXPECT_EQ(code_of([] { parse_lanes("3-2"); }), Exit::usage);
}

// One command with one flag, filled from wherever `arguments`, the environment and the file say.
class CliLayers : public testing::Test {
protected:
    CliLayers() : path_(testing::TempDir() + "penstock-cli-" + std::to_string(getpid()) + ".toml") {
        command_ = root_.add_subcommand("worker", "");
        command_->add_option("--slots", slots_)->check(CLI::Range(1, 100));
        command_->add_option("--kinds", kinds_)->delimiter(',');
        command_->add_option("--config", config_);
        root_.add_subcommand("sink", "")->add_option("--result-ttl", other_);
        unsetenv("PENSTOCK_SLOTS");
    }

    ~CliLayers() override {
        unsetenv("PENSTOCK_SLOTS");
        std::remove(path_.c_str());
    }

    void file(const std::string& text) { std::ofstream(path_) << text; }

    void fill(std::vector<std::string> arguments) { // CLI11 takes them from the back
        arguments.insert(arguments.begin(), {"worker", "--config", path_});
        root_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
        fill_layers(root_, *command_);
    }

    const std::string path_;
    CLI::App root_;
    CLI::App* command_ = nullptr;
    int slots_ = 1;
    double other_ = 0;
    std::vector<std::string> kinds_;
    std::string config_;
};

TEST_F(CliLayers, TheFileGivesWhatNothingElseGives) {
    file("slots = 7\nkinds = [\"add\", \"echo\"]\n");
    fill({});
    EXPECT_EQ(slots_, 7);
    EXPECT_EQ(kinds_, (std::vector<std::string>{"add", "echo"}));
}

TEST_F(CliLayers, TheEnvironmentWinsOverTheFile) {
    file("slots = 7\n");
    setenv("PENSTOCK_SLOTS", "8", 1);
    fill({});
    EXPECT_EQ(slots_, 8);
}

TEST_F(CliLayers, TheCommandLineWinsOverAll) {
    file("slots = 7\n");
    setenv("PENSTOCK_SLOTS", "8", 1);
    fill({"--slots", "9"});
    EXPECT_EQ(slots_, 9);
}

TEST_F(CliLayers, TheCommandsOwnTableWinsOverTheTopOfTheFile) {
    file("slots = 7\n[worker]\nslots = 6\n");
    fill({});
    EXPECT_EQ(slots_, 6);
}

TEST_F(CliLayers, KeysOfOtherCommandsAreLeftAloneAndKeysOfNobodyRefused) {
    file("result-ttl = 5\nslots = 2\n");
    fill({});
    EXPECT_EQ(slots_, 2);
    file("slotz = 3\n");
    EXPECT_EQ(code_of([&] { fill({}); }), Exit::usage);
    file("[workre]\nslots = 5\n");
    EXPECT_EQ(code_of([&] { fill({}); }), Exit::usage);
    file("[worker]\nresult-ttl = 5\n");
    EXPECT_EQ(code_of([&] { fill({}); }), Exit::usage);
}

TEST_F(CliLayers, BadValuesAreRefusedWithTheirOrigin) {
    file("slots = 700\n");
    EXPECT_EQ(code_of([&] { fill({}); }), Exit::usage);
    file("slots = {}\n");
    EXPECT_EQ(code_of([&] { fill({}); }), Exit::usage);
    file("slots = \n");
    EXPECT_EQ(code_of([&] { fill({}); }), Exit::usage);
}

TEST(CliLayersNames, AFlagsNameInTheEnvironment) {
    EXPECT_EQ(environment_name("log-level"), "PENSTOCK_LOG_LEVEL");
}

TEST(CliTable, ColumnsAreAsWideAsTheirWidestCell) {
    Table table({{"KIND"}, {"JOBS", Align::right}});
    table.add({"echo", "1,000"});
    table.add({"größer", "2"}); // characters count, not bytes
    EXPECT_EQ(table.header(), "KIND     JOBS\n");
    EXPECT_EQ(table.body(), "echo    1,000\ngrößer      2\n");
}

TEST(CliTable, NumbersAsPeopleReadThem) {
    EXPECT_EQ(count_text(1'234'567), "1,234,567");
    EXPECT_EQ(count_text(999), "999");
    EXPECT_EQ(duration_text(0.00085), "850 us");
    EXPECT_EQ(duration_text(0.0123), "12.3 ms");
    EXPECT_EQ(duration_text(4.24), "4.2 s");
    EXPECT_EQ(duration_text(-1), "-");
}

TEST(CliJobText, ThePayloadPassesThroughUnread) {
    EXPECT_EQ(job_text({{"kind", "add"}}, "{\"a\": 12345678901234567890123}"),
              R"({"kind":"add","payload":{"a": 12345678901234567890123}})");
}

TEST(CliJobText, APayloadIsJsonOnOneLine) {
    EXPECT_EQ(read_payload("{\n\"a\": 1}"), "{ \"a\": 1}");
    EXPECT_EQ(code_of([] { read_payload("hello"); }), Exit::usage);
    EXPECT_EQ(code_of([] { read_payload("@/does/not/exist"); }), Exit::usage);
}

TEST(CliGroupText, LinesAreJobsOrPayloads) {
    EXPECT_EQ(group_text({}, "{\"kind\":\"a\"}\n\n{\"kind\":\"b\"}\r\n"),
              "{\"jobs\":[{\"kind\":\"a\"},{\"kind\":\"b\"}\r]}");
    EXPECT_EQ(group_text({"a", "sum", "", "first", "g"}, "1\n[2.50]"),
              R"({"id":"g","mode":"first","then":{"kind":"sum"},)"
              R"("jobs":[{"kind":"a","payload":1},{"kind":"a","payload":[2.50]}]})");
}

TEST(CliGroupText, SaysWhichLineIsWrong) {
    EXPECT_EQ(code_of([] { group_text({}, ""); }), Exit::usage);
    EXPECT_EQ(code_of([] { group_text({}, "3"); }), Exit::usage);
    try {
        group_text({"a", "", "", "", ""}, "1\nnope");
        FAIL() << "it was taken";
    } catch (const Quit& quit) {
        EXPECT_NE(std::string(quit.what()).find("line 2"), std::string::npos) << quit.what();
    }
}

TEST(CliDemo, EveryOutcomeIsComparedWithThePlan) {
    const std::vector<DemoJob> plan = demo_plan(1); // echo, add, sleep, spin and two of fail
    ASSERT_EQ(plan.size(), 6u);
    DemoTally tally;
    EXPECT_EQ(tally.take(plan[0], "succeeded", 1, plan[0].result, 10, 10.5), "");
    EXPECT_NE(tally.take(plan[1], "succeeded", 1, 17, 10, 11), "");
    EXPECT_NE(tally.take(plan[2], "failed", 1, nullptr, 10, 11), "");
    EXPECT_NE(tally.take(plan[4], "succeeded", 1, nullptr, 10, 11), "");
    EXPECT_EQ(tally.take(plan[5], "failed", 4, nullptr, 10, 12), "");
    EXPECT_EQ(tally.total().wrong, 3u);
    EXPECT_DOUBLE_EQ(tally.jobs_per_second(), 2.5);
}

TEST(CliDemo, QuantilesOfUnsortedValues) {
    EXPECT_DOUBLE_EQ(quantile({3, 1, 2}, 0.5), 2);
    EXPECT_DOUBLE_EQ(quantile({3, 1, 2}, 1), 3);
    EXPECT_DOUBLE_EQ(quantile({}, 0.5), -1);
}

// The sink's disk may fail when everybody leaves already: the exit code must say so.
TEST(RoleThread, KnowsThatItsRoleThrewAfterItWasReady) {
    transport::Wakeup ended;
    RoleThread role("sink", ended, [](transport::Stop&, const RoleThread::Ready& ready) {
        ready();
        throw std::runtime_error("the disk");
    });
    role.wait_ready();
    role.join();
    EXPECT_TRUE(role.has_ended() && role.has_failed());
    RoleThread other("worker", ended, [](transport::Stop&, const RoleThread::Ready&) {});
    other.join();
    EXPECT_TRUE(other.has_ended() && !other.has_failed());
}

} // namespace
} // namespace penstock::cli
