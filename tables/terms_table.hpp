#pragma once
// Equal terms are kept once, however many jobs have them.

#include "protocol/check.hpp"
#include "protocol/terms.hpp"
#include "tables/slab.hpp"

#include <cstdint>
#include <functional>
#include <string_view>
#include <unordered_map>

namespace penstock {

struct TermsHash {
    std::size_t operator()(const Terms& t) const {
        const std::hash<std::string_view> text;
        std::size_t h = text(t.kind);
        const auto add = [&h](std::size_t v) { h = (h ^ v) * 0x9e3779b97f4a7c15ull; };
        add(static_cast<std::size_t>(t.priority));
        add(static_cast<std::size_t>(t.delay.count()) ^ static_cast<std::size_t>(t.ttl.count()));
        add(static_cast<std::size_t>(t.timeout.count()) ^ t.max_attempts);
        add(text(t.tenant) ^ text(t.content_type));
        for (const auto& tag : t.tags) add(text(tag));
        for (const auto& need : t.needs) add(text(need));
        return h;
    }
};

class TermsTable {
public:
    // A place in a table of the owner's, with the life of what stood there when it was noted.
    struct Note {
        Index index = kNoIndex;
        std::uint32_t life = 0; // 0: nothing was noted
    };

    struct Entry {
        std::uint64_t jobs = 0;
        std::uint64_t key = 0; // in a store; 0: it is not there
        Note queue; // where jobs with these terms waited last
    };

    using Pointer = std::pair<const Terms, Entry>*; // null: none

    // Stays valid until forget_if_unused. REQUIRES: the caller adds its jobs to `jobs` itself.
    Pointer intern(Terms&& terms) { return &*entries_.try_emplace(std::move(terms)).first; }

    void forget_if_unused(Pointer entry) {
        if (entry->second.jobs == 0) entries_.erase(entries_.find(entry->first));
    }

    void release(Pointer entry) {
        PENSTOCK_CHECK(entry->second.jobs > 0);
        --entry->second.jobs;
        forget_if_unused(entry);
    }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }

private:
    std::unordered_map<Terms, Entry, TermsHash> entries_;
};

} // namespace penstock
