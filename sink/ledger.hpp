#pragma once
// The machine that is right about every job: its state, and its one outcome. It owns no socket,
// clock, thread or logger.
//
// The first final outcome wins; whatever comes later is counted and settled again. The ledger
// records, the ventilator decides: a failed attempt leaves the job open until it says `retrying`
// or `final`.
//
// Facts and questions of a burst go in; what an Outbox holds then goes out in the order of its
// members.
//
// A ledger that is kept (keep_changes) says after a burst what has changed, as rows; nothing of the
// burst's Outbox may leave before these are safe. Given back to a new ledger, they make it what this
// one was. Without that, what is recorded is as safe as it gets.

#include "protocol/retry_policy.hpp"
#include "sink/changes.hpp"
#include "sink/chronicle.hpp"
#include "sink/groups.hpp"
#include "sink/kinds.hpp"
#include "sink/names.hpp"
#include "sink/offers.hpp"
#include "sink/outbox.hpp"
#include "sink/partials.hpp"
#include "sink/waits.hpp"
#include "tables/blob.hpp"
#include "tables/links.hpp"
#include "tables/number_table.hpp"
#include "tables/terms_table.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <unordered_map>

namespace penstock::sink {

struct Limits {
    Duration result_ttl = std::chrono::hours(1);
    std::uint64_t finished_max = 1'000'000;
    std::uint64_t finished_bytes_max = 1ull << 30; // payloads and results together
    // What is made here (members of groups, retries) is refused above these; what a ventilator
    // stores is not: it has limits of its own.
    std::uint64_t open_max = 1'000'000;
    std::uint64_t open_bytes_max = 1ull << 30;
    std::size_t waits_max = 100'000;
    std::string durability = "memory"; // as it is answered
    std::size_t refused_max = 100'000; // ids remembered
    Duration refused_for = std::chrono::seconds(10);
};

class Ledger {
public:
    Ledger(const Limits& limits, std::uint64_t seed, Instant now);

    // A ventilator says hello. A new one gets an epoch above all before it; the one that has the
    // newest keeps it; an older one is refused.
    HelloAnswer hello(const Hello& hello, std::uint64_t life);

    [[nodiscard]] Epoch epoch() const { return epoch_; }

    void on(const ToSink& message, Now now, Outbox& out); // in the link's order
    void on(const Result& result, Now now, Outbox& out);
    void on(const Progress& progress);
    void on(const Partial& partial, Outbox& out);
    void ask(Asker asker, const AskStored::Row& row, Duration timeout, Now now, Outbox& out);
    // REQUIRES: not a Hello, not an AskStored.
    void ask(Asker asker, Request request, const StatusQuestion& question, Now now, Outbox& out);

    void tick(Now now, Outbox& out); // after the facts and questions of a burst
    [[nodiscard]] Instant wake_at() const;

    void count_malformed() { ++malformed_; }

    // ledger_restored.cpp. Before anything else: what an earlier ledger was, page by page, in the order
    // of its jobs. From `restored` on changes are kept; it is called for an empty store too.
    void restore(const Changes& page, Now now);
    void restored(Now now);
    [[nodiscard]] bool has_changes() const {
        return !changed_.empty() || !changed_groups_.empty() || !changes_.empty();
    }
    [[nodiscard]] Changes take_changes(); // since the last call

    // There is no space: what is new is refused, outcomes are recorded.
    void set_full(bool full) { is_full_ = full; }

    [[nodiscard]] Chronicle& chronicle() { return chronicle_; } // what happened, to be published

    void set_ventilator_up(bool up) { ventilator_is_up_ = up; }

    [[nodiscard]] std::size_t jobs() const { return records_.used(); }
    [[nodiscard]] std::size_t open_jobs() const { return records_.used() - finished_jobs_; }
    [[nodiscard]] std::size_t terms() const { return terms_.size(); } // different ones, of all jobs
    [[nodiscard]] std::optional<State> state_of(const JobId& id) const { // nothing: it is not known
        const Index index = find(id);
        return index == kNoIndex ? std::nullopt : std::optional(records_[index].state);
    }

private:
    struct Words { // what few jobs have
        Failure failure;
        std::string note;
        std::string content_type; // of the value
        JobId retry_of;
        std::uint32_t failed_attempt = 0; // the newest that a worker said has failed
        Epoch failed_epoch = 0;           // of the ventilator that had given it
    };

