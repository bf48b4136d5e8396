#include "workers/kinds/subprocess.hpp"

#include "transport/wakeup.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

extern char** environ;

namespace penstock::worker {
namespace {

constexpr std::size_t kOutputMax = 8u << 20; // both together are a result of at most 16 MiB
constexpr int kLookMs = 20;                  // for its end, once its pipes are closed

class Pipe {
public:
    Pipe() { made_ = pipe2(ends_.data(), O_CLOEXEC) == 0; }

    ~Pipe() {
        close_end(0);
        close_end(1);
    }

    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;

    [[nodiscard]] bool made() const { return made_; }

    [[nodiscard]] int reading() const { return ends_[0]; }

    [[nodiscard]] int writing() const { return ends_[1]; }

    void close_end(std::size_t which) {
        if (ends_[which] >= 0) close(ends_[which]);
        ends_[which] = -1;
    }

    static void never_block(int fd) { fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }

private:
    std::array<int, 2> ends_{-1, -1};
    bool made_ = false;
};

// The child's pid, or -errno.
pid_t spawn(const std::string& command, const Pipe& in, const Pipe& out, const Pipe& err) {
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_adddup2(&files, in.reading(), STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&files, out.writing(), STDOUT_FILENO);
    posix_spawn_file_actions_adddup2(&files, err.writing(), STDERR_FILENO);
    posix_spawnattr_t how;
    posix_spawnattr_init(&how);
    sigset_t signals;
    sigemptyset(&signals);
    posix_spawnattr_setsigmask(&how, &signals);
    sigaddset(&signals, SIGPIPE); // ignored here, and that would be inherited
    posix_spawnattr_setsigdefault(&how, &signals);
    posix_spawnattr_setpgroup(&how, 0);
    posix_spawnattr_setflags(&how, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK |
                                       POSIX_SPAWN_SETSIGDEF);
    std::string shell = "sh", flag = "-c", text = command;
    std::array<char*, 4> arguments{shell.data(), flag.data(), text.data(), nullptr};
    pid_t pid = 0;
    const int error = posix_spawn(&pid, "/bin/sh", &files, &how, arguments.data(), environ);
    posix_spawnattr_destroy(&how);
    posix_spawn_file_actions_destroy(&files);
    return error == 0 ? pid : -error;
}

// False: its other end is closed, or there is too much.
bool read_some(int fd, std::string& into) {
    std::array<char, 65536> buffer;
    const auto got = read(fd, buffer.data(), buffer.size());
    if (got < 0) return errno == EAGAIN || errno == EINTR;
    into.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0 && into.size() <= kOutputMax;
}

// False: there is nobody to read it, or nothing left.
bool write_some(int fd, std::string_view& left) {
    const auto done = left.empty() ? 0 : write(fd, left.data(), left.size());
    if (done < 0) return errno == EAGAIN || errno == EINTR;
    left.remove_prefix(static_cast<std::size_t>(done));
    return !left.empty();
}

struct Talk {
    Pipe in, out, err;
    std::string_view input;

    // One wait for any of the pipes or the stop. Closed ends are left out by poll: they are -1.
    void round(Finished& to, int stop_fd, int wait_ms) {
        std::array<pollfd, 4> fds{{{in.writing(), POLLOUT, 0},
                                   {out.reading(), POLLIN, 0},
                                   {err.reading(), POLLIN, 0},
                                   {stop_fd, POLLIN, 0}}};
        if (poll(fds.data(), fds.size(), wait_ms) <= 0) return;
        if (fds[0].revents != 0 && !write_some(in.writing(), input)) in.close_end(1);
        if (fds[1].revents != 0 && !read_some(out.reading(), to.output)) out.close_end(0);
        if (fds[2].revents != 0 && !read_some(err.reading(), to.error)) err.close_end(0);
    }

    [[nodiscard]] bool over() const { return out.reading() < 0 && err.reading() < 0; }
};

int shell_status(int status) {
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

} // namespace

Finished run_command(const std::string& command, std::string_view input, Instant deadline,
                     const std::stop_token& stop) {
    Finished out;
    Talk talk;
    talk.input = input;
    if (!talk.in.made() || !talk.out.made() || !talk.err.made()) {
        return {Finished::How::not_started, 0, {}, std::strerror(errno)};
    }
    const pid_t pid = spawn(command, talk.in, talk.out, talk.err);
    if (pid < 0) return {Finished::How::not_started, 0, {}, std::strerror(-pid)};
    talk.in.close_end(0);
    talk.out.close_end(1);
    talk.err.close_end(1);
    for (const int fd : {talk.in.writing(), talk.out.reading(), talk.err.reading()}) {
        Pipe::never_block(fd);
    }
    transport::Wakeup stopped;
    const std::stop_callback on_stop(stop, [&] { stopped.ring(); });

    int status = 0;
    siginfo_t ended{};
    while (true) {
        const bool silent = talk.over(); // only its end is missing
        if (silent &&
            waitid(P_PID, static_cast<id_t>(pid), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
            ended.si_pid == pid) {
            break;
        }
        const auto left = std::chrono::ceil<std::chrono::milliseconds>(
            deadline - std::chrono::steady_clock::now());
        const auto wait_ms = std::clamp<std::int64_t>(left.count(), 0, silent ? kLookMs : 1000);
        talk.round(out, stopped.fd(), static_cast<int>(wait_ms));
        if (stop.stop_requested())
            out.how = Finished::How::cancelled;
        else if (left.count() <= 0)
            out.how = Finished::How::timed_out;
        else if (std::max(out.output.size(), out.error.size()) > kOutputMax) {
            out.how = Finished::How::too_much_output;
        }
        if (out.how != Finished::How::exited) break;
    }
    kill(-pid, SIGKILL); // its pid is still ours: it was not waited for yet
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    out.status = shell_status(status);
    return out;
}

} // namespace penstock::worker
