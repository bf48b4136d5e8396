#include "workers/slots.hpp"

#include "protocol/check.hpp"

#include <exception>

namespace penstock::worker {
namespace {

// Waking a thread costs the waker and the woken some 10-20 us together. Jobs that take less than
// this in all are left to a thread that is at work on jobs of that size already.
constexpr Duration kWorthAThread = std::chrono::microseconds(200);
constexpr std::int64_t kBriskNs = 20'000;
// So long may results of small jobs wait for each other before they are announced to the loop.
constexpr Duration kAnnounceAfter = std::chrono::microseconds(50);

Instant clock_now() {
    return std::chrono::steady_clock::now();
}

bool is_brisk(const Kind& kind) {
    return kind.mean_run_ns.load(std::memory_order_relaxed) < kBriskNs;
}

void learn(Kind& kind, std::int64_t mean_ns) {
    const auto known = kind.mean_run_ns.load(std::memory_order_relaxed);
    const auto next = known == Kind::kUnmeasured ? mean_ns : known + (mean_ns - known) / 4;
    kind.mean_run_ns.store(next, std::memory_order_relaxed);
}

Reply strange_throw() {
    return Reply::failure("handler-error", "the handler threw something that is no std::exception",
                          Retry::allowed);
}

// Third-party code starts here: whatever it throws becomes a failure of its attempt.
Reply call(const Kind& kind, Job& job) {
    try {
        return kind.handler(job);
    } catch (const std::exception& error) {
        return Reply::failure("handler-error", error.what(), Retry::allowed);
    } catch (...) {
        return strange_throw();
    }
}

} // namespace

// An asynchronous job that was started: its batch, its slot, and whether it was answered.
class Completion::Pending {
public:
    Pending(std::shared_ptr<Batch> batch, std::uint32_t row, std::shared_ptr<Pool::Slots> slots,
            Instant started)
        : batch_(std::move(batch)), row_(row), slots_(std::move(slots)), started_(started) {}

    ~Pending() {
        if (answered_) return;
        answer(Reply::failure("handler-error", "the handler dropped the job without an answer",
                              Retry::allowed));
    }

    void answer(Reply reply) {
        if (answered_.exchange(true)) return;
        const Duration run = clock_now() - started_;
        batch_->finish(row_, std::move(reply), run, started_);
        learn(batch_->kind(), run.count());
        slots_->release();
        batch_->desk().announce();
    }

private:
    std::shared_ptr<Batch> batch_;
    std::uint32_t row_;
    std::shared_ptr<Pool::Slots> slots_;
    Instant started_;
    std::atomic<bool> answered_{false};
};

void Completion::operator()(Reply reply) const {
    pending_->answer(std::move(reply));
}

Pool::Slots::Slots(std::uint32_t slots, std::shared_ptr<Desk> desk, Instant now)
    : desk_(std::move(desk)), beat_(now), free_(slots) {
    plain_.threads_max = slots;
    async_.threads_max = 1;
}

void Pool::Slots::publish(std::vector<std::shared_ptr<Batch>>& batches) {
    bool notify_plain = false, notify_async = false;
    {
        const std::lock_guard lock(mutex_);
        for (auto& batch : batches) {
            Line& line = batch->kind().async ? async_ : plain_;
            line.batches.push_back(std::move(batch));
        }
        notify_plain =
            front(plain_) && (plain_.brisk == 0 || worth_a_thread(plain_)) && find_thread(plain_);
        notify_async = front(async_) && find_thread(async_);
    }
    batches.clear();
    // Not under the lock, which is the first thing that the woken wants.
    if (notify_plain) plain_.more.notify_one();
    if (notify_async) async_.more.notify_one();
}

void Pool::Slots::beat(Instant now) {
    const bool was_late = loop_is_late();
    beat_.store(now, std::memory_order_relaxed);
    if (!was_late) return;
    const std::lock_guard lock(mutex_);
    plain_.more.notify_all();
    async_.more.notify_all();
}

void Pool::Slots::look_again() {
    const std::lock_guard lock(mutex_);
    if (front(plain_)) wake_one(plain_);
    if (front(async_)) wake_one(async_);
}

void Pool::Slots::release() {
    const std::lock_guard lock(mutex_);
    ++free_;
    if (front(async_)) wake_one(async_);
    if (front(plain_)) wake_one(plain_);
}

std::vector<std::thread> Pool::Slots::close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    plain_.more.notify_all();
    async_.more.notify_all();
    return std::move(threads_);
}

