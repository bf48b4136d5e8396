// The tree is tested too: who may include whom, and what machines must not touch.

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <map>
#include <regex>
#include <sstream>

namespace {

namespace fs = std::filesystem;
const fs::path kRoot = PENSTOCK_SOURCE_DIR;

std::vector<fs::path> sources(const std::string& folder) {
    std::vector<fs::path> out;
    for (const auto& entry : fs::recursive_directory_iterator(kRoot / folder)) {
        const auto extension = entry.path().extension();
        if (extension == ".cpp" || extension == ".hpp") out.push_back(entry.path());
    }
    return out;
}

std::string read(const fs::path& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

std::vector<std::string> found(const std::string& text, const std::regex& what) {
    std::vector<std::string> out;
    for (std::sregex_iterator it(text.begin(), text.end(), what), end; it != end; ++it) {
        out.push_back((*it)[1]);
    }
    return out;
}

TEST(Tidy, IncludesPointAtTheVocabulary) {
    const std::map<std::string, std::vector<std::string>> may_include = {
        {"protocol", {"protocol"}},
        {"tables", {"tables", "protocol"}},
        {"json", {"json", "protocol"}},
        {"transport", {"transport", "protocol"}},
        {"record", {"record", "protocol"}},
        {"ventilator", {"ventilator", "record", "transport", "tables", "protocol"}},
        {"sink", {"sink", "record", "transport", "tables", "protocol"}},
        {"workers", {"workers", "json", "transport", "tables", "protocol"}},
        {"gateway", {"gateway", "json", "transport", "tables", "protocol"}},
    };
    const std::regex include(R"re(#include "([a-z_]+)/)re");
    for (const auto& [folder, allowed] : may_include) {
        for (const auto& path : sources(folder)) {
            for (const auto& room : found(read(path), include)) {
                EXPECT_NE(std::find(allowed.begin(), allowed.end(), room), allowed.end())
                    << path << " includes from " << room;
            }
        }
    }
}

// Of these rooms everything is a machine that is given time and messages, but for the shells that are
// named: they own sockets, threads, clocks or files.
const std::map<std::string, std::vector<std::string>> kShells = {
    {"protocol", {}},
    {"tables", {}},
    {"record", {"file"}},
    {"ventilator", {"lanes", "ventilator"}},
    {"sink", {"bundles", "keeper", "publisher", "sink", "statement", "store", "store_read"}},
    {"workers",
     {"batch", "desk", "loop", "outlet", "pool", "process", "slots", "slots_together", "worker"}},
};

const std::regex kImpure(
    R"((\bzmq|boost|spdlog|sqlite3|<thread>|<mutex>|<atomic>|<fstream>|<unistd\.h>|::now\(|random_device|sleep_for|<iostream>))");

TEST(Tidy, MachinesArePure) {
    std::size_t machines = 0;
    for (const auto& [room, shells] : kShells) {
        for (const auto& entry : fs::directory_iterator(kRoot / room)) {
            const auto extension = entry.path().extension();
            if (extension != ".cpp" && extension != ".hpp") continue;
            const std::string stem = entry.path().stem();
            if (std::find(shells.begin(), shells.end(), stem) != shells.end()) continue;
            ++machines;
            for (const auto& word : found(read(entry.path()), kImpure)) {
                ADD_FAILURE() << entry.path() << " has " << word;
            }
        }
    }
    EXPECT_GT(machines, 80u);
}

TEST(Tidy, ShellsAreThere) {
    for (const auto& [room, shells] : kShells) {
        for (const auto& shell : shells) {
            const fs::path stem = kRoot / room / shell;
            EXPECT_TRUE(fs::exists(stem.string() + ".hpp") || fs::exists(stem.string() + ".cpp"))
                << stem;
        }
    }
}

TEST(Tidy, OnlyTheCodecKnowsMsgpack) {
    for (const std::string folder :
         {"protocol", "tables", "json", "transport", "record", "ventilator", "sink", "workers", "gateway", "cli"}) {
        for (const auto& path : sources(folder)) {
            if (path.filename() == "wire.cpp") continue;
            EXPECT_EQ(read(path).find("<msgpack"), std::string::npos) << path;
        }
    }
}

TEST(Tidy, FileNamesSayWhatIsInThem) {
    const std::regex banned(R"((util|utils|common|helper|helpers|misc|manager))");
    for (const std::string folder : {"protocol", "tables", "json", "transport", "record", "ventilator", "sink",
                                     "workers", "gateway", "cli", "tests", "bench"}) {
        for (const auto& path : sources(folder)) {
            EXPECT_FALSE(std::regex_search(path.stem().string(), banned)) << path;
        }
    }
}

TEST(Tidy, TheReadmeShowsTheWorkerThatIsTested) {
    EXPECT_NE(read(kRoot / "README.md").find(read(kRoot / "clients/python/examples/plain_worker.py")),
              std::string::npos);
}

TEST(Tidy, TheDocumentShowsTheBatchWorkerThatIsBuilt) {
    EXPECT_NE(read(kRoot / "docs/BATCHING.md").find(read(kRoot / "tests/install/square.cpp")),
              std::string::npos);
}

TEST(Tidy, FilesStaySmall) {
    for (const std::string folder :
         {"protocol", "tables", "json", "transport", "record", "ventilator", "sink", "workers", "gateway", "cli"}) {
        for (const auto& path : sources(folder)) {
            const std::string text = read(path);
            const auto lines = std::count(text.begin(), text.end(), '\n');
            EXPECT_LE(lines, 450) << path << ": which two things does it hold?";
        }
    }
}

} // namespace
