#pragma once
// What of the ledger is kept where a process's death can't reach it, as rows: what the ledger hands
// out after a burst, and gets back when it begins again. One transaction a burst of them: either
// all of its rows are kept or none.
//
// A job is known here by its order, which only grows. Rows of one batch are written in the order
// of the members below; a row replaces the one of the same key.

#include "protocol/questions.hpp"
#include "sink/groups.hpp"
#include "sink/offers.hpp"

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace penstock::sink {

// What was kept can't be used, or not any more: the text says which, where, and what to do.
struct StoreError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Each row is as it was written, and they do not fit together.
struct Damaged : StoreError {
    using StoreError::StoreError;
};

struct Changes {
    struct Part { // of `bytes`
        std::size_t from = 0, size = 0;
    };

    struct Epochs { // an epoch, and the instance of the ventilator that it was granted to
        Epoch epoch = 0;
        std::uint64_t instance = 0;
        JobNumber numbers = 0; // it has given to jobs that are, or were, here: those below
    };

    struct KeptTerms {
        std::uint64_t key = 0;
        Terms terms;
    };

    struct Kind {
        std::string kind;
        KindSettings settings;
        bool was_set = false;
    };

    struct GroupRow { // its members have the orders first_order, first_order + 1, ...
        std::uint64_t first_order = 0;
        JobId id;
        GroupMode mode = GroupMode::all;
        State state = State::running;
        Ending ending = Ending::none;
        std::uint32_t members = 0;
        std::uint64_t winner = 0; // an order
        std::uint64_t then_order = 0, on_failure_order = 0; // 0: none, or it is gone
        JobId then_id, on_failure_id;
        std::optional<std::uint64_t> body;
        WallTime submitted{}, finished{};
    };

    struct Job {
        std::uint64_t order = 0;
        JobId id;
        std::uint64_t terms = 0; // key
        Part payload;
        WallTime submitted{};
        WallTime begun{}; // delay and ttl count from here
        Epoch epoch = 0;  // of the ventilator that has it, and its number there; 0: nobody's
        JobNumber number = 0;
        Custody custody = Custody::owned;
        bool cancelling = false;
        std::uint64_t group = 0; // first_order of the one it belongs to; 0: none
        JobId retry_of;
    };

    // One that took long enough to be reported, or that did not bring the outcome. Its worker is
    // known by a name, how it ended by a word.
    struct Attempt {
        enum class How : std::uint8_t { running, answered, failed, lost };

        std::uint64_t order = 0;
        std::uint32_t attempt = 0;
        How how = How::running;
        bool suspect = false; // lost, and it may have killed its worker
        std::string worker;
        WallTime at{}; // it began (running), or ended
        double run_seconds = -1; // < 0: not known
        Failure failure;
        Epoch token = 0; // running: under the token of an older ventilator; failed: of whose it was

        static Attempt of(std::uint32_t attempt, How how) {
            Attempt row;
            row.attempt = attempt;
            row.how = how;
            return row;
        }
    };

    struct Outcome {
        std::uint64_t order = 0;
        State state = State::succeeded;
        Part value;
        std::string content_type; // of the value
        Failure failure;
        std::uint32_t attempt = 0;
        std::string worker, note;
        WallTime started{}, finished{};
        float queued_seconds = -1, waited_seconds = 0, run_seconds = -1;
    };

    std::vector<Epochs> epochs;
    std::vector<KeptTerms> terms;
    std::vector<Kind> kinds;
    std::vector<GroupRow> groups;
    std::vector<Job> jobs;
    std::vector<Attempt> attempts;
    std::vector<Outcome> outcomes;
    // What goes, with everything that belongs to it.
    std::vector<std::uint64_t> jobs_gone;   // orders
    std::vector<std::uint64_t> groups_gone; // first orders
    std::vector<std::uint64_t> terms_gone;  // keys
    std::string bytes; // of payloads and values

    [[nodiscard]] static std::string_view word(Attempt::How how) {
        constexpr std::string_view kWords[] = {"running", "answered", "failed", "lost"};
        return kWords[static_cast<std::size_t>(how)];
    }

    [[nodiscard]] std::size_t rows() const {
        return epochs.size() + terms.size() + kinds.size() + groups.size() + jobs.size() +
               attempts.size() + outcomes.size() + jobs_gone.size() + groups_gone.size() +
               terms_gone.size();
    }

    [[nodiscard]] bool empty() const { return rows() == 0; }

    Part add(std::string_view part) {
        bytes += part;
        return {bytes.size() - part.size(), part.size()};
    }

    [[nodiscard]] std::string_view view(Part part) const {
        return std::string_view(bytes).substr(part.from, part.size);
    }

    void clear() { *this = {}; }
};

} // namespace penstock::sink