// True: there is an idle thread, so notify one. Else a new one was started, if there may be more.
bool Pool::Slots::find_thread(Line& line) {
    if (line.idle > 0) return true;
    if (line.threads < line.threads_max && !closed_) {
        ++line.threads;
        threads_.emplace_back([self = shared_from_this(), &line] { self->work(line); });
    }
    return false;
}

void Pool::Slots::wake_one(Line& line) {
    if (find_thread(line)) line.more.notify_one();
}

// The first batch with something left to start; those without leave the line.
std::shared_ptr<Batch> Pool::Slots::front(Line& line) {
    while (!line.batches.empty() && line.batches.front()->all_claimed()) line.batches.pop_front();
    return line.batches.empty() ? nullptr : line.batches.front();
}

bool Pool::Slots::worth_a_thread(const Line& line) {
    std::int64_t waiting_ns = 0;
    for (const auto& batch : line.batches) {
        waiting_ns +=
            batch->unclaimed() * batch->kind().mean_run_ns.load(std::memory_order_relaxed);
        if (waiting_ns > kWorthAThread.count()) return true;
    }
    return false;
}

bool Pool::Slots::loop_is_late() const {
    return clock_now() - beat_.load(std::memory_order_relaxed) > kLateLoop;
}

// With a batch and a slot: true. False: the pool is closed.
bool Pool::Slots::wait_for_batch(Line& line, std::unique_lock<std::mutex>& lock,
                                 std::shared_ptr<Batch>& batch) {
    for (bool announced = false; !closed_;) {
        batch = loop_is_late() ? nullptr : front(line);
        if (batch && free_ > 0) {
            --free_;
            return true;
        }
        if (!announced) { // it may be long until the next result
            announced = true;
            lock.unlock();
            batch.reset();
            desk_->announce();
            lock.lock();
            continue;
        }
        batch.reset(); // an idle thread holds no frame
        ++line.idle;
        line.more.wait(lock);
        --line.idle;
    }
    return false;
}

void Pool::Slots::work(Line& line) {
    std::shared_ptr<Batch> batch;
    Instant announced = clock_now(); // when this thread last told the loop of results
    std::unique_lock lock(mutex_);
    while (wait_for_batch(line, lock, batch)) {
        const bool brisk = is_brisk(batch->kind());
        if (brisk) ++line.brisk;
        // Whoever wakes passes it on, if there is more than the one job that it will take itself.
        const bool more = line.batches.size() > 1 || batch->unclaimed() > 1;
        if (more && free_ > 0 && worth_a_thread(line)) wake_one(line);
        lock.unlock();
        Served served = Served::slot_is_free;
        if (batch->kind().async) {
            served = start_async(batch);
        } else if (batch->kind().batch) {
            serve_together(*batch);
            desk_->announce();
        } else {
            serve(*batch, announced);
        }
        lock.lock();
        if (brisk) --line.brisk;
        if (served == Served::slot_is_free) ++free_;
        if (&line == &plain_ && free_ == 1 && front(async_)) wake_one(async_);
    }
}

void Pool::Slots::serve(Batch& batch, Instant& announced) {
    const Instant start = clock_now();
    Instant at = start;
    std::int64_t jobs = 0;
    while (const auto row = batch.claim()) {
        Job job(batch, *row, at);
        Reply reply = call(batch.kind(), job);
        const Instant end = clock_now();
        batch.finish(*row, std::move(reply), end - at, at);
        at = end;
        ++jobs;
        if (at - announced > kAnnounceAfter || desk_->loop_sleeps()) {
            desk_->announce();
            announced = at;
        }
        if (at - beat_.load(std::memory_order_relaxed) > kLateLoop) break;
    }
    if (jobs > 0) learn(batch.kind(), (at - start).count() / jobs);
}

Pool::Slots::Served Pool::Slots::start_async(const std::shared_ptr<Batch>& batch) {
    const auto row = batch->claim();
    if (!row) return Served::slot_is_free;
    const Instant started = clock_now();
    const Completion done(
        std::make_shared<Completion::Pending>(batch, *row, shared_from_this(), started));

    // The job keeps its batch, for as long as the handler keeps the job.
    struct Kept {
        Kept(std::shared_ptr<Batch> of, std::uint32_t row, Instant at)
            : batch(std::move(of)), job(*batch, row, at) {}

        std::shared_ptr<Batch> batch;
        Job job;
    };

    auto kept = std::make_shared<Kept>(batch, *row, started);
    try {
        batch->kind().async(std::shared_ptr<Job>(kept, &kept->job), done);
    } catch (const std::exception& error) {
        done(Reply::failure("handler-error", error.what(), Retry::allowed));
    } catch (...) {
        done(strange_throw());
    }
    return Served::slot_is_taken;
}

} // namespace penstock::worker
