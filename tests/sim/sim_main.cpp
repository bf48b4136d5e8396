// penstock_sim [--seeds N] [--from SEED] [--must-find]
//
// Runs the pipeline under N seeds and stops at the first that breaks an invariant, whose number it
// prints: the same seed does the same again. With --must-find it is built with a planted bug, and
// fails if no seed finds it.

#include "tests/sim/world.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <string>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Arguments {
    std::uint64_t seeds = 200;
    std::uint64_t from = 1;
    bool must_find = false;
};

Arguments read(int argc, char** argv) {
    Arguments out;
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--must-find") == 0) out.must_find = true;
        if (std::strcmp(argv[i], "--seeds") == 0 && i + 1 < argc) {
            out.seeds = std::strtoull(argv[++i], nullptr, 10);
        }
        if (std::strcmp(argv[i], "--from") == 0 && i + 1 < argc) {
            out.from = std::strtoull(argv[++i], nullptr, 10);
        }
    }
    return out;
}

int run_seeds(const Arguments& arguments) {
    std::map<std::string, std::uint64_t> faults; // by their sort
    std::uint64_t all = 0;
    for (std::uint64_t seed = arguments.from; seed < arguments.from + arguments.seeds; ++seed) {
        std::fprintf(stderr, "\rseed %llu ", static_cast<unsigned long long>(seed));
        penstock::Chance chance(seed * 7919);
        const penstock::sim::Plan plan = penstock::sim::draw_plan(chance);
        penstock::sim::World world(seed, plan);
        const std::string failure = world.run();
        for (const auto& [sort, count] : world.faults()) {
            faults[sort] += count;
            all += count;
        }
        if (failure.empty()) continue;
        std::printf("seed=%llu %s\n%s\n", static_cast<unsigned long long>(seed), failure.c_str(),
                    to_string(plan).c_str());
        return 1;
    }
    for (const auto& [sort, count] : faults) {
        std::printf("%9llu  %s\n", static_cast<unsigned long long>(count), sort.c_str());
    }
    std::printf("%llu seeds from %llu, %llu faults: every stored job has one outcome\n",
                static_cast<unsigned long long>(arguments.seeds),
                static_cast<unsigned long long>(arguments.from),
                static_cast<unsigned long long>(all));
    return 0;
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
