#pragma once
// Results that were sent and are not known to be recorded. They are sent again whenever the
// connection to the sink is a new one: what the old one had on its way is gone. Pure.
//
// What is settled is told by numbers of the newest epoch, once for each result: attempts of one job
// share a number, and each time it is the oldest row of it. That is nearly always the order in
// which they were sent: so the row behind the last one that was found is tried first, and a search
// is for the rest. A frame goes when all of its rows are settled.
//
// Not every frame is told of. A job of a ventilator that died may have another number by now, or
// none; one that was sent before the newest join was not named in it, so it may be somebody else's.
// Such frames pass: they go with the first settled row behind them, for the sink reads in order. A
// number is a row of theirs only if no other frame has it.

#include "protocol/message.hpp"

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace penstock::worker {

class Outbox {
public:
    using Frame = std::shared_ptr<const std::string>;

    static constexpr std::size_t kBytesMax = 64u << 20;

    explicit Outbox(std::size_t bytes_max = kBytesMax) : bytes_max_(bytes_max) {}

    // `rows` are the numbers of its jobs, of `epoch`. Beyond the bound the oldest frames go.
    void keep(Frame frame, Epoch epoch, std::span<const JobNumber> rows);
    void settle(const std::vector<Range>& rows); // of the newest lane's epoch

    void asks_to_join();
    void has_lane(Epoch epoch);

    [[nodiscard]] bool empty() const { return frames_.empty(); }

    [[nodiscard]] std::size_t size() const { return frames_.size(); }

    [[nodiscard]] std::vector<Frame> frames() const; // in the order in which they were kept

    [[nodiscard]] std::uint64_t given_up() const { return given_up_; } // for want of room

private:
    struct Kept {
        Frame frame;
        Epoch epoch = 0;
        bool passes = false;
        std::vector<JobNumber> rows; // 0: settled
        std::size_t open = 0;        // of them
        JobNumber least = 0, most = 0;
    };

    using Place = std::list<Kept>::iterator;

    bool settle_next(JobNumber number);
    [[nodiscard]] bool was_passed_over(JobNumber number) const;
    enum class Among : bool { named, passing };
    void search(JobNumber first, JobNumber end, Among among, std::set<JobNumber>& found);
    void found_in(Place place);
    void pass(Kept& kept);
    void drop(Place place);
    static std::size_t bytes_of(const Kept& kept);

    const std::size_t bytes_max_;
    std::list<Kept> frames_, spare_; // spare ones keep their room: nothing is allocated for a frame
    Place at_ = frames_.end();       // where the next settled row is expected
    std::size_t row_ = 0;            // of it
    Epoch epoch_ = 0;
    std::size_t passing_ = 0;
    std::size_t bytes_ = 0;
    std::uint64_t given_up_ = 0;
};

} // namespace penstock::worker
