#pragma once
// The thread that writes the durable store, so that the sink's loop never waits for a disk. One
// batch is being written at a time; what changes meanwhile is the next one.

#include "sink/store.hpp"
#include "transport/wakeup.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

namespace penstock::sink {

class Keeper {
public:
    // The store is open, and everything was read from it.
    explicit Keeper(std::unique_ptr<DurableStore> store);
    ~Keeper(); // what was given is written first

    // REQUIRES: idle.
    void give(Changes changes);

    [[nodiscard]] bool idle() const { return !is_writing_; }

    // Readable when something was written, or when what holds for room has changed.
    [[nodiscard]] int fd() const { return wakeup_.fd(); }

    // Call it when fd is readable. True: all that was given is written. Throws StoreError if it can't
    // be: whoever waits for it must not be told that it is.
    [[nodiscard]] bool collect();

    // New work may come. False: only outcomes of what is open, until there is space again.
    [[nodiscard]] bool has_room() const { return has_room_; }

private:
    struct Round {
        DurableStore::Written written = DurableStore::Written::all;
        bool room = true;
        std::string error;
    };

    [[nodiscard]] Round try_once(const Changes* changes);
    void work();

    std::unique_ptr<DurableStore> store_;
    transport::Wakeup wakeup_;
    bool is_writing_ = false, has_room_ = true; // the loop's

    std::mutex mutex_; // of what follows
    std::condition_variable given_;
    std::optional<Changes> changes_;
    bool done_ = false, leaves_ = false, room_ = true;
    std::string error_;

    std::thread thread_; // last: it uses the others
};

} // namespace penstock::sink
