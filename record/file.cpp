#include "record/file.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <memory>
#include <random>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace penstock::record {
namespace {

constexpr int kLivesMax = 10'000;

class File {
public:
    explicit File(int fd) : fd_(fd) {}
    ~File() { close(fd_); }
    File(const File&) = delete;
    File& operator=(const File&) = delete;

    // One write a turn and no buffer of our own: what was written is the operating system's, and
    // survives this process.
    bool append(std::string_view bytes) const {
        while (!bytes.empty()) {
            const ssize_t taken = write(fd_, bytes.data(), bytes.size());
            if (taken < 0 && errno == EINTR) continue;
            if (taken <= 0) return false;
            bytes.remove_prefix(static_cast<std::size_t>(taken));
        }
        return true;
    }

private:
    int fd_;
};

std::uint64_t random_bits() {
    std::random_device device;
    return (std::uint64_t{device()} << 32) ^ device();
}

} // namespace

Recording record_to(const FileOptions& options) {
    Recording out;
    if (options.file.empty()) return out;
    std::string path = options.file;
    int fd = -1;
    for (int life = 1; life <= kLivesMax; ++life) {
        fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
        if (fd >= 0 || errno != EEXIST) break;
        path = options.file + "." + std::to_string(life);
    }
    if (fd < 0) throw std::runtime_error("can't record to " + path + ": " + std::strerror(errno));
    spdlog::info("recording file={}", path);
    out.append = [file = std::make_shared<const File>(fd)](std::string_view bytes) {
        return file->append(bytes);
    };
    out.bytes_max = options.bytes_max;
    out.payloads = options.payloads;
    out.key = random_bits();
    out.stopped = [path](const std::string& why) {
        spdlog::warn("recording_stopped file={} why=\"{}\"", path, why);
    };
    return out;
}

} // namespace penstock::record
