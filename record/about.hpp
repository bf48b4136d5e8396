#pragma once
// What concerns one job: of a message about many, the part that is about this one, in words.

#include "protocol/codec.hpp"

#include <optional>
#include <set>
#include <string>

namespace penstock::record {

// One encoded value as text, much like JSON. Ids read as ids, other bytes say how many they are.
std::string value_text(Bytes encoded);

class About {
public:
    explicit About(JobId id) : id_(std::move(id)) {}

    // Nothing: it is not about this job. Numbers are learned from what says them.
    std::optional<std::string> words(const VentilatorFact& fact);
    std::optional<std::string> words(const SinkFact& fact);
    std::optional<std::string> words(const ToSink& message);
    std::optional<std::string> words(const FromSink& message);
    std::optional<std::string> words(const LaneMessage& message);
    std::optional<std::string> words(const ControlQuestion& question);
    std::optional<std::string> words(const StatusQuestion& question);
    std::optional<std::string> words(const StatusAnswer& answer);

    [[nodiscard]] bool is(const JobId& id) const { return id == id_; }

    // A ventilator of another epoch: numbers mean other jobs.
    void forget_numbers() { numbers_.clear(); }

private:
    template <class Message>
    bool keep(Message& m);
    [[nodiscard]] bool has(JobNumber number) const { return numbers_.contains(number); }
    template <class Rows>
    bool keep_rows(Rows& rows) const;
    bool keep_ranges(std::vector<Range>& ranges) const;
    bool keep_settled(std::vector<SettledRow>& rows) const;
    bool keep_numbers(std::vector<JobNumber>& numbers) const;

    const JobId id_;
    std::set<JobNumber> numbers_;
};

} // namespace penstock::record
