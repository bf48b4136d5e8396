#pragma once
// A disk whose writes succeed or not as a test says, for whatever SQLite opens by default: its own way
// to files, with a write of ours in front.

#include <atomic>
#include <map>
#include <mutex>
#include <sqlite3.h>

namespace penstock::testing {

class UnrulyDisk {
public:
    enum class Mood : std::uint8_t { good, full, broken };

    UnrulyDisk() {
        files_as_they_are = sqlite3_vfs_find(nullptr);
        files_ = *files_as_they_are;
        files_.zName = "unruly";
        files_.xOpen = open;
        sqlite3_vfs_register(&files_, 1);
        mood = Mood::good;
        refused = 0;
    }
    ~UnrulyDisk() {
        sqlite3_vfs_unregister(&files_);
        sqlite3_vfs_register(files_as_they_are, 1);
    }
    UnrulyDisk(const UnrulyDisk&) = delete;
    UnrulyDisk& operator=(const UnrulyDisk&) = delete;

    static inline std::atomic<Mood> mood;
    static inline std::atomic<int> refused; // writes

private:
    static int open(sqlite3_vfs*, sqlite3_filename name, sqlite3_file* file, int flags, int* out) {
        const int result = files_as_they_are->xOpen(files_as_they_are, name, file, flags, out);
        if (result != SQLITE_OK || file->pMethods == nullptr) return result;
        const std::lock_guard lock(mutex_);
        write_as_it_is = file->pMethods->xWrite; // the same for all kinds of files
        sqlite3_io_methods& methods = methods_[file->pMethods];
        methods = *file->pMethods;
        methods.xWrite = write;
        file->pMethods = &methods;
        return result;
    }

    static int write(sqlite3_file* file, const void* bytes, int size, sqlite3_int64 at) {
        if (mood == Mood::good) return write_as_it_is(file, bytes, size, at);
        ++refused;
        return mood == Mood::full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    }

    static inline sqlite3_vfs* files_as_they_are = nullptr;
    static inline int (*write_as_it_is)(sqlite3_file*, const void*, int, sqlite3_int64) = nullptr;
    static inline std::mutex mutex_;
    static inline std::map<const sqlite3_io_methods*, sqlite3_io_methods> methods_;
    sqlite3_vfs files_;
};

} // namespace penstock::testing
