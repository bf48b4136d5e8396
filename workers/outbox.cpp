#include "workers/outbox.hpp"

#include <algorithm>
#include <utility>

namespace penstock::worker {
namespace {

constexpr std::size_t kFrameCost = 256; // besides its bytes
constexpr std::size_t kSpareMax = 64;

} // namespace

std::size_t Outbox::bytes_of(const Kept& kept) {
    return kFrameCost + kept.frame->size() + kept.rows.size() * sizeof(JobNumber);
}

void Outbox::keep(Frame frame, Epoch epoch, std::span<const JobNumber> rows) {
    const auto open =
        rows.size() - static_cast<std::size_t>(std::count(rows.begin(), rows.end(), 0));
    if (open == 0) return;
    const bool at_end = at_ == frames_.end();
    if (spare_.empty()) spare_.emplace_back();
    frames_.splice(frames_.end(), spare_, spare_.begin());
    Kept& kept = frames_.back();
    kept.frame = std::move(frame);
    kept.epoch = epoch;
    kept.passes = false;
    kept.rows.assign(rows.begin(), rows.end());
    kept.open = open;
    const auto [least, most] = std::minmax_element(rows.begin(), rows.end());
    kept.least = *least;
    kept.most = *most;
    bytes_ += bytes_of(kept);
    if (at_end) {
        at_ = std::prev(frames_.end());
        row_ = 0;
    }
    if (epoch != epoch_) pass(kept);
    for (; bytes_ > bytes_max_; ++given_up_) drop(frames_.begin());
}

std::vector<Outbox::Frame> Outbox::frames() const {
    std::vector<Frame> out;
    out.reserve(frames_.size());
    for (const Kept& kept : frames_) out.push_back(kept.frame);
    return out;
}

void Outbox::asks_to_join() {
    for (Kept& kept : frames_) pass(kept);
}

void Outbox::has_lane(Epoch epoch) {
    epoch_ = epoch;
    for (Kept& kept : frames_) {
        if (kept.epoch != epoch) pass(kept);
    }
}

void Outbox::settle(const std::vector<Range>& rows) {
    for (const Range& range : rows) {
        JobNumber next = range.first;
        const JobNumber end = next + std::min<JobNumber>(range.count, ~next);
        while (next < end && settle_next(next)) ++next;
        if (next == end) continue;
        std::set<JobNumber> found;
        search(next, end, Among::named, found);
        if (passing_ > 0) search(next, end, Among::passing, found);
    }
}

// True: it was the next one, and no older one has the same number.
bool Outbox::settle_next(JobNumber number) {
    for (; at_ != frames_.end(); ++at_, row_ = 0) {
        while (row_ < at_->rows.size() && at_->rows[row_] == 0) ++row_;
        if (row_ == at_->rows.size()) continue;
        if (at_->rows[row_] != number || at_->epoch != epoch_ || at_->passes) return false;
        if (was_passed_over(number)) return false;
        at_->rows[row_++] = 0;
        --at_->open;
        found_in(at_);
        return true;
    }
    return false;
}

// In a frame before the one where the next is expected: usually there is none.
bool Outbox::was_passed_over(JobNumber number) const {
    return std::any_of(
        frames_.begin(), std::list<Kept>::const_iterator(at_), [&](const Kept& kept) {
            return !kept.passes && kept.epoch == epoch_ && kept.least <= number &&
                   number <= kept.most &&
                   std::find(kept.rows.begin(), kept.rows.end(), number) != kept.rows.end();
        });
}

// Settles the oldest row of each number that is not `found` yet.
void Outbox::search(JobNumber first, JobNumber end, Among among, std::set<JobNumber>& found) {
    for (auto next = frames_.begin(); next != frames_.end();) {
        const Place place = next++;
        if (place->epoch != epoch_ || place->most < first || place->least >= end) continue;
        if (place->passes != (among == Among::passing)) continue;
        const std::size_t open = place->open;
        for (std::size_t i = 0; i < place->rows.size(); ++i) {
            JobNumber& row = place->rows[i];
            if (row == 0 || row < first || row >= end || !found.insert(row).second) continue;
            row = 0;
            --place->open;
            at_ = place;
            row_ = i + 1;
        }
        if (place->open < open) found_in(place);
    }
}

// Some rows of this one were settled.
void Outbox::found_in(Place place) {
    if (passing_ > 0 && !place->passes) {
        for (auto next = frames_.begin(); next != place;) {
            const Place before = next++;
            if (before->passes) drop(before);
        }
    }
    if (place->open == 0) drop(place);
}

void Outbox::pass(Kept& kept) {
    passing_ += !kept.passes;
    kept.passes = true;
}

void Outbox::drop(Place place) {
    if (at_ == place) {
        ++at_;
        row_ = 0;
    }
    bytes_ -= bytes_of(*place);
    passing_ -= place->passes;
    place->frame.reset();
    if (spare_.size() < kSpareMax)
        spare_.splice(spare_.end(), frames_, place);
    else
        frames_.erase(place);
}

} // namespace penstock::worker
