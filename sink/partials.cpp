#include "sink/partials.hpp"

#include <algorithm>

namespace penstock::sink {
namespace {

constexpr std::size_t kPieceCost = 64; // of an empty one: a million of them is bounded too
constexpr Bytes kNil("\xc0", 1);
constexpr std::size_t kAnswerPieces = 1'000;
constexpr std::size_t kAnswerBytes = 256u << 10;

} // namespace

bool Partials::add(Index job, const Partial& piece) {
    Pieces& of = jobs_[job];
    const std::size_t cost = piece.value.size() + kPieceCost;
    // Once one was left out, what follows is too: what is kept is the beginning.
    if (of.dropped > 0 || of.bytes + cost > kPartialBytesMax) {
        ++of.dropped;
        return false;
    }
    of.bytes += cost;
    ++of.valid;
    of.kept.push_back({piece.attempt, false, Blob(piece.value, piece.held)});
    return true;
}

void Partials::lose(Index job, std::uint32_t attempt) {
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) return;
    Pieces& of = found->second;
    bool any = false;
    for (Piece& piece : of.kept) {
        if (piece.attempt != attempt || piece.lost) continue;
        any = piece.lost = true;
        --of.valid;
        of.bytes -= piece.value.size();
        piece.value = Blob();
    }
    if (any) { // for those who have read them
        of.kept.push_back({attempt, true, Blob()});
        of.bytes += kPieceCost;
    }
    of.dropped = 0; // the next attempt has room
}

void Partials::drop(Index job) {
    jobs_.erase(job);
}

std::uint32_t Partials::kept(Index job) const {
    const auto found = jobs_.find(job);
    return found == jobs_.end() ? 0 : found->second.valid;
}

std::uint64_t Partials::bytes(Index job) const {
    const auto found = jobs_.find(job);
    return found == jobs_.end() ? 0 : found->second.bytes;
}

PartialsAnswer Partials::answer(Index job, std::uint32_t from, bool finished) const {
    PartialsAnswer out;
    out.found = Found::found;
    out.next = from;
    const auto found = jobs_.find(job);
    if (found == jobs_.end()) {
        out.finished = finished;
        return out;
    }
    const Pieces& of = found->second;
    std::size_t bytes = 0;
    for (std::size_t i = from; i < of.kept.size(); ++i) {
        const Piece& piece = of.kept[i];
        const bool full = out.rows.size() >= kAnswerPieces || bytes >= kAnswerBytes;
        if (full && !out.rows.empty()) return out;
        bytes += piece.value.size();
        out.rows.push_back({piece.attempt, piece.lost,
                            piece.lost ? std::string(kNil) : std::string(piece.value.view())});
        ++out.next;
    }
    out.finished = finished;
    if (finished) out.next += of.dropped; // so many came, though they are not there
    return out;
}

void Partials::wait(Waiting mine, Instant until) {
    const Index index = waiting_.allocate();
    waiting_for_[mine.job].push_back(index);
    waiting_[index] = std::move(mine);
    timers_.arm(index, until);
}

std::vector<Partials::Waiting> Partials::release(Index job) {
    std::vector<Waiting> out;
    const auto found = waiting_for_.find(job);
    if (found == waiting_for_.end()) return out;
    for (const Index index : found->second) {
        timers_.disarm(index);
        out.push_back(std::move(waiting_[index]));
        waiting_.release(index);
    }
    waiting_for_.erase(found);
    return out;
}

std::vector<Partials::Waiting> Partials::expire(Instant now) {
    std::vector<Waiting> out;
    timers_.expire(now, [&](Index index) {
        const auto of_job = waiting_for_.find(waiting_[index].job);
        std::erase(of_job->second, index);
        if (of_job->second.empty()) waiting_for_.erase(of_job);
        out.push_back(std::move(waiting_[index]));
        waiting_.release(index);
    });
    return out;
}

} // namespace penstock::sink
