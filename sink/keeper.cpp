#include "sink/keeper.hpp"

#include <chrono>
#include <spdlog/spdlog.h>
#include <utility>

namespace penstock::sink {
namespace {

constexpr std::chrono::milliseconds kTryAgain(100); // when there was no space
constexpr std::chrono::seconds kLookAtDisk(1);      // when nothing is written

} // namespace

Keeper::Keeper(std::unique_ptr<DurableStore> store)
    : store_(std::move(store)), has_room_(store_->has_room()), room_(has_room_),
      thread_([this] { work(); }) {}

Keeper::~Keeper() {
    {
        const std::lock_guard lock(mutex_);
        leaves_ = true;
    }
    given_.notify_one();
    thread_.join();
}

void Keeper::give(Changes changes) {
    is_writing_ = true;
    {
        const std::lock_guard lock(mutex_);
        changes_ = std::move(changes);
    }
    given_.notify_one();
}

bool Keeper::collect() {
    wakeup_.quiet();
    const std::lock_guard lock(mutex_);
    has_room_ = room_;
    if (!error_.empty()) throw StoreError(error_);
    if (!std::exchange(done_, false)) return false;
    is_writing_ = false;
    return true;
}

// Without the mutex: a disk may take its time. Null: there is nothing to write.
Keeper::Round Keeper::try_once(const Changes* changes) {
    Round round;
    try {
        if (changes != nullptr) round.written = store_->write(*changes);
        round.room = store_->has_room();
    } catch (const StoreError& error) {
        round.error = error.what();
    }
    if (round.written == DurableStore::Written::nothing_for_a_lock) {
        spdlog::warn("store_locked by another program: nothing is recorded until it lets go");
    }
    return round;
}

void Keeper::work() {
    using Written = DurableStore::Written;
    std::unique_lock lock(mutex_);
    for (;;) {
        if (!changes_ && !leaves_) given_.wait_for(lock, kLookAtDisk);
        if (!changes_ && leaves_) return;
        const Changes* changes = changes_ ? &*changes_ : nullptr; // stays until this says `done_`
        lock.unlock();
        const Round round = try_once(changes);
        lock.lock();
        if (!round.error.empty()) { // nobody may go on as if it were written
            error_ = round.error;
            wakeup_.ring();
            return;
        }
        const bool written = changes != nullptr && round.written == Written::all;
        if (written) {
            changes_.reset();
            done_ = true;
        }
        const bool room = round.room && round.written != Written::nothing_for_lack_of_space;
        if (written || room != room_) wakeup_.ring();
        room_ = room;
        if (changes == nullptr || written) continue;
        if (leaves_) return; // it can't be written, and there is no time left
        given_.wait_for(lock, kTryAgain);
    }
}

} // namespace penstock::sink
