#include "sink/keeper.hpp"

#include <chrono>
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

void Keeper::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        if (!changes_ && !leaves_) given_.wait_for(lock, kLookAtDisk);
        if (!changes_ && leaves_) return;
        bool written = false;
        if (changes_) {
            lock.unlock();
            try {
                written = store_->write(*changes_) == DurableStore::Written::all;
            } catch (const StoreError& error) {
                lock.lock();
                error_ = error.what();
                wakeup_.ring();
                return; // nobody may go on as if it were written
            }
            lock.lock();
        }
        if (written) {
            changes_.reset();
            done_ = true;
        }
        const bool room = store_->has_room() && (written || !changes_);
        if (written || room != room_) wakeup_.ring();
        room_ = room;
        if (changes_ && leaves_) return; // there is no space, and no time left
        if (changes_) given_.wait_for(lock, kTryAgain);
    }
}

} // namespace penstock::sink
