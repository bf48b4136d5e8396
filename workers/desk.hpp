#pragma once
// Where slots leave word for the loop: "results are there", progress, and pieces of results.
//
// Waking a sleeping thread costs more than a small job does. So results of small jobs are announced
// together, and the loop *naps* (a millisecond at most, looking for itself at its end) while
// anything is going on; it *sleeps* only when it has just looked and found nothing. Whoever leaves
// a result while the loop sleeps must announce it; while it naps or works, may wait a little.

#include "protocol/message.hpp"
#include "transport/wakeup.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace penstock::worker {

struct Piece { // of a result
    JobId id;
    std::uint32_t attempt = 0;
    std::string frame; // encoded
};

class Desk {
public:
    // ---- any thread ----
    void announce() {
        announced_.store(true);
        ring_if_resting();
    }

    [[nodiscard]] bool loop_sleeps() const { return rest_.load() == Rest::sleep; }

    void post(Progress progress);
    void post_partial(Piece piece); // they are taken in this order

    // ---- the loop ----
    enum class Rest : int { awake, nap, sleep };

    // After this, look again at whatever must not be missed; then poll on fd().
    void rest(Rest how) { rest_.store(how); }

    void wake() { rest_.store(Rest::awake); }

    void quiet() { bell_.quiet(); } // when fd() was readable

    [[nodiscard]] bool announced() const { return announced_.load(); }

    bool take_announced() { return announced_.exchange(false); }

    [[nodiscard]] bool has_progress() const { return has_progress_.load(); }

    std::vector<Progress> take_progress();

    // Whoever sees a job's outcome sees its partials here.
    [[nodiscard]] bool has_partials() const { return has_partials_.load(); }

    std::vector<Piece> take_partials();

    [[nodiscard]] int fd() const { return bell_.fd(); }

private:
    void ring_if_resting() {
        if (rest_.load() != Rest::awake && rest_.exchange(Rest::awake) != Rest::awake) bell_.ring();
    }

    alignas(64) std::atomic<bool> announced_{false};
    std::atomic<bool> has_progress_{false};
    std::atomic<bool> has_partials_{false};
    alignas(64) std::atomic<Rest> rest_{Rest::awake};
    transport::Wakeup bell_;
    std::mutex mutex_;
    std::unordered_map<std::string, Progress> latest_; // of each job, by its id on the wire
    std::vector<Piece> partials_;
};

} // namespace penstock::worker
