#pragma once
// A ledger that is given again what another one was given, as its tape says. Pure.

#include "record/about.hpp"
#include "record/replayed.hpp"
#include "sink/recorded.hpp"

#include <unordered_map>

namespace penstock::sink {

// Who asks for a job may say a digest of its body. The bodies of jobs whose payloads are covered have
// another digest: this finds it. The question may come before its job: so the tape is read once for it.
class Bodies {
public:
    // To the end of the tape. Throws TapeError.
    void learn(record::TapeReader& tape);

    // What is not known here is of no job on this tape.
    [[nodiscard]] std::optional<std::uint64_t> find(std::optional<std::uint64_t> body) const;

private:
    void learn(const std::vector<std::uint64_t>& then, const std::vector<std::uint64_t>& now);

    std::unordered_map<std::uint64_t, std::uint64_t> bodies_;
};

class Replay {
public:
    // Throws TapeError if the tape is not a sink's; play() does, if a record can't be read.
    Replay(record::TapeReader& tape, Bodies bodies);

    // From now on, what concerns this job.
    void show(const JobId& id, record::Show show);

    // Gives the machine the record at hand. Nothing: it did not say anything else than it said then.
    std::optional<record::Difference> play();

    [[nodiscard]] record::Tally tally();

private:
    [[nodiscard]] std::optional<record::Difference> compare(const std::string& of,
                                                            const record::Said& now);
    void give(OnTape what);
    void give_fact();
    void give_question();
    void give_hello();
    void give_rows();
    void show_said();
    void line(const std::string& way, const std::optional<std::string>& text) const;

    record::TapeReader& tape_;
    const Bodies bodies_;
    Ledger machine_;
    Outbox out_;
    Reader reader_;
    record::Said answer_;
    std::string asked_;
    Epoch epoch_ = 0;
    record::Tally tally_;
    std::optional<record::About> about_;
    record::Show show_;
};

} // namespace penstock::sink
