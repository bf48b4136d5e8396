#include "tests/fuzz/dispatcher_model.hpp"

#include "protocol/codec.hpp"
#include "tests/fuzz/choices.hpp"

#include <algorithm>

namespace penstock::fuzz {

using ventilator::LaneId;

// ---- what was done to it --------------------------------------------------------------------

void DispatcherModel::submitted(std::size_t rows, const ventilator::Outbox& out) {
    for (const ToSink& message : out.to_sink) {
        const auto* refused = std::get_if<Refused>(&message);
        if (refused != nullptr) rows -= refused->ids.size();
    }
    for (; rows > 0; --rows) open_.insert(++given_);
}

void DispatcherModel::offered(const Take& take) {
    for (const auto& row : take.rows) {
        open_.insert(++given_);
        attempts_[given_] = row.attempt;
        deaths_[given_] = row.deaths;
    }
}

void DispatcherModel::forget(JobNumber number) {
    if (!known_.contains(number)) return; // the sink can't mean it
    open_.erase(number);
    for (auto* list : {&known_, &stored_, &lost_, &decided_, &ended_}) list->erase(number);
    returned_.erase(number);
}

// Whoever held this attempt has answered for it.
void DispatcherModel::answered(JobNumber number, std::uint32_t attempt) {
    for (auto& [id, lane] : lanes_) lane.held.erase({number, attempt});
}

void DispatcherModel::settled(JobNumber number, std::uint32_t attempt) {
    answered(number, attempt);
    forget(number);
}

void DispatcherModel::told(const FromSink& message) {
    if (const auto* stored = std::get_if<Stored>(&message)) {
        for (const Range& row : stored->rows) {
            for (std::uint32_t i = 0; i < row.count; ++i) {
                if (known_.contains(row.first + i)) stored_.insert(row.first + i);
            }
        }
        for (const auto* list : {&stored->duplicates, &stored->conflicts}) {
            for (const JobNumber number : *list) {
                if (!stored_.contains(number)) forget(number); // or it has said so already
            }
        }
    } else if (const auto* settlement = std::get_if<Settled>(&message)) {
        for (const SettledRow& row : settlement->rows) {
            for (std::uint32_t i = 0; i < row.count; ++i) settled(row.first + i, row.attempt);
        }
        for (const FailedRow& row : settlement->failed) answered(row.number, row.attempt);
    } else if (const auto* read = std::get_if<Returned>(&message)) {
        for (const SettledRow& row : read->rows) {
            for (std::uint32_t i = 0; i < row.count; ++i) {
                const JobNumber number = row.first + i;
                answered(number, row.attempt);
                const auto last = attempts_.find(number);
                const bool is_last = last != attempts_.end() && last->second == row.attempt;
                if (known_.contains(number) && is_last) returned_[number] = row.attempt;
            }
        }
    } else if (const auto* open = std::get_if<Open>(&message)) {
        for (const auto& row : open->rows) lost_.erase(row.number);
    } else if (const auto* take = std::get_if<Take>(&message)) {
        offered(*take);
    }
}

void DispatcherModel::joined(const Join& join, const ventilator::Joined& joined) {
    Lane lane{
        joined.worker, joined.window, false, false, {join.kinds.begin(), join.kinds.end()}, {}};
    for (const auto& [id, old] : lanes_) {
        if (old.worker != joined.worker || join.epoch != epoch_) continue;
        for (const auto& attempt : old.held) {
            if (std::count(join.running.begin(), join.running.end(), attempt.first) > 0) {
                lane.held.insert(attempt);
            }
        }
    }
    lane.has_claims = !join.running.empty();
    lanes_[joined.lane] = std::move(lane);
}

void DispatcherModel::lane_up(LaneId lane) {
    if (const auto found = lanes_.find(lane); found != lanes_.end()) found->second.is_up = true;
}

void DispatcherModel::handed_back(const Bye& bye) {
    for (auto& [id, lane] : lanes_) {
        if (lane.worker != bye.worker) continue;
        std::erase_if(lane.held, [&](const auto& attempt) {
            return std::count(bye.waiting.begin(), bye.waiting.end(), attempt.first) > 0;
        });
    }
}

void DispatcherModel::sink_up(std::uint64_t life, Epoch epoch) {
    sink_is_up_ = true;
    if (life == life_ && epoch == epoch_) return;
    life_ = life;
    epoch_ = epoch;
    for (auto* list : {&known_, &stored_, &lost_, &decided_, &ended_}) list->clear();
    returned_.clear();
    awaits_holds_ = false;
}

void DispatcherModel::sink_back(std::uint64_t life, const std::vector<JobNumber>& ended) {
    sink_is_up_ = true;
    life_ = life;
    known_ = stored_; // the rest was never committed
    for (auto* list : {&lost_, &decided_, &asked_}) list->clear();
    awaits_holds_ = true;
    returned_.clear();
    for (const JobNumber number : ended) {
        if (stored_.contains(number)) ended_.insert(number);
    }
}

void DispatcherModel::check_asked() {
    require(!awaits_holds_, "a sink that comes back is asked about what it has");
}

// ---- what it said ---------------------------------------------------------------------------

void DispatcherModel::hear(ventilator::Outbox& out) {
    for (const ToSink& message : out.to_sink) hear(message);
    for (const auto& to : out.to_lanes) {
        const bool closed = std::count(out.close_lanes.begin(), out.close_lanes.end(), to.lane) > 0;
        require(!closed || !std::holds_alternative<JobBatch>(to.message),
                "a lane that ends gets no jobs");
        hear(to);
    }
    for (const LaneId lane : out.close_lanes) {
        require(lanes_.erase(lane) == 1, "a lane ends once");
    }
    out = {};
    require(machine_.open_jobs() == open_.size(), "every job is there until it is settled");
    require(!sink_is_up_ || known_ == open_, "the sink hears of every job");
}

void DispatcherModel::hear_known(JobNumber number, const JobId& id) {
    require(open_.contains(number), "only open jobs are stored");
    require(known_.insert(number).second, "a job is stored once a life of the sink");
    const auto [at, is_new] = ids_.try_emplace(number, id);
    require(is_new || at->second == id, "a number means one job");
}

void DispatcherModel::hear(const ToSink& message) {
    if (kChecksWire) {
        Reader reader;
        const std::string frame = encode(LinkHead{epoch_, 1, 0}, message);
        require(decode_sink_door(reader, frame).error.empty(),
                "the sink understands what the ventilator says");
    }
    if (const auto* store = std::get_if<Store>(&message)) {
        JobNumber number = store->first;
        for (const auto& row : store->rows) hear_known(number++, row.id);
    } else if (const auto* taken = std::get_if<Taken>(&message)) {
        JobNumber number = taken->first;
        for (const JobId& id : taken->ids) hear_known(number++, id);
    } else if (const auto* lost = std::get_if<Lost>(&message)) {
        for (const auto& row : lost->rows) {
            if (!open_.contains(row.number)) continue; // it was settled in the same burst
            require(stored_.contains(row.number), "only what was dispatched is lost");
            lost_.insert(row.number);
            // A sink that came back hears of it twice, and counts it once.
            if (row.suspect && std::exchange(died_[row.number], row.attempt) != row.attempt)
                ++deaths_[row.number];
        }
    } else if (const auto* holds = std::get_if<Holds>(&message)) {
        for (const Range& row : holds->rows) {
            for (std::uint32_t i = 0; i < row.count; ++i) asked_.insert(row.first + i);
        }
        if (holds->more) return;
        require(std::exchange(awaits_holds_, false), "a sink is asked once a life");
        require(asked_ == open_, "it is asked about every open job, and about no other");
    } else if (const auto* final = std::get_if<Final>(&message)) {
        if (open_.contains(final->number)) decided_.insert(final->number);
    }
}

void DispatcherModel::hear(const ventilator::ToLane& to) {
    const auto found = lanes_.find(to.lane);
    require(found != lanes_.end(), "only lanes that are there are spoken to");
    if (kChecksWire) {
        Reader reader;
        const std::string frame =
            std::visit([](const auto& message) { return encode(message); }, to.message);
        require(decode_lane(reader, frame).error.empty(), "a worker understands its lane");
    }
    if (const auto* batch = std::get_if<JobBatch>(&to.message)) hear_batch(found->second, *batch);
}

void DispatcherModel::hear_batch(Lane& lane, const JobBatch& batch) {
    require(sink_is_up_ && !is_draining_,
            "jobs are sent while there is a sink, and not at the end");
    require(lane.is_up && lane.kinds.contains(batch.kind), "a worker gets what it asked for");
    require(batch.epoch == epoch_ && !batch.rows.empty(), "a batch is of this epoch");
    for (const JobRow& row : batch.rows) {
        require(stored_.contains(row.number), "nothing is dispatched before it is stored");
        require(!lost_.contains(row.number), "nothing is dispatched while it may be running");
        require(!decided_.contains(row.number), "nothing is dispatched behind its outcome");
        require(ids_.at(row.number) == row.id, "a number means one job, to workers too");
        std::uint32_t& last = attempts_[row.number];
        require(row.attempt == last + 1, "attempts are counted");
        last = row.attempt;
        returned_.erase(row.number);
        lane.held.insert({row.number, row.attempt});
    }
    require(lane.held.size() <= lane.window, "no worker holds more than its window");
}

void DispatcherModel::check(Instant now) {
    for (const auto& view : machine_.workers(now).workers) {
        for (const auto& [id, lane] : lanes_) {
            if (lane.worker != view.worker || lane.has_claims) continue;
            require(view.outstanding >= lane.held.size(), "credit is used as long as a job is out");
            require(view.outstanding <= lane.window, "credit is never above the window");
        }
    }
    const DispatchStats stats = machine_.stats(now);
    require(stats.open_jobs == open_.size(), "open jobs are counted");
    std::uint64_t standing = 0;
    for (const auto& kind : stats.kinds) standing += kind.queued + kind.delayed + kind.running;
    require(standing <= open_.size(), "a job stands in one place");
    require(!open_.empty() || stats.open_bytes == 0, "bytes are given back");
}

// ---- what an honest sink would say next -------------------------------------------------------

std::vector<FromSink> DispatcherModel::answers() {
    Stored stored;
    Settled settlement;
    Open open;
    for (const JobNumber number : known_) {
        if (!stored_.contains(number)) stored.rows.push_back({number, 1});
    }
    for (const JobNumber number : lost_) {
        if (!ended_.contains(number)) open.rows.push_back({number, deaths_[number]});
    }
    for (const JobNumber number : decided_) settlement.rows.push_back({number, 1, 0, 0});
    for (const JobNumber number : ended_) settlement.rows.push_back({number, 1, 0, 0});
    for (const auto& [number, attempt] : returned_) {
        if (decided_.contains(number)) continue;
        settlement.rows.push_back({number, 1, attempt, 100});
    }
    for (const auto& [id, lane] : lanes_) {
        for (const auto& [number, attempt] : lane.held) {
            settlement.rows.push_back({number, 1, attempt, 100});
        }
    }
    std::vector<FromSink> out;
    if (!stored.rows.empty()) out.emplace_back(std::move(stored));
    if (!settlement.rows.empty()) out.emplace_back(std::move(settlement));
    if (!open.rows.empty()) out.emplace_back(std::move(open));
    return out;
}

} // namespace penstock::fuzz