    // In the order in which a job's way touches them: what a result is compared with first.
    struct Record {
        JobId id;
        TermsTable::Pointer terms = nullptr;
        SinkKind* kind = nullptr;
        JobNumber number = 0; // given by the ventilator of `epoch`: means nothing in another
        Epoch epoch = 0;
        Epoch token = 0; // what its worker holds, if that is of an older epoch
        std::uint32_t attempt = 0;
        State state = State::queued;
        bool cancelling = false;
        bool awaited = false; // somebody waits for it
        Custody custody = Custody::owned;
        std::uint8_t unkept = 0; // what has changed since take_changes
        bool has_attempts = false; // some are kept
        Blob payload, value;
        Instant stored{}, finished_at{};
        WallTime submitted{}, begun{}, started{}, finished{}; // begun: as `stored`
        std::uint64_t order = 0; // of being stored, from 1
        std::unique_ptr<Words> words;
        Index worker = kNoIndex;
        std::uint32_t deaths = 0;
        std::uint32_t lost_attempt = 0; // the newest whose death is in `deaths`, or that was lost
        float progress = -1;    // see shown_progress
        Index group = kNoIndex; // it is a member of, or a callback
        std::uint32_t partials = 0; // pieces that are kept
        // Of the newest attempt that answered, in seconds: in the ventilator's queue, in the worker
        // before its handler, in its handler. < 0 = not known.
        float queued = -1, waited = 0, run = -1;
    };

    // ledger_kept.cpp
    static constexpr std::uint8_t kJobChanged = 1, kHasOutcome = 2;

    void touch(Record& record, std::uint8_t what) {
        if (keeps_) mark(record, what);
    }
    void mark(Record& record, std::uint8_t what);
    void touch_group(Index at);
    void note_attempt(Record& record, Changes::Attempt row, Now now);
    void note_gone(const Record& record);
    bool store_again(Index index, JobNumber mine, Outbox& out);
    void on(const Holds& m, Now now, Outbox& out);
    void disown_rest(std::vector<Range> held, Now now, Outbox& out);
    void keep_early(Settled& settled);
    void keep_job(const Record& record);
    void keep_outcome(const Record& record);
    void keep_group(const Group& group);

    // ledger_restored.cpp
    void restore_group(const Changes::GroupRow& row, Now now);
    Index restore_job(const Changes::Job& row, const Changes& page, Now now);
    void restore_attempt(Record& record, const Changes::Attempt& row);
    void restore_outcome(Index index, const Changes::Outcome& row, const Changes& page, Now now);
    void restored_group(Index at, std::vector<std::pair<Instant, Index>>& ended);
    [[nodiscard]] static Instant instant_of(WallTime when, Now now);

    // ledger.cpp
    [[nodiscard]] bool may_number(JobNumber first, bool again = false) const;
    void on(const Store& m, Now now, Outbox& out);
    void on(const Started& m, Now now, Outbox& out);
    void on(const Retrying& m, Now now, Outbox& out);
    void on(const Lost& m, Now now, Outbox& out);
    void on(const Final& m, Now now, Outbox& out);
    void on(const Refused& m, Now now, Outbox& out);
    void finish(Index index, State state, std::uint64_t run_us, Now now, Outbox& out);
    void set_worker(Record& record, Index worker);
    Index add(const JobId& id, std::uint64_t hash, TermsTable::Pointer terms, SinkKind& kind,
              Blob payload, Now now);
    void refuse(const JobId& id, const std::string& why, Now now, Outbox& out);
    [[nodiscard]] Instant kept_until(Index index) const; // REQUIRES: it is in finished_
    [[nodiscard]] bool may_let_go() const; // false: when what goes already is kept as gone
    void evict(Now now);
    void ask_for_next() const;
    void drop(Index index);
    void erase(Index index);
    [[nodiscard]] std::uint64_t bytes_of(Index index) const; // payload, value, pieces
    CancelResult stop(Index index, Failure why, Now now, Outbox& out);
    [[nodiscard]] Index find(const JobId& id) const { return find(id, id.hash(seed_)); }
    [[nodiscard]] Index find(const JobId& id, std::uint64_t hash) const;
    // The hash of a message's row. Each one's place among the ids is a cache miss: those of some rows
    // behind it are asked for. REQUIRES: rows are asked for in their order, the first with no hashes_.
    template <class Rows>
    std::uint64_t hash_of(const Rows& rows, std::size_t row) {
        constexpr std::size_t kAhead = 24;
        const std::size_t end = std::min(rows.size(), row + kAhead);
        while (hashes_.size() < end) {
            hashes_.push_back(rows[hashes_.size()].id.hash(seed_));
            by_id_.prefetch(hashes_.back());
        }
        return hashes_[row];
    }
    [[nodiscard]] SinkKind& kind_of(const std::string& name);
    static Words& words(Record& record);

