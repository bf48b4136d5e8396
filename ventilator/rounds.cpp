#include "ventilator/rounds.hpp"

#include <algorithm>
#include <numeric>

namespace penstock::ventilator {

void Rounds::push(Places& places, Index job, std::uint32_t member, std::uint32_t turn) {
    const std::uint32_t number = member == 0 ? open_round() : round_of(member, turn);
    Round& r = reach(number - base_);
    places[job] = {r.last, kNoIndex, number, r.next_order++};
    if (r.last == kNoIndex)
        r.first = job;
    else
        places[r.last].next = job;
    r.last = job;
    ++r.count;
    ++counts_[gone_ + (number - base_) / kBlock];
    ++count_;
}

void Rounds::push_first(Places& places, Index job) {
    Round& r = reach(at_);
    const std::uint32_t order = r.first == kNoIndex ? r.next_order++ : places[r.first].order - 1;
    places[job] = {kNoIndex, r.first, base_ + at_, order};
    if (r.first == kNoIndex)
        r.last = job;
    else
        places[r.first].previous = job;
    r.first = job;
    ++r.count;
    ++counts_[gone_];
    ++count_;
}

void Rounds::remove(Places& places, Index job) {
    const Place place = places[job];
    const std::uint32_t at = place.round - base_;
    Round& r = round(at);
    PENSTOCK_CHECK(r.count > 0);
    if (place.previous == kNoIndex)
        r.first = place.next;
    else
        places[place.previous].next = place.next;
    if (place.next == kNoIndex)
        r.last = place.previous;
    else
        places[place.next].previous = place.previous;
    --r.count;
    --counts_[gone_ + at / kBlock];
    --count_;
    if (at == at_ && r.count == 0) advance();
}

Index Rounds::take(Places& places) {
    const Index job = first();
    begun_ = true;
    remove(places, job);
    return job;
}

std::uint64_t Rounds::before(const Places& places, Index job) const {
    const Place& place = places.at(job);
    const std::uint32_t at = place.round - base_;
    const auto from = counts_.begin() + static_cast<std::ptrdiff_t>(gone_);
    std::uint64_t jobs = std::accumulate(from, from + at / kBlock, std::uint64_t{0});
    for (std::uint32_t i = at / kBlock * kBlock; i < at; ++i) jobs += round(i).count;
    return jobs + (place.order - places.at(round(at).first).order);
}

// The round in which a job of a request has its turn.
std::uint32_t Rounds::round_of(std::uint32_t member, std::uint32_t turn) {
    auto tail = tails_.begin();
    if (member > 1) {
        tail = std::find_if(tails_.begin(), tails_.end(),
                            [member](const Tail& t) { return t.member == member; });
    }
    if (member == 1 || tail == tails_.end()) { // it begins here, or its beginning is forgotten
        tail = tails_.end() - 1;
        *tail = {member, open_round(), 0};
    }
    std::rotate(tails_.begin(), tail, tail + 1);
    Tail& t = tails_.front();
    if (t.used >= turn) {
        ++t.round;
        t.used = 0;
    }
    if (static_cast<std::int32_t>(open_round() - t.round) > 0) {
        t.round = open_round();
        t.used = 0;
    }
    ++t.used;
    ++t.member;
    return t.round;
}

Rounds::Round& Rounds::reach(std::uint32_t at) {
    const std::size_t block = gone_ + at / kBlock;
    if (block >= blocks_.size()) {
        blocks_.resize(block + 1);
        counts_.resize(block + 1);
    }
    if (!blocks_[block]) blocks_[block] = spare_ ? std::move(spare_) : std::make_unique<Block>();
    return round(at);
}

// To the next round that holds somebody.
void Rounds::advance() {
    if (count_ == 0) { // begin anew: nobody remembers where it was
        if (gone_ > 0) std::swap(blocks_[0], blocks_[gone_]);
        blocks_.resize(1);
        counts_.resize(1);
        gone_ = base_ = at_ = 0;
        begun_ = false;
        tails_.fill(Tail());
        return;
    }
    while (counts_[gone_] == 0) {
        if (blocks_[gone_]) spare_ = std::move(blocks_[gone_]);
        ++gone_;
        base_ += kBlock;
        at_ = 0;
        begun_ = false;
    }
    while (round(at_).count == 0) {
        ++at_;
        begun_ = false;
    }
    if (gone_ < kBlock || gone_ * 2 < blocks_.size()) return;
    blocks_.erase(blocks_.begin(), blocks_.begin() + static_cast<std::ptrdiff_t>(gone_));
    counts_.erase(counts_.begin(), counts_.begin() + static_cast<std::ptrdiff_t>(gone_));
    gone_ = 0;
}

} // namespace penstock::ventilator
