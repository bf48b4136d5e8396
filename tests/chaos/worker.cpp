// A worker that writes down what it does, a line when a run begins and one when it ends. Each line is
// one write, so that kill -9 leaves whole lines. The other workers of this folder write the same.
//
//     run NONCE ID JOB ATTEMPT      end NONCE ok|failed|cancelled

#include <penstock/worker.hpp>

#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <fcntl.h>
#include <mutex>
#include <string>
#include <unistd.h>

using namespace penstock::worker;

namespace {

class Diary {
public:
    Diary(const char* path, std::string name)
        : file_(open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)),
          name_(std::move(name)) {}

    std::string begin(const Job& job, std::uint64_t number) {
        const std::string nonce = name_ + "." + std::to_string(++runs_);
        write_line("run " + nonce + " " + job.id().text() + " " + std::to_string(number) + " " +
                   std::to_string(job.attempt()));
        return nonce;
    }

    void end(const std::string& nonce, const char* how) { write_line("end " + nonce + " " + how); }

private:
    void write_line(std::string line) {
        line += '\n';
        if (write(file_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
            std::perror("the log of runs");
            std::_Exit(70); // what it runs from here on could not be explained
        }
    }

    const int file_;
    const std::string name_;
    std::atomic<std::uint64_t> runs_{0};
};

// False: it was cancelled meanwhile.
bool pass(const Job& job, std::uint64_t milliseconds) {
    std::mutex mutex;
    std::condition_variable_any woken;
    std::unique_lock lock(mutex);
    return !woken.wait_for(lock, job.stop_token(), std::chrono::milliseconds(milliseconds),
                           [&] { return job.cancelled(); });
}

Reply run(Diary& diary, const Job& job) {
    const penstock::Node payload = job.read();
    const std::uint64_t number = payload.find("job").natural();
    const std::string nonce = diary.begin(job, number);
    if (!pass(job, payload.find("ms").natural())) {
        diary.end(nonce, "cancelled");
        return Reply::failure("cancelled", nonce, Retry::pointless);
    }
    if (job.attempt() <= payload.find("fails").natural()) {
        diary.end(nonce, "failed");
        return Reply::failure("chaos", nonce, Retry::allowed);
    }
    diary.end(nonce, "ok");
    return Reply::text(nonce);
}

} // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        std::puts("usage: chaos_worker CONTROL SLOTS LOG NAME");
        return 2;
    }
    Options options;
    options.control = argv[1];
    options.slots = static_cast<std::uint32_t>(std::strtoul(argv[2], nullptr, 10));
    Diary diary(argv[3], argv[4]);
    Worker worker(options);
    worker.on("chaos", [&diary](Job& job) { return run(diary, job); });
    worker.run();
}
