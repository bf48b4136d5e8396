// penstock_sim [--seeds N] [--from SEED] [--seeds-in FILE] [--faults N] [--fair] [--must-find]
//
// Runs the pipeline under N seeds and stops at the first that breaks an invariant, whose number it
// prints: the same seed does the same again. With --seeds-in they are those that begin the lines of
// FILE (regressions.txt). With --faults it fails, too, if there were fewer. With --fair nothing goes
// wrong, so that the rules of scheduling can be checked to the letter, and it fails if one of them was
// never put to the test. With --must-find it is built with a planted bug, and fails if no seed finds it.

#include "tests/sim/world.hpp"

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Arguments {
    std::uint64_t seeds = 200;
    std::uint64_t from = 1;
    std::vector<std::uint64_t> those; // instead
    std::uint64_t faults = 0; // at least
    bool must_find = false;
    bool fair = false;
};

using Histogram = std::map<std::string, std::uint64_t>;

std::uint64_t add(Histogram& all, const Histogram& some) {
    std::uint64_t sum = 0;
    for (const auto& [sort, count] : some) {
        all[sort] += count;
        sum += count;
    }
    return sum;
}

void print(const char* title, const Histogram& counts) {
    std::printf("%s\n", title);
    for (const auto& [sort, count] : counts) {
        std::printf("%9llu  %s\n", static_cast<unsigned long long>(count), sort.c_str());
    }
}

[[noreturn]] void refuse(const std::string& why) {
    std::fprintf(stderr, "penstock_sim: %s; see the head of tests/sim/sim_main.cpp\n", why.c_str());
    std::exit(2);
}

std::vector<std::uint64_t> seeds_in(const std::string& path) {
    std::ifstream file(path);
    std::vector<std::uint64_t> out;
    for (std::string line; std::getline(file, line);) {
        if (!line.empty() && line[0] != '#') out.push_back(std::strtoull(line.c_str(), nullptr, 10));
    }
    if (out.empty()) refuse("there are no seeds in " + path);
    return out;
}

Arguments read(int argc, char** argv) {
    Arguments out;
    bool is_file = false;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        if (word == "--must-find") {
            out.must_find = true;
            continue;
        }
        if (word == "--fair") {
            out.fair = true;
            continue;
        }
        if (word == "--seeds-in" && i + 1 < argc) {
            out.those = seeds_in(argv[++i]);
            is_file = true;
            continue;
        }
        std::uint64_t* const number = word == "--seeds"    ? &out.seeds
                                      : word == "--from"   ? &out.from
                                      : word == "--faults" ? &out.faults
                                                           : nullptr;
        if (number == nullptr) refuse("there is no option '" + word + "'");
        char* end = nullptr;
        if (i + 1 < argc) *number = std::strtoull(argv[++i], &end, 10);
        if (end == nullptr || *end != '\0') refuse(word + " needs a number");
    }
    if (out.seeds == 0) refuse("--seeds needs a number");
    for (std::uint64_t i = 0; out.those.size() < out.seeds && !is_file; ++i) out.those.push_back(out.from + i);
    return out;
}

using penstock::sim::Plan;
using penstock::sim::World;

// Now and then once more, with nobody who listens to events: that must change nothing. (With a store
// what is only an event is a burst of its own here, and draws other chances.)
std::string run_deaf(std::uint64_t seed, Plan plan, const World& heard, Histogram& sights) {
    plan.deaf = true;
    World deaf(seed, plan);
    const std::string failure = deaf.run();
    if (!failure.empty()) return failure + ", with nobody listening";
    if (deaf.sent() != heard.sent()) return "workers were sent something else when nobody listened";
    ++sights["rule: nobody listened, and all went as before"];
    return {};
}

bool has_seen_all_rules(const Histogram& sights) {
    bool all = true;
    for (const char* rule : penstock::sim::rules()) {
        if (sights.contains(rule)) continue;
        std::printf("never seen: %s\n", rule);
        all = false;
    }
    return all;
}

int run_seeds(const Arguments& arguments) {
    constexpr std::uint64_t kDeafEach = 10;
    Histogram faults, sights, endings;
    std::uint64_t all = 0;
    for (const std::uint64_t seed : arguments.those) {
        std::fprintf(stderr, "\rseed %llu ", static_cast<unsigned long long>(seed));
        penstock::Chance chance(seed * 7919);
        const auto draw = arguments.fair ? penstock::sim::draw_fair_plan : penstock::sim::draw_plan;
        const Plan plan = draw(chance);
        World world(seed, plan);
        std::string failure = world.run();
        const bool is_deaf_too = plan.fair && !plan.durable && seed % kDeafEach == 0 && failure.empty();
        if (is_deaf_too) failure = run_deaf(seed, plan, world, sights);
        all += add(faults, world.faults());
        add(sights, world.sights());
        add(endings, world.endings());
        if (failure.empty()) continue;
        std::printf("seed=%llu %s\n%s\n", static_cast<unsigned long long>(seed), failure.c_str(),
                    to_string(plan).c_str());
        return 1;
    }
    print("faults, by their sort:", faults);
    print("what came of them:", sights);
    print("how jobs ended:", endings);
    std::printf("%llu seeds from %llu, %llu faults: every stored job has one outcome\n",
                static_cast<unsigned long long>(arguments.those.size()),
                static_cast<unsigned long long>(arguments.those.front()),
                static_cast<unsigned long long>(all));
    if (arguments.fair && !has_seen_all_rules(sights)) return 1;
    if (all >= arguments.faults) return 0;
    std::printf("that is fewer than the %llu that were wanted\n",
                static_cast<unsigned long long>(arguments.faults));
    return 1;
}

} // namespace

int main(int argc, char** argv) {
    const Arguments arguments = read(argc, argv);
    if (!arguments.must_find) return run_seeds(arguments);
    // A planted bug may also show as a failed check, which ends the process.
    const pid_t child = fork();
    if (child == 0) _exit(run_seeds(arguments));
    int status = 0;
    waitpid(child, &status, 0);
    const bool found = !WIFEXITED(status) || WEXITSTATUS(status) != 0;
    std::printf("%s\n", found ? "the planted bug was found" : "the planted bug was NOT found");
    return found ? 0 : 1;
}
