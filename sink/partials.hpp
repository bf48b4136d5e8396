#pragma once
// Pieces of results that came ahead of them, and who waits for more. Pieces are kept in the order
// in which they came, up to a bound for each job; beyond it they are only counted. Pure.

#include "protocol/questions.hpp"
#include "sink/waits.hpp"
#include "tables/blob.hpp"
#include "tables/timer_wheel.hpp"

#include <cstdint>
#include <unordered_map>
#include <vector>

namespace penstock::sink {

constexpr std::size_t kPartialBytesMax = 1u << 20; // of one job

class Partials {
public:
    explicit Partials(Instant now) : timers_(now) {}

    // A piece of this job. True: it was kept.
    bool add(Index job, const Partial& piece);
    // The pieces of this attempt are void: it was lost, or it failed. Their values go; their rows,
    // and one more behind all others, say that they are lost.
    void lose(Index job, std::uint32_t attempt);
    void drop(Index job); // nobody waits for it any more. REQUIRES: those were answered

    [[nodiscard]] std::size_t jobs() const { return jobs_.size(); } // of which there was a piece

    [[nodiscard]] std::uint32_t kept(Index job) const; // and not lost
    [[nodiscard]] std::uint64_t bytes(Index job) const;

    // Pieces from `from` on, as many as go well into one answer; the rest is asked for next.
    // `finished`: no more will come.
    [[nodiscard]] PartialsAnswer answer(Index job, std::uint32_t from, bool finished) const;

    // ---- who waits for more ----
    struct Waiting {
        AskPartials question;
        Asker asker = 0;
        Request request;
        Index job = kNoIndex;
    };

    [[nodiscard]] std::size_t waiting() const { return waiting_.used(); }

    void wait(Waiting mine, Instant until);
    // Removes those who wait for this job.
    [[nodiscard]] std::vector<Waiting> release(Index job);
    [[nodiscard]] std::vector<Waiting> expire(Instant now);

    [[nodiscard]] Instant wake_at() const { return timers_.wake_at(); }

private:
    struct Piece {
        std::uint32_t attempt = 0;
        bool lost = false;
        Blob value;
    };

    struct Pieces {
        std::vector<Piece> kept;
        std::uint64_t bytes = 0;
        std::uint32_t valid = 0; // of them; the others are lost
        std::uint32_t dropped = 0;
    };

    std::unordered_map<Index, Pieces> jobs_; // those that have any
    std::unordered_map<Index, std::vector<Index>> waiting_for_;
    Slab<Waiting> waiting_;
    TimerWheel timers_;
};

} // namespace penstock::sink
