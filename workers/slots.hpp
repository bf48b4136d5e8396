#pragma once
// What the threads of a pool share: the jobs that wait, and how many slots are free. Pool's own.

#include "workers/pool.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace penstock::worker {

class Pool::Slots : public std::enable_shared_from_this<Pool::Slots> {
public:
    Slots(std::uint32_t slots, std::shared_ptr<Desk> desk, Instant now);

    void publish(std::vector<std::shared_ptr<Batch>>& batches);
    void beat(Instant now);
    void look_again();
    void release();                   // the slot of an asynchronous job
    std::vector<std::thread> close(); // no more jobs: the threads end once they are done

private:
    // Jobs that wait for the same threads.
    struct Line {
        std::deque<std::shared_ptr<Batch>> batches;
        std::condition_variable more;
        std::uint32_t threads_max = 0, threads = 0;
        std::uint32_t idle = 0;
        std::uint32_t brisk = 0; // threads at work on jobs so small that they'll be back at once
    };
    enum class Served { slot_is_free, slot_is_taken };

    void work(Line& line);
    bool wait_for_batch(Line& line, std::unique_lock<std::mutex>& lock,
                        std::shared_ptr<Batch>& batch);
    void serve(Batch& batch, Instant& announced);
    static void serve_together(Batch& batch); // slots_together.cpp
    Served start_async(const std::shared_ptr<Batch>& batch);
    bool find_thread(Line& line);
    void wake_one(Line& line);
    [[nodiscard]] static bool worth_a_thread(const Line& line);
    static std::shared_ptr<Batch> front(Line& line);
    [[nodiscard]] bool loop_is_late() const;

    const std::shared_ptr<Desk> desk_;
    std::atomic<Instant> beat_;
    std::mutex mutex_; // over everything below
    std::vector<std::thread> threads_;
    Line plain_, async_;
    std::uint32_t free_;
    bool closed_ = false;
};

} // namespace penstock::worker
