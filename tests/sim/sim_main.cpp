// penstock_sim [--seeds N] [--from SEED] [--seeds-in FILE] [--faults N] [--must-find]
//
// Runs the pipeline under N seeds and stops at the first that breaks an invariant, whose number it
// prints: the same seed does the same again. With --seeds-in they are those that begin the lines of
// FILE (regressions.txt). With --faults it fails, too, if there were fewer. With
// --must-find it is built with a planted bug, and fails if no seed finds it.

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

int run_seeds(const Arguments& arguments) {
    Histogram faults, sights, endings;
    std::uint64_t all = 0;
    for (const std::uint64_t seed : arguments.those) {
        std::fprintf(stderr, "\rseed %llu ", static_cast<unsigned long long>(seed));
        penstock::Chance chance(seed * 7919);
        const penstock::sim::Plan plan = penstock::sim::draw_plan(chance);
        penstock::sim::World world(seed, plan);
        const std::string failure = world.run();
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
