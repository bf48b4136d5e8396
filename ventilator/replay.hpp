#pragma once
// A dispatcher that is given again what another one was given, as its tape says. Pure.

#include "record/about.hpp"
#include "record/replayed.hpp"
#include "ventilator/recorded.hpp"

namespace penstock::ventilator {

class Replay {
public:
    // Throws TapeError if the tape is not a ventilator's; play() does, if a record can't be read.
    explicit Replay(record::TapeReader& tape);

    // From now on, what concerns this job.
    void show(const JobId& id, record::Show show);

    // Gives the machine the record at hand. Nothing: it did not say anything else than it said then.
    std::optional<record::Difference> play();

    [[nodiscard]] record::Tally tally() const;

private:
    [[nodiscard]] record::Difference difference(const std::string& of, const record::Said& then,
                                                const record::Said& now) const;
    void give(OnTape what);
    void give_fact();
    void give_question();
    void note_said();
    void line(const std::string& way, const std::optional<std::string>& text) const;
    [[nodiscard]] Instant now() const { return tape_.now().at; }

    record::TapeReader& tape_;
    Dispatcher machine_;
    Outbox out_;
    Reader reader_;
    record::Spoken answer_;
    std::string asked_;
    bool is_turn_over_ = false; // the machine was pumped: what it said leaves
    record::Tally tally_;
    std::optional<record::About> about_;
    record::Show show_;
};

} // namespace penstock::ventilator
