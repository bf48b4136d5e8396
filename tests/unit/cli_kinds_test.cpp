// What holds for kinds: as flags, in the environment, in a file, and as people read it.

#include "cli/config_file.hpp"
#include "cli/exit_code.hpp"
#include "cli/kind_flags.hpp"
#include "cli/kind_text.hpp"
#include "cli/layers.hpp"
#include "cli/role_flags.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <unistd.h>

namespace penstock::cli {
namespace {

using namespace std::chrono_literals;

std::string complaint(const char* text) {
    KindSettingsByName unused;
    return read_kind_settings(text, unused);
}

TEST(CliKinds, ReadsSettingsByName) {
    const auto kinds = kind_settings_of({"render:max_running=1,rate=2.5", "add:paused=true",
                                         "render:timeout=0.5,weight=3"});
    ASSERT_EQ(kinds.size(), 2u);
    EXPECT_EQ(kinds.at("render").max_running, 1u);
    EXPECT_EQ(kinds.at("render").rate, 2.5);
    EXPECT_EQ(kinds.at("render").timeout, Duration(500ms));
    EXPECT_EQ(kinds.at("render").weight, 3);
    EXPECT_EQ(kinds.at("add").paused, true);
}

TEST(CliKinds, SaysWhatIsWrongWithThem) {
    for (const char* bad : {"render", "render:", ":rate=1", "a b:rate=1", "render:rate", "render:rate=",
                            "render:rate=0", "render:rate=x", "render:max_running=0",
                            "render:max_running=1.5", "render:paused=yes", "render:weight=0",
                            "render:timeout=-1", "render:colour=red"}) {
        EXPECT_NE(complaint(bad), "") << bad;
    }
    EXPECT_NE(complaint("render:colour=red").find("max_running, rate"), std::string::npos);
    EXPECT_THROW(kind_settings_of({"render:rate=0"}), Quit);
}

// The ventilator's flags, filled from wherever they stand.
class CliKindLayers : public testing::Test {
protected:
    CliKindLayers() : path_(testing::TempDir() + "kinds-" + std::to_string(getpid()) + ".toml") {
        ventilator_ = root_.add_subcommand("ventilator", "");
        add_ventilator_flags(*ventilator_, flags_);
        ventilator_->add_option("--config", config_);
        kinds_ = root_.add_subcommand("kinds", "");
        kinds_->add_option("--gateway", gateway_);
        kinds_->add_option("--kind", kind_); // as the ventilator's tables of kinds might be read
        kinds_->add_option("--config", config_);
        unsetenv("PENSTOCK_KIND_SETTINGS");
    }

    ~CliKindLayers() override {
        unsetenv("PENSTOCK_KIND_SETTINGS");
        std::remove(path_.c_str());
    }

    void fill(CLI::App& command, std::vector<std::string> more = {}) {
        std::vector<std::string> arguments = {command.get_name(), "--config", path_};
        arguments.insert(arguments.end(), more.begin(), more.end());
        root_.parse(std::vector<std::string>(arguments.rbegin(), arguments.rend()));
        fill_layers(root_, command);
    }

    void file(const char* text) { std::ofstream(path_) << text; }

    [[nodiscard]] std::map<std::string, KindSettings> settings() const {
        return ventilator_options(flags_).kind_settings;
    }

    const std::string path_;
    CLI::App root_;
    CLI::App *ventilator_ = nullptr, *kinds_ = nullptr;
    VentilatorFlags flags_;
    std::string config_, gateway_, kind_;
};

TEST_F(CliKindLayers, AFileHasATableAKind) {
    file("[kinds.render]\nmax_running = 1\nrate = 2.5\n[kinds.add]\npaused = true\ntimeout = 3\n");
    fill(*ventilator_);
    EXPECT_EQ(settings().at("render").max_running, 1u);
    EXPECT_EQ(settings().at("render").rate, 2.5);
    EXPECT_EQ(settings().at("add").paused, true);
    EXPECT_EQ(settings().at("add").timeout, Duration(3s));
}

TEST_F(CliKindLayers, OtherCommandsLeaveThemAlone) {
    file("[kinds]\ngateway = \"http://g\"\n[kinds.render]\nrate = 2.5\n");
    fill(*kinds_);
    EXPECT_EQ(gateway_, "http://g");
    EXPECT_EQ(kind_, "");
}

TEST_F(CliKindLayers, TheEnvironmentHasThemPartedBySemicolons) {
    file("[kinds.render]\nrate = 9\n");
    setenv("PENSTOCK_KIND_SETTINGS", "render:rate=1;add:paused=true", 1);
    fill(*ventilator_);
    EXPECT_EQ(settings().at("render").rate, 1);
    EXPECT_EQ(settings().at("add").paused, true);
}

TEST_F(CliKindLayers, TheCommandLineTakesSeveral) {
    file("");
    fill(*ventilator_, {"--kind-settings", "render:rate=1", "--kind-settings", "add:rate=2"});
    EXPECT_EQ(settings().size(), 2u);
}

TEST_F(CliKindLayers, AWrongOneIsRefusedWithItsOrigin) {
    file("[kinds.render]\nrate = 0\n");
    try {
        fill(*ventilator_);
        FAIL();
    } catch (const Quit& quit) {
        EXPECT_NE(std::string(quit.what()).find(path_ + ":1"), std::string::npos) << quit.what();
    }
}

TEST(CliKinds, SettingsAsPeopleReadThem) {
    const auto text = [](const char* json) {
        return settings_text(boost::json::parse(json).as_object());
    };
    EXPECT_EQ(text(R"({})"), "-");
    EXPECT_EQ(text(R"({"paused":false})"), "-");
    EXPECT_EQ(text(R"({"paused":true,"max_running":1500,"rate":2.5,"weight":2,"timeout":30})"),
              "paused, 1,500 at a time, 2.5/s, weight 2, timeout 30.0 s");
}

} // namespace
} // namespace penstock::cli
