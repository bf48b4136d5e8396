// Runs every file of a corpus once, whatever the compiler: what a fuzzer has found stays a test.
//
//   NAME_replay DIRECTORY|FILE ...

#include "tests/fuzz/choices.hpp"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <vector>

namespace {

namespace fs = std::filesystem;

void add(const fs::path& path, std::vector<fs::path>& files) {
    if (!fs::is_directory(path)) return files.push_back(path);
    for (const auto& entry : fs::directory_iterator(path)) files.push_back(entry.path());
}

} // namespace

int main(int count, char** arguments) {
    std::vector<fs::path> files;
    for (int i = 1; i < count; ++i) add(arguments[i], files);
    std::sort(files.begin(), files.end());
    if (files.empty()) {
        std::cerr << "replay: there is nothing to run\n";
        return 2;
    }
    for (const fs::path& path : files) {
        std::cerr << path.filename().string() << '\n'; // the last one said is the one that failed
        std::ifstream file(path, std::ios::binary);
        const std::vector<char> bytes{std::istreambuf_iterator<char>(file), {}};
        if (file.bad()) return 2;
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    }
    std::cerr << files.size() << " inputs, nothing found\n";
    return 0;
}