    // ledger_results.cpp
    void take_row(Index index, const ResultRow& row, const Result& result, Index worker, Now now,
                  Outbox& out);
    void fail(Record& record, const FailedRow& row, const Failure& failure, Epoch epoch, Now now,
              Outbox& out);
    void settle(Outbox& out, const Record& record, std::uint32_t attempt,
                std::uint64_t run_us) const;

    // ledger_watched.cpp: what can be seen of a job while it runs, and where its time went
    void note(const Record& record, Event::What what) {
        if (chronicle_.happened()) write(record, what);
    }
    void write(const Record& record, Event::What what);
    [[nodiscard]] static bool is_over(const Record& record, std::uint32_t attempt);
    static void runs(Record& record, std::uint32_t attempt); // REQUIRES: none after it was heard of
    static void forget_progress(Record& record);
    [[nodiscard]] static double shown_progress(const Record& record); // as it was said, nearly
    void lose_partials(Index index, std::uint32_t attempt, Outbox& out);
    void release_partials(Index index, Outbox& out);
    void ask_partials(Asker asker, Request request, const AskPartials& question, Now now,
                      Outbox& out);
    void expire_partials(Now now, Outbox& out);
    static void note_times(Record& record, const ResultRow& row, const Result& result);
    static Duration time_queued(const Record& record, Duration total);
    static void show_times(const Record& record, JobView& view);

    // offers.cpp: jobs that no ventilator of this epoch has
    void seek_orphans();
    void sweep(Now now, Outbox& out);
    void disown(Index index, Now now, Outbox& out);
    void hand_over(Index index);
    void withdraw(Index index);
    void offer(Now now, Outbox& out);
    void on(const Taken& m, Now now, Outbox& out);

    // groups.cpp: what the end of one job is for others
    [[nodiscard]] bool is_member(Index index) const;
    [[nodiscard]] Index member(const Group& group, std::uint64_t place) const;
    void member_finished(Index index, Now now, Outbox& out);
    void advance_chain(Group& group, Now now, Outbox& out);
    void end_group(Index at, Now now, Outbox& out);
    void call_back(Index index, const Group& group, Now now, Outbox& out);
    void launch(Index index, std::string_view key, std::string_view value, Now now, Outbox& out);
    void stop_rest(Index at, Ending why);
    void do_chores(Now now, Outbox& out);
    void bury(Index at);
    void forget_callback(Index index);

    // group_questions.cpp
    GroupAnswer open_group(const OpenGroup& m, Now now, Outbox& out);
    [[nodiscard]] std::string refusal(std::uint64_t jobs, std::uint64_t bytes) const;
    bool add_members(const OpenGroup& m, Index at, Now now);
    Index add_callback(const OpenGroup::Callback& callback, Index at, Now now);
    void ask_group(const GroupWait& wait, Now now, Outbox& out);
    void release_group_waits(Group& group, Outbox& out);
    void expire_group_waits(Now now, Outbox& out);
    GroupAnswer cancel_group(const JobId& id, Now now, Outbox& out);
    [[nodiscard]] bool holds(const Group& group, const AskGroup& question) const;
    [[nodiscard]] GroupAnswer view(const Group& group, const AskGroup& question) const;

    // many.cpp
    JobAnswer retry(const AskRetry& question, Now now, Outbox& out);
    Index run_again(Index index, const JobId& as, Now now, Outbox& out);
    StatusAnswer many(const AskMany& question, Now now, Outbox& out);
    [[nodiscard]] bool fits(Index index, const AskMany& question) const;
    bool do_deed(Index index, const AskMany& question, Now now, ManyAnswer& answer,
                 std::string& why, Outbox& out);

