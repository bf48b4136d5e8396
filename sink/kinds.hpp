#pragma once
// The kinds that the pipeline knows, and what was set for them while it ran. A part of the ledger.
//
// The sink remembers them because a ventilator forgets with its process; a ventilator that outlives
// its sink tells them to the next one. So they are lost only with both.

#include "protocol/questions.hpp"

#include <map>
#include <string>

namespace penstock::sink {

class KnownKinds {
public:
    static constexpr std::size_t kMost = 10'000; // the ventilator bounds them too

    // What a ventilator says when it meets this sink, and whenever a new kind joins. What it holds
    // of an earlier sink's settings counts only where nothing was set here since. Returns what it is
    // to be told, because it may hold otherwise.
    Kinds hear(const Kinds& told);

    // Before a ventilator was heard nothing can be set: what an earlier sink was told last may still
    // be on its way here.
    [[nodiscard]] bool heard() const { return heard_; }

    // What holds for the kind then; null if there are too many kinds.
    const KindSettings* set(const AskKind& wish);

    // Until one is known, all are taken: the ventilator's rule, for jobs that don't come by it.
    [[nodiscard]] bool takes(const std::string& name) const {
        return kinds_.empty() || kinds_.contains(name);
    }

    [[nodiscard]] Kinds all() const;

    // As it was kept.
    void restore(const std::string& name, const KindSettings& settings, bool was_set);
    struct Kind {
        KindSettings settings;
        bool was_set = false; // here, not by a ventilator's configuration
    };
    [[nodiscard]] const Kind* find(const std::string& name) const {
        const auto found = kinds_.find(name);
        return found == kinds_.end() ? nullptr : &found->second;
    }

private:
    Kind* find_or_add(const std::string& name);

    std::map<std::string, Kind, std::less<>> kinds_;
    bool heard_ = false;
};

} // namespace penstock::sink
