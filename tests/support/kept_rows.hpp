#pragma once
// A durable store in memory, for tests of what has to survive: rows go in as the real one takes
// them, and come out as it gives them back.

#include "sink/changes.hpp"

#include <map>
#include <string>
#include <utility>

namespace penstock::testing {

class KeptRows {
public:
    void write(const sink::Changes& c) {
        for (const auto& row : c.epochs) epochs_[row.epoch] = row;
        for (const auto& row : c.terms) terms_[row.key] = row;
        for (const auto& row : c.kinds) kinds_[row.kind] = row;
        for (const auto& row : c.groups) groups_[row.first_order] = row;
        for (const auto& row : c.jobs) {
            jobs_[row.order] = {row, std::string(c.view(row.payload))};
            by_id_[row.id.text()] = row.order;
        }
        for (const auto& row : c.attempts) {
            auto& kept = attempts_[{row.order, row.attempt}];
            const bool was_suspect = kept.suspect;
            kept = row;
            kept.suspect = was_suspect || row.suspect;
        }
        for (const auto& row : c.outcomes) {
            const auto [at, is_new] =
                outcomes_.insert_or_assign(row.order, Kept<sink::Changes::Outcome>{row, std::string(c.view(row.value))});
            if (!is_new) ++outcomes_replaced_;
        }
        for (const auto order : c.jobs_gone) {
            if (const auto job = jobs_.find(order); job != jobs_.end()) {
                by_id_.erase(job->second.row.id.text());
                jobs_.erase(job);
            }
            outcomes_.erase(order);
            attempts_.erase(attempts_.lower_bound({order, 0}), attempts_.lower_bound({order + 1, 0}));
        }
        for (const auto first : c.groups_gone) groups_.erase(first);
        for (const auto key : c.terms_gone) terms_.erase(key);
    }

    // All of it, as one page.
    [[nodiscard]] sink::Changes read() const {
        sink::Changes out;
        for (const auto& [key, row] : epochs_) out.epochs.push_back(row);
        for (const auto& [key, row] : terms_) out.terms.push_back(row);
        for (const auto& [key, row] : kinds_) out.kinds.push_back(row);
        for (const auto& [key, row] : groups_) out.groups.push_back(row);
        for (const auto& [key, kept] : jobs_) {
            out.jobs.push_back(kept.row);
            out.jobs.back().payload = out.add(kept.bytes);
        }
        for (const auto& [key, row] : attempts_) out.attempts.push_back(row);
        for (const auto& [key, kept] : outcomes_) {
            out.outcomes.push_back(kept.row);
            out.outcomes.back().value = out.add(kept.bytes);
        }
        return out;
    }

    [[nodiscard]] const sink::Changes::Job* find(const JobId& id) const {
        const auto found = by_id_.find(id.text());
        return found == by_id_.end() ? nullptr : &jobs_.at(found->second).row;
    }

    [[nodiscard]] const JobId* id_of(std::uint64_t order) const {
        const auto found = jobs_.find(order);
        return found == jobs_.end() ? nullptr : &found->second.row.id;
    }

    // Null: it has none.
    [[nodiscard]] const sink::Changes::Outcome* outcome(const JobId& id) const {
        const auto* job = find(id);
        const auto found = job == nullptr ? outcomes_.end() : outcomes_.find(job->order);
        return found == outcomes_.end() ? nullptr : &found->second.row;
    }

    [[nodiscard]] bool has_group(const JobId& id) const {
        for (const auto& [first, row] : groups_) {
            if (row.id == id) return true;
        }
        return false;
    }

    // Of jobs and groups; what is known of kinds stays.
    [[nodiscard]] bool is_empty() const {
        return jobs_.empty() && outcomes_.empty() && attempts_.empty() && groups_.empty() && terms_.empty();
    }

    // Outcomes that were written over another one: there must be none.
    [[nodiscard]] std::uint64_t outcomes_replaced() const { return outcomes_replaced_; }

private:
    template <class Row>
    struct Kept {
        Row row;
        std::string bytes;
    };

    std::map<std::uint64_t, sink::Changes::Epochs> epochs_;
    std::map<std::uint64_t, sink::Changes::KeptTerms> terms_;
    std::map<std::string, sink::Changes::Kind> kinds_;
    std::map<std::uint64_t, sink::Changes::GroupRow> groups_;
    std::map<std::uint64_t, Kept<sink::Changes::Job>> jobs_;
    std::map<std::string, std::uint64_t> by_id_;
    std::map<std::pair<std::uint64_t, std::uint32_t>, sink::Changes::Attempt> attempts_;
    std::map<std::uint64_t, Kept<sink::Changes::Outcome>> outcomes_;
    std::uint64_t outcomes_replaced_ = 0;
};

} // namespace penstock::testing