    // ledger_questions.cpp
    void answer(const Wait& wait, Found found, std::string why, Outbox& out) const;
    void wait(const Wait& mine, Now now, Outbox& out);
    void release_waits(Index index, Until until, Outbox& out);
    [[nodiscard]] Found unknown() const;
    [[nodiscard]] std::string why_unknown(const JobId& id) const; // "" if nobody can say
    [[nodiscard]] std::size_t held_waits() const {
        return waits_.size() + groups_.waiting() + partials_.waiting();
    }
    // Whether the job is of the state, the kind and the tag that are asked for.
    template <class Question>
    [[nodiscard]] static bool fits(const Record& record, const Question& question) {
        const Terms& terms = record.terms->first;
        if (question.state && record.state != *question.state) return false;
        if (!question.kind.empty() && terms.kind != question.kind) return false;
        return question.tag.empty() ||
               std::find(terms.tags.begin(), terms.tags.end(), question.tag) != terms.tags.end();
    }
    [[nodiscard]] bool is_conflict(const Record& record, const AskWait& question) const;
    [[nodiscard]] JobView view(const Record& record, bool with_value) const;
    [[nodiscard]] ListAnswer list(const AskList& question) const;
    [[nodiscard]] SinkStats stats() const;
    CancelAnswer cancel(const JobId& id, Now now, Outbox& out);
    static void tell(Kinds kinds, Outbox& out);
    void hear(const Kinds& told, Outbox& out);
    void note_kind(const std::string& name);
    StatusAnswer set_kind(const AskKind& wish, Outbox& out);

    const Limits limits_;
    const std::uint64_t seed_; // of hashes
    Slab<Record> records_;
    HashIndex by_id_;
    NumberTable by_number_; // open jobs of this epoch
    NumberTable by_order_;
    TermsTable terms_;
    Names names_;
    Links links_;
    List finished_; // in the order they finished
    Offers offers_;
    Groups groups_;
    Chance made_ids_; // of retries
    Waits waits_;
    Chronicle chronicle_;
    Partials partials_;
    std::vector<std::uint64_t> hashes_; // of the message at hand
    std::map<std::string, SinkKind, std::less<>> kinds_;
    KnownKinds known_kinds_;
    bool owes_kinds_ = false; // a ventilator of a new epoch is told all of them
    std::unordered_map<std::string, std::string> refused_; // id text to why
    std::deque<std::pair<Instant, std::string>> refused_order_;
    std::uint64_t next_order_ = 1;
    std::uint64_t bytes_ = 0; // of payloads and values, open and finished
    std::uint64_t finished_bytes_ = 0;
    std::uint64_t finished_jobs_ = 0;
    std::uint64_t retained_ = 0; // of these: not in a group that is open
    std::uint64_t unknown_results_ = 0, malformed_ = 0, evicted_ = 0, lost_attempts_ = 0;
    WallTime began_{}; // its first tick
    bool keeps_ = false, is_full_ = false;
    Changes changes_;                     // of this burst, what is not in the two lists below
    std::size_t places_gone_ = 0;         // in the file, of its jobs_gone
    std::vector<std::uint64_t> changed_;  // orders of records with `unkept`
    std::vector<Index> changed_groups_;
    std::uint64_t last_terms_key_ = 0;
    struct Restored { // while `restore` is called
        std::unordered_map<std::uint64_t, TermsTable::Pointer> terms;  // by key
        std::map<std::uint64_t, Index> groups;                         // by first order
        std::map<std::uint64_t, std::pair<Index, bool>> callbacks;     // by order; true: `then`
        std::vector<Index> open;                                       // in their order
        std::vector<std::pair<Instant, Index>> finished;
    };
    std::unique_ptr<Restored> restored_;
    Epoch epoch_ = 0;
    std::uint64_t instance_ = 0; // the ventilator that has it
    std::uint64_t life_ = 0;     // in which it last said hello
    Settled early_;              // what it is to hear once it has said so
    JobNumber next_number_ = 0;  // numbers only grow within an epoch
    JobNumber kept_numbers_ = 0; // the next one, as the store has it
    std::vector<Range> held_;    // by the ventilator, until it has named all
    bool ventilator_is_up_ = false;
};

} // namespace penstock::sink
