// Every example of docs/HTTP.md does what stands below it.

#include "tests/integration/processes.hpp"
#include "tests/support/document.hpp"

#include <cstdio>
#include <fstream>
#include <gtest/gtest.h>
#include <sstream>

namespace penstock::testing {
namespace {

struct Example {
    std::string commands, answer;
};

std::string fenced(const std::string& text, std::size_t from, std::size_t& end) {
    const std::size_t begin = text.find('\n', from) + 1;
    end = text.find("\n```", begin);
    return text.substr(begin, end - begin);
}

std::vector<Example> examples() {
    const std::string text = text_of_document("docs/HTTP.md");
    std::vector<Example> out;
    for (std::size_t at = text.find("```sh\n"); at != std::string::npos;
         at = text.find("```sh\n", at)) {
        Example example;
        example.commands = fenced(text, at, at);
        at += 5; // behind the fence: the answer follows at once
        EXPECT_EQ(text.compare(at, 3, "```"), 0) << "no answer below: " << example.commands;
        example.answer = fenced(text, at, at);
        out.push_back(std::move(example));
    }
    return out;
}

std::string output_of(const std::string& commands) {
    std::string out;
    std::FILE* pipe = popen(commands.c_str(), "r");
    if (pipe == nullptr) return "it can't be started";
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) out += static_cast<char>(c);
    pclose(pipe);
    while (out.ends_with('\n')) out.pop_back();
    return out;
}

void replace_all(std::string& text, const std::string& what, const std::string& by) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) {
        text.replace(at, what.size(), by);
    }
}

// `...` stands for anything.
bool fits(const std::string& got, const std::string& pattern) {
    std::size_t at = 0;
    bool anywhere = false;
    for (std::size_t from = 0; from <= pattern.size();) {
        const std::size_t dots = std::min(pattern.find("...", from), pattern.size());
        const std::string part = pattern.substr(from, dots - from);
        const bool is_last = dots == pattern.size();
        const std::size_t found = is_last && anywhere && got.size() >= at + part.size()
                                      ? got.rfind(part)
                                      : got.find(part, at);
        if (found == std::string::npos || found < at || (!anywhere && found != at)) return false;
        at = found + part.size();
        if (is_last) return at == got.size();
        anywhere = true;
        from = dots + 3;
    }
    return at == got.size();
}

TEST(HttpDoc, FitsMeansWhatItSays) {
    EXPECT_TRUE(fits("abc", "abc") && fits("abc", "a...c") && fits("abc", "...") && fits("", ""));
    EXPECT_TRUE(fits("a1b2c", "a...b...c") && fits("xaxa", "x...a"));
    EXPECT_FALSE(fits("abc", "ab") || fits("abc", "b...") || fits("abc", "a...b") || fits("a", "aa"));
}

TEST(HttpDoc, EveryExampleDoesWhatStandsBelowIt) {
    const House house;
    const Process sink = house.sink(), ventilator = house.ventilator({});
    const Process gateway = house.gateway({}), worker = house.worker({"--slots", "4"});
    ASSERT_TRUE(eventually([&] { return house.get("/readyz").status == 200; }));
    ASSERT_TRUE(eventually([&] { return house.workers() == 1; }));
    const auto all = examples();
    EXPECT_GE(all.size(), 9u);
    for (const auto& example : all) {
        std::string commands = example.commands;
        replace_all(commands, "localhost:8080", house.http());
        replace_all(commands, "| penstock ", "| PENSTOCK_GATEWAY=http://" + house.http() + " " +
                                                  PENSTOCK_BINARY + " ");
        const std::string got = output_of(commands);
        EXPECT_TRUE(fits(got, example.answer)) << example.commands << "\ngives\n" << got;
    }
}

} // namespace
} // namespace penstock::testing
