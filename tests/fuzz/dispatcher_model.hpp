#pragma once
// What must hold of a dispatcher, whatever it is told: nothing is dispatched before it is stored,
// no attempt twice, no lane beyond its credit, and no job is lost. The model hears everything that
// the dispatcher says, and remembers it as the sink and the workers would.

#include "ventilator/dispatcher.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace penstock::fuzz {

class DispatcherModel {
public:
    struct Lane {
        std::string worker;
        std::uint32_t window = 0;
        bool is_up = false;
        bool has_claims = false; // its worker joined with jobs that it said it ran
        std::set<std::string> kinds;
        std::set<std::pair<JobNumber, std::uint32_t>> held; // attempts that have no answer
    };

    explicit DispatcherModel(ventilator::Dispatcher& machine) : machine_(machine) {}

    // ---- what was done to it, each before the call that does it unless it says otherwise ----
    void submitted(std::size_t rows, const ventilator::Outbox& out); // behind it, by itself
    void offered(const Take& take);
    void told(const FromSink& message);
    void joined(const Join& join, const ventilator::Joined& joined); // behind it
    void lane_up(ventilator::LaneId lane);
    void handed_back(const Bye& bye);
    void sink_up(std::uint64_t life, Epoch epoch);
    // With what it has stored, and these outcomes that it did not come to tell.
    void sink_back(std::uint64_t life, const std::vector<JobNumber>& ended);

    void sink_down() { sink_is_up_ = false; }

    void drain() { is_draining_ = true; }

    // ---- what it said: behind a pump; empties it ----
    void hear(ventilator::Outbox& out);
    // Against what it says of itself.
    void check(Instant now);
    // Behind sink_back, when there is nothing left to do: it was asked about every open job.
    void check_asked();

    // ---- what an honest sink would say next ----
    [[nodiscard]] std::vector<FromSink> answers();

    [[nodiscard]] const std::map<ventilator::LaneId, Lane>& lanes() const { return lanes_; }

    [[nodiscard]] const std::set<JobNumber>& known() const { return known_; } // to the sink

    [[nodiscard]] const std::set<JobNumber>& lost() const { return lost_; }
    [[nodiscard]] JobNumber given() const { return given_; }

    [[nodiscard]] std::size_t open() const { return open_.size(); }

    [[nodiscard]] bool sink_is_up() const { return sink_is_up_; }

    [[nodiscard]] bool is_draining() const { return is_draining_; }

    [[nodiscard]] std::uint64_t life() const { return life_; }

    [[nodiscard]] Epoch epoch() const { return epoch_; }

private:
    void hear(const ToSink& message);
    void hear(const ventilator::ToLane& to);
    void hear_batch(Lane& lane, const JobBatch& batch);
    void hear_known(JobNumber number, const JobId& id);
    void settled(JobNumber number, std::uint32_t attempt);
    void forget(JobNumber number);
    void answered(JobNumber number, std::uint32_t attempt);

    ventilator::Dispatcher& machine_;
    std::set<JobNumber> open_;
    std::map<JobNumber, JobId> ids_;
    std::map<JobNumber, std::uint32_t> attempts_, deaths_; // the last ones
    JobNumber given_ = 0;
    std::map<ventilator::LaneId, Lane> lanes_;
    bool sink_is_up_ = false, is_draining_ = false;
    std::uint64_t life_ = 0;
    Epoch epoch_ = 0;
    // Of this life of the sink: numbers that it was told of, that it has stored; of these, what
    // waits for its word: lost ones, those with a decided outcome, those whose result it has read.
    std::set<JobNumber> known_, stored_, lost_, decided_;
    std::set<JobNumber> ended_; // without a word: it says so when it is asked
    std::set<JobNumber> asked_;
    bool awaits_holds_ = false;
    std::map<JobNumber, std::uint32_t> died_; // the attempt whose death was counted last
    std::map<JobNumber, std::uint32_t> returned_;
};

} // namespace penstock::fuzz
