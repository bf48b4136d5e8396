#include "tests/fuzz/ledger_model.hpp"

#include "protocol/codec.hpp"
#include "tests/fuzz/choices.hpp"

#include <algorithm>

namespace penstock::fuzz {
namespace {

template <class... Answers>
bool is_one_of(const StatusAnswer& answer) {
    return (std::holds_alternative<Answers>(answer) || ...);
}

// Of each question: what may answer it. One that is not named here is answered by a job.
struct FitOf {
    using Fit = LedgerModel::Fit;

    Fit operator()(const AskList&) const { return is_one_of<ListAnswer>; }

    Fit operator()(const AskStats&) const { return is_one_of<SinkStats>; }

    Fit operator()(const AskCancel&) const { return is_one_of<CancelAnswer>; }

    Fit operator()(const AskKind&) const { return is_one_of<KindAnswer, JobAnswer>; }

    Fit operator()(const AskPartials&) const { return is_one_of<PartialsAnswer>; }

    Fit operator()(const AskMany&) const { return is_one_of<ManyAnswer, JobAnswer>; }

    Fit operator()(const OpenGroup&) const { return is_one_of<GroupAnswer>; }

    Fit operator()(const AskGroup&) const { return is_one_of<GroupAnswer>; }

    Fit operator()(const CancelGroup&) const { return is_one_of<GroupAnswer>; }

