#include "sink/kinds.hpp"

#include <array>
#include <string_view>

namespace penstock::sink {
namespace {

void overlay(KindSettings& to, const KindSettings& set) {
    if (set.max_running) to.max_running = set.max_running;
    if (set.rate) to.rate = set.rate;
    if (set.paused) to.paused = set.paused;
    if (set.weight) to.weight = set.weight;
    if (set.timeout) to.timeout = set.timeout;
}

void clear(KindSettings& from, std::string_view name) {
    if (name == "max_running") from.max_running.reset();
    if (name == "rate") from.rate.reset();
    if (name == "paused") from.paused.reset();
    if (name == "weight") from.weight.reset();
    if (name == "timeout") from.timeout.reset();
}

} // namespace

KnownKinds::Kind* KnownKinds::find_or_add(const std::string& name) {
    const auto found = kinds_.find(name);
    if (found != kinds_.end()) return &found->second;
    if (kinds_.size() >= kMost) return nullptr;
    return &kinds_[name];
}

Kinds KnownKinds::hear(const Kinds& told) {
    heard_ = true;
    Kinds answer;
    for (const Kinds::Row& row : told.rows) {
        Kind* kind = find_or_add(row.kind);
        if (kind == nullptr) continue;
        const KindSettings before = kind->settings;
        if (!kind->was_set) overlay(kind->settings, row.settings);
        // What changed here may contradict what was told on the way to that ventilator.
        const bool agreed = kind->settings == before && kind->settings == row.settings;
        if (!agreed) answer.rows.push_back({row.kind, kind->settings});
    }
    return answer;
}

const KindSettings* KnownKinds::set(const AskKind& wish) {
    Kind* kind = find_or_add(wish.kind);
    if (kind == nullptr) return nullptr;
    kind->was_set = true;
    overlay(kind->settings, wish.set);
    for (const std::string& name : wish.clear) clear(kind->settings, name);
    return &kind->settings;
}

void KnownKinds::restore(const std::string& name, const KindSettings& settings, bool was_set) {
    kinds_[name] = {settings, was_set};
}

Kinds KnownKinds::all() const {
    Kinds out;
    out.rows.reserve(kinds_.size());
    for (const auto& [name, kind] : kinds_) out.rows.push_back({name, kind.settings});
    return out;
}

} // namespace penstock::sink
