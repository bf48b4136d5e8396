#pragma once
// What must hold of a ledger, whatever it is told and asked. The model hears what the ledger says
// (its outbox and its chronicle) and compares that with what it answers.

#include "sink/ledger.hpp"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

namespace penstock::fuzz {

class LedgerModel {
public:
    using Fit = bool (*)(const StatusAnswer&); // whether it may answer a certain question

    explicit LedgerModel(sink::Ledger& ledger) : ledger_(ledger) {}

    // ---- what was done to it ----
    void hello();                                                  // of a new ventilator
    void numbered(JobNumber first, const std::vector<JobId>& ids); // by `store` or `taken`
    sink::Asker asked(const StatusQuestion& question);

    void purged(std::uint64_t jobs) { purged_ += jobs; }

    [[nodiscard]] JobNumber next_number() const { return next_number_; }

    [[nodiscard]] const std::vector<JobId>& offered() const { return offered_; }

    void forget_offers(std::size_t count);
    // Its process, behind what was heard; it is back with what was kept.
    void died(Now now);
    // One of those that are stored and not settled; 0: there is none.
    [[nodiscard]] std::pair<JobNumber, JobId> owed(std::size_t which) const;
    void said_again(JobNumber owed);
    void held(const Holds& all); // by the ventilator: the rest is on offer again

    // ---- what it said and what it knows ----
    void hear(sink::Outbox& out); // and empties it
    // When nothing is under way: every table agrees with every other.
    void check_all(Now now);
    void check_list(Now now); // behind that
    // When all jobs have ended and were kept for as long as they are: nothing is left.
    void check_empty(Now now);
    [[nodiscard]] std::vector<JobId> open() const;

private:
    struct Known {
        std::optional<State> outcome; // none: it is open
        std::optional<std::string> value;
    };

    void hear(const Event& event);
    void hear(const FromSink& message);
    void hear(const sink::Reply& reply);
    void hear_stored(JobNumber number);
    void hear_settled(JobNumber number);
    void check_job(const std::string& id, Known& known, Now now, std::vector<std::string>& gone);
    void check_stats(Now now);
    StatusAnswer answer(const StatusQuestion& question, Now now);

    sink::Ledger& ledger_;
    std::map<std::string, Known> jobs_; // by id
    std::uint64_t stored_ = 0, ended_ = 0, purged_ = 0;
    // What its counters said when it came back: those are not kept.
    std::uint64_t stored_before_ = 0, ended_before_ = 0;
    // Of this ventilator's epoch.
    JobNumber next_number_ = 0;
    std::map<JobNumber, std::string> unanswered_; // numbers that the ledger has said nothing of
    std::map<JobNumber, std::string> owed_;       // stored, and not settled
    std::vector<JobId> offered_;                  // and not taken
    std::map<sink::Asker, Fit> pending_;          // of questions that have no answer yet
    sink::Asker next_asker_ = 1;
};

} // namespace penstock::fuzz