    template <class Other>
    Fit operator()(const Other&) const {
        return is_one_of<JobAnswer>;
    }
};

} // namespace

// ---- what was done to it --------------------------------------------------------------------

void LedgerModel::hello() {
    next_number_ = 0;
    unanswered_.clear();
    owed_.clear();
    offered_.clear();
}

void LedgerModel::numbered(JobNumber first, const std::vector<JobId>& ids) {
    for (const JobId& id : ids) unanswered_[first++] = id.text();
    next_number_ = std::max(next_number_, first);
}

void LedgerModel::forget_offers(std::size_t count) {
    offered_.erase(offered_.begin(), offered_.begin() + static_cast<std::ptrdiff_t>(count));
}

void LedgerModel::died(Now now) {
    pending_.clear();
    unanswered_.clear();
    offered_.clear();
    std::erase_if(jobs_, [&](const auto& job) {
        const auto& [id, known] = job;
        const auto is = std::get<JobAnswer>(answer(AskStatus{*JobId::parse(id), true}, now));
        if (is.found == Found::found) {
            require(is_final(is.job.state) == known.outcome.has_value(), "what was told is kept");
            return false;
        }
        require(known.outcome.has_value(), "an open job outlives the process");
        return true; // it was let go of before
    });
    purged_ = ended_ = 0;
    stored_ = jobs_.size(); // of all that there ever were, these are left
    for (const auto& [id, known] : jobs_) ended_ += known.outcome ? 1 : 0;
    const auto stats = std::get<SinkStats>(answer(AskStats{}, now));
    stored_before_ = ended_before_ = 0;
    for (const auto& kind : stats.kinds) {
        stored_before_ += kind.stored;
        ended_before_ +=
            kind.succeeded + kind.failed + kind.cancelled + kind.expired + kind.quarantined;
    }
    stored_before_ -= stored_; // may be below zero: both sides of a sum wrap alike
    ended_before_ -= ended_;
}

std::pair<JobNumber, JobId> LedgerModel::owed(std::size_t which) const {
    if (owed_.empty()) return {0, {}};
    const auto& [number, id] = *std::next(owed_.begin(), static_cast<std::ptrdiff_t>(which % owed_.size()));
    return {number, *JobId::parse(id)};
}

void LedgerModel::said_again(JobNumber owed) {
    unanswered_.insert(owed_.extract(owed));
}

void LedgerModel::held(const Holds& all) {
    std::erase_if(owed_, [&](const auto& owed) {
        return std::none_of(all.rows.begin(), all.rows.end(), [&](const Range& row) {
            return owed.first >= row.first && owed.first - row.first < row.count;
        });
    });
}

sink::Asker LedgerModel::asked(const StatusQuestion& question) {
    pending_[next_asker_] = std::visit(FitOf(), question);
    return next_asker_++;
}

std::vector<JobId> LedgerModel::open() const {
    std::vector<JobId> out;
    for (const auto& [id, known] : jobs_) {
        if (!known.outcome) out.push_back(*JobId::parse(id));
    }
    return out;
}

// ---- what it said ---------------------------------------------------------------------------

void LedgerModel::hear(sink::Outbox& out) {
    for (const Event& event : ledger_.chronicle().take().rows) hear(event);
    if (ledger_.epoch() != 0) {
        out.say_on_link([this](const FromSink& message) {
            if (kChecksWire) {
                Reader reader;
                const std::string frame = encode(LinkHead{ledger_.epoch(), 1, 0}, message);
                require(decode_ventilator_door(reader, frame).error.empty(),
                        "the ventilator understands what the sink says");
            }
            hear(message);
        });
    }
    for (const auto& reply : out.replies) hear(reply);
    for (const auto& reply : out.stored_replies) {
        const auto found = pending_.find(reply.asker);
        require(found != pending_.end(), "`stored` answers those who asked for it, once");
        pending_.erase(found);
    }
    out = {};
}

void LedgerModel::hear(const Event& event) {
    const std::string id = event.id.text();
    const auto found = jobs_.find(id);
    if (event.what == Event::What::stored) {
        require(found == jobs_.end() || found->second.outcome, "an open job is not stored again");
        jobs_[id] = {};
        ++stored_;
        return;
    }
    require(found != jobs_.end(), "something happens only to jobs that are stored");
    require(!found->second.outcome, "nothing happens to a job behind its outcome");
    if (!is_final(event.what)) return;
    found->second.outcome =
        static_cast<State>(static_cast<int>(State::succeeded) + static_cast<int>(event.what) -
                           static_cast<int>(Event::What::succeeded));
    ++ended_;
}

void LedgerModel::hear_stored(JobNumber number) {
    const auto found = unanswered_.find(number);
    require(found != unanswered_.end(), "`stored` answers a number that was given, once");
    owed_[number] = found->second;
    unanswered_.erase(found);
}

void LedgerModel::hear_settled(JobNumber number) {
    require(number < next_number_, "only numbers that were given are settled");
    if (const auto owed = owed_.find(number); owed != owed_.end()) {
        const auto job = jobs_.find(owed->second);
        require(job == jobs_.end() || job->second.outcome, "only what has ended is settled");
        owed_.erase(owed);
    }
    unanswered_.erase(number); // of a job that ended while it was on offer
}

void LedgerModel::hear(const FromSink& message) {
    if (const auto* stored = std::get_if<Stored>(&message)) {
        for (const Range& row : stored->rows) {
            for (std::uint32_t i = 0; i < row.count; ++i) hear_stored(row.first + i);
        }
        for (const auto* list : {&stored->duplicates, &stored->conflicts}) {
            for (const JobNumber number : *list) {
                require(unanswered_.erase(number) == 1, "a duplicate was given a number, once");
            }
        }
    } else if (const auto* settled = std::get_if<Settled>(&message)) {
        for (const SettledRow& row : settled->rows) {
            for (std::uint32_t i = 0; i < row.count; ++i) hear_settled(row.first + i);
        }
        for (const FailedRow& row : settled->failed) {
            require(row.number < next_number_, "only attempts of jobs that have a number fail");
        }
    } else if (const auto* cancel = std::get_if<Cancel>(&message)) {
        for (const JobNumber number : cancel->numbers) {
            require(number < next_number_, "only numbers that were given are cancelled");
        }
    } else if (const auto* take = std::get_if<Take>(&message)) {
        for (const auto& row : take->rows) {
            require(std::find(offered_.begin(), offered_.end(), row.id) == offered_.end() ||
                        jobs_.contains(row.id.text()),
                    "what is offered is stored");
            offered_.push_back(row.id);
        }
    }
}

void LedgerModel::hear(const sink::Reply& reply) {
    const auto found = pending_.find(reply.asker);
    require(found != pending_.end(), "every question is answered once");
    require(found->second(reply.answer), "an answer fits its question");
    pending_.erase(found);
    if (!kChecksWire) return;
    Reader reader;
    require(decode_status_answer(reader, encode(reply.request, reply.answer)).error.empty(),
            "whoever asked understands the answer");
}

// ---- what it knows --------------------------------------------------------------------------

StatusAnswer LedgerModel::answer(const StatusQuestion& question, Now now) {
    sink::Outbox out;
    ledger_.ask(0, {}, question, now, out);
    require(out.replies.size() == 1, "it is answered at once");
    return std::move(out.replies[0].answer);
}

void LedgerModel::check_job(const std::string& id, Known& known, Now now,
                            std::vector<std::string>& gone) {
    const auto is = std::get<JobAnswer>(answer(AskStatus{*JobId::parse(id), true}, now));
    if (is.found != Found::found) {
        require(known.outcome.has_value(), "an open job is known");
        gone.push_back(id);
        return;
    }
    require(is.job.id.text() == id, "a job has the id that it is found by");
    if (!known.outcome) return require(!is_final(is.job.state), "an outcome is an event");
    require(is.job.state == *known.outcome, "an outcome stays");
    require(!known.value || *known.value == is.job.value, "a result stays");
    known.value = is.job.value;
}

void LedgerModel::check_stats(Now now) {
    const auto stats = std::get<SinkStats>(answer(AskStats{}, now));
    std::uint64_t open = 0, finished = 0, stored = 0, ended = 0;
    for (const auto& [id, known] : jobs_) ++(known.outcome ? finished : open);
    for (const auto& kind : stats.kinds) {
        stored += kind.stored;
        ended += kind.succeeded + kind.failed + kind.cancelled + kind.expired + kind.quarantined;
    }
    require(stats.open_jobs == open, "open jobs are counted");
    require(stats.finished_jobs == finished, "finished jobs are counted");
    require(stored == stored_before_ + stored_ && ended == ended_before_ + ended_,
            "each end of a job is counted once");
    require(stored_ == open + finished + stats.evicted + purged_, "no job is lost");
    require(stats.waits == pending_.size(), "who waits is counted");
}

void LedgerModel::check_list(Now now) {
    const auto list = std::get<ListAnswer>(answer(AskList{{}, "", "", 0, 1000, 0}, now));
    require(list.jobs.size() == jobs_.size() && list.cursor == 0, "every job is listed");
}

void LedgerModel::check_all(Now now) {
    std::vector<std::string> gone;
    for (auto& [id, known] : jobs_) check_job(id, known, now, gone);
    for (const std::string& id : gone) jobs_.erase(id);
    for (const auto& [number, id] : owed_) {
        const auto found = jobs_.find(id);
        require(found != jobs_.end() && !found->second.outcome, "what has ended is settled");
    }
    require(unanswered_.empty(), "every number that was given is answered");
    check_stats(now);
}

void LedgerModel::check_empty(Now now) {
    check_all(now);
    const auto stats = std::get<SinkStats>(answer(AskStats{}, now));
    require(ledger_.jobs() == 0 && jobs_.empty(), "nothing is kept for ever");
    require(stats.bytes == 0, "bytes are given back");
    require(pending_.empty(), "nobody waits for ever");
    require(ledger_.wake_at() == kNever, "there is nothing to wake up for");
}

} // namespace penstock::fuzz
