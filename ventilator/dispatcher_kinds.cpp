// The dispatcher's kinds: which are known, and what holds for all jobs of one. A setting comes from
// this ventilator's configuration unless the sink remembers another one.

#include "ventilator/dispatcher.hpp"

#include <utility>

namespace penstock::ventilator {
namespace {

KindSettings overlaid(const KindSettings& base, const KindSettings& above) {
    KindSettings out = base;
    if (above.max_running) out.max_running = above.max_running;
    if (above.rate) out.rate = above.rate;
    if (above.paused) out.paused = above.paused;
    if (above.weight) out.weight = above.weight;
    if (above.timeout) out.timeout = above.timeout;
    return out;
}

} // namespace

void Dispatcher::declare_kind(const std::string& name) {
    KindState* kind = kind_of(name);
    if (kind == nullptr || kind->known) return;
    kind->known = true;
    ++known_kinds_;
    untold_kinds_.push_back(kind);
}

void Dispatcher::configure_kind(const std::string& name, const KindSettings& settings) {
    declare_kind(name);
    KindState* kind = kind_of(name);
    if (kind == nullptr) return;
    kind->configured = settings;
    kind->settings = overlaid(kind->configured, kind->remembered);
    look_at(*kind);
}

// All that the sink remembers of each, so that what is absent was cleared.
void Dispatcher::on(const Kinds& m, Instant now) {
    for (const Kinds::Row& row : m.rows) {
        KindState* kind = kind_of(row.kind);
        if (kind == nullptr) continue;
        if (!std::exchange(kind->known, true)) ++known_kinds_; // the sink knows it: not to be told
        kind->remembered = row.settings;
        kind->settings = overlaid(kind->configured, kind->remembered);
        if (kind->settings.rate) kind->rate.restart(*kind->settings.rate, now);
        kind->pace.interrupt();
        look_at(*kind);
    }
}

// A sink that has no memory of us: it takes over what an earlier one remembered. It is told even if
// there is nothing, since it lets nobody set anything before.
void Dispatcher::tell_kinds(Outbox& out) {
    untold_kinds_.clear();
    Kinds all;
    for (const auto& [name, kind] : kinds_) {
        if (kind->known) all.rows.push_back({name, kind->remembered});
    }
    out.to_sink.emplace_back(std::move(all));
}

void Dispatcher::tell_new_kinds(Outbox& out) {
    if (untold_kinds_.empty()) return;
    Kinds fresh;
    for (const KindState* kind : untold_kinds_)
        fresh.rows.push_back({kind->name, kind->remembered});
    untold_kinds_.clear();
    out.to_sink.emplace_back(std::move(fresh));
}

} // namespace penstock::ventilator
