#include "record/spoken.hpp"

#include "protocol/fields.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace penstock::record {
namespace {

// How many jobs a message is about; 1 if it is about none or one.
template <class Message>
std::uint64_t jobs_of(const Message& m) {
    const auto counted = [](const auto& ranges) {
        std::uint64_t all = 0;
        for (const auto& range : ranges) all += range.count;
        return all;
    };
    if constexpr (std::is_same_v<Message, Stored>)
        return counted(m.rows) + m.duplicates.size() + m.conflicts.size() + m.refused.size() +
               counted(m.unknown);
    else if constexpr (std::is_same_v<Message, Settled>)
        return counted(m.rows) + m.failed.size();
    else if constexpr (requires { m.rows.front().count; })
        return counted(m.rows);
    else if constexpr (requires { m.rows.size(); })
        return m.rows.size();
    else if constexpr (requires { m.ids.size(); })
        return m.ids.size();
    else if constexpr (requires { m.numbers.size(); })
        return m.numbers.size();
    else
        return 1;
}

template <class Variant, std::size_t N>
std::string_view name(const Variant& message, const std::array<std::string_view, N>& names) {
    static_assert(N == std::variant_size_v<Variant>);
    return names[message.index()];
}

// In the place of a value: how large it is.
void blank(std::string& value) {
    if (value.empty()) return;
    std::string size;
    Writer(size).natural(value.size());
    value = size;
}

void blank(StatusAnswer& answer) {
    if (auto* job = std::get_if<JobAnswer>(&answer)) blank(job->job.value);
    if (auto* partials = std::get_if<PartialsAnswer>(&answer)) {
        for (auto& row : partials->rows) blank(row.value);
    }
    if (auto* group = std::get_if<GroupAnswer>(&answer)) {
        for (auto& job : group->jobs) blank(job.value);
    }
}

bool has_value(const StatusAnswer& answer) {
    const auto* job = std::get_if<JobAnswer>(&answer);
    return (job != nullptr && !job->job.value.empty()) ||
           std::holds_alternative<PartialsAnswer>(answer) ||
           std::holds_alternative<GroupAnswer>(answer);
}

} // namespace

std::string_view name_of(const ToSink& m) {
    return name(m, std::array<std::string_view, 11>{"store", "started", "retrying", "lost", "final",
                                                    "refused", "taken", "kinds", "holds", "confirm",
                                                    "resend"});
}

std::string_view name_of(const FromSink& m) {
    return name(m, std::array<std::string_view, 9>{"stored", "settled", "returned", "open", "cancel",
                                                   "take", "kinds", "confirm", "resend"});
}

std::string_view name_of(const LaneMessage& m) {
    return name(m, std::array<std::string_view, 5>{"job", "cancel job", "ping", "drain", "settled"});
}

std::string_view name_of(const VentilatorFact& fact) {
    if (const auto* linked = std::get_if<Linked<FromSink>>(&fact)) return name_of(linked->message);
    return name(fact, std::array<std::string_view, 4>{"submit", "heartbeat", "bye", ""});
}

std::string_view name_of(const SinkFact& fact) {
    if (const auto* linked = std::get_if<Linked<ToSink>>(&fact)) return name_of(linked->message);
    return name(fact, std::array<std::string_view, 4>{"", "result", "progress", "partial"});
}

std::string_view name_of(const ControlQuestion& q) {
    return name(q, std::array<std::string_view, 6>{"join", "ask room", "ask workers", "ask stats",
                                                   "ask position", "ask explain"});
}

std::string_view name_of(const StatusQuestion& q) {
    return name(q, std::array<std::string_view, 14>{
                       "ask status", "ask wait", "ask stored", "ask list", "ask stats", "ask cancel",
                       "hello", "ask kind", "ask retry", "ask partials", "ask many", "open group",
                       "ask group", "cancel group"});
}

void Spoken::count(std::string_view sort, std::uint64_t much) {
    const auto same = [sort](const auto& each) { return each.first == sort; };
    const auto known = std::find_if(counts_.begin(), counts_.end(), same);
    if (known == counts_.end())
        counts_.emplace_back(sort, much);
    else
        known->second += much;
}

Said Spoken::take() {
    Said out;
    out.crc = crc_of(text_);
    for (const auto& [sort, much] : counts_) out.counts.push_back({std::string(sort), much});
    text_.clear();
    counts_.clear();
    return out;
}

void Spoken::put_terms(Writer& w, const Terms& terms) {
    w.map(count_terms(terms));
    write_terms(w, terms);
}

void Spoken::say(const Store& m) {
    Writer w(text_);
    put_terms(w.natural(m.first).boolean(m.again), m.terms);
    for (const auto& row : m.rows) {
        w.id(row.id).natural(row.payload.size()).natural(row.attempt).natural(row.deaths);
    }
}

void Spoken::say(const Take& m) {
    Writer w(text_);
    put_terms(w, m.terms);
    for (const auto& row : m.rows) {
        w.id(row.id).natural(row.payload.size()).natural(row.attempt).natural(row.deaths);
        w.integer(row.age.count()).boolean(row.runs);
    }
}

void Spoken::say(const JobBatch& m) {
    Writer w(text_);
    w.natural(m.epoch).text(m.kind).integer(m.timeout.count()).text(m.content_type);
    w.boolean(m.together).natural(m.queued_us);
    for (const Range& range : m.settled) w.natural(range.first).natural(range.count);
    for (const auto& row : m.rows) {
        w.natural(row.number).id(row.id).natural(row.attempt).natural(row.payload.size());
    }
}

void Spoken::add(const ToSink& message) {
    count(name_of(message), std::visit([](const auto& m) { return jobs_of(m); }, message));
    if (const auto* store = std::get_if<Store>(&message))
        say(*store);
    else
        text_ += encode(LinkHead{}, message);
}

void Spoken::add(const FromSink& message) {
    count(name_of(message), std::visit([](const auto& m) { return jobs_of(m); }, message));
    if (const auto* take = std::get_if<Take>(&message))
        say(*take);
    else
        text_ += encode(LinkHead{}, message);
}

void Spoken::add(const LaneMessage& message) {
    count(name_of(message), std::visit([](const auto& m) { return jobs_of(m); }, message));
    std::visit(
        [this](const auto& m) {
            if constexpr (std::is_same_v<decltype(m), const JobBatch&>)
                say(m);
            else
                text_ += encode(m);
        },
        message);
}

void Spoken::add(const ControlAnswer& answer) {
    count("answer", 1);
    text_ += encode(std::nullopt, answer);
}

void Spoken::add(Request request, const StatusAnswer& answer) {
    count("answer", 1);
    if (!has_value(answer)) {
        text_ += encode(request, answer);
        return;
    }
    StatusAnswer shown = answer;
    blank(shown);
    text_ += encode(request, shown);
}

} // namespace penstock::record
