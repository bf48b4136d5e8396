#include "sink/recorded.hpp"

#include "sink/rows_on_tape.hpp"

#include <iterator>
#include <utility>

namespace penstock::sink {
namespace {

// Names every member once; one that is added does not compile until it is here.
constexpr auto kEachLimit = [](auto io, auto& limits) {
    auto& [result_ttl, finished_max, finished_bytes_max, open_max, open_bytes_max, waits_max,
           durability, refused_max, refused_for] = limits;
    io(result_ttl), io(finished_max), io(finished_bytes_max), io(open_max), io(open_bytes_max);
    io(waits_max), io(refused_max), io(refused_for);
    static_cast<void>(durability); // stands by itself
};

record::Header header_of(const Limits& limits, std::uint64_t seed, Now now) {
    return {"sink", now, seed, false, record::numbers_of(limits, kEachLimit), limits.durability};
}

} // namespace

const RecordedLedger::Bodies RecordedLedger::kNoBodies;

Limits limits_of(const record::Header& header) {
    auto limits = record::limits_of<Limits>(header, kEachLimit);
    limits.durability = header.durability;
    return limits;
}

void add(record::Spoken& spoken, const Outbox& out) {
    const auto say = [&](const auto& message, bool is_any) {
        if (is_any) spoken.add(FromSink(message));
    };
    say(out.kinds, !out.kinds.rows.empty());
    say(out.stored, out.has_stored());
    say(out.settled, !out.settled.rows.empty() || !out.settled.failed.empty());
    say(out.open, !out.open.rows.empty());
    say(out.cancel, !out.cancel.numbers.empty());
    for (const Take& take : out.takes) say(take, true);
    for (const Reply& reply : out.replies) {
        spoken.add("to askers", 1, reply.asker);
        spoken.add(reply.request, reply.answer);
    }
    for (const StoredReply& reply : out.stored_replies) {
        spoken.add("stored answer", 1, reply.asker, reply.request);
    }
}

record::Said said_of(const Changes& changes) {
    record::Put put;
    put(changes);
    record::Said out;
    out.crc = record::crc_of(put.encoded());
    const auto count = [&](const char* sort, std::size_t much) {
        if (much > 0) out.counts.push_back({sort, much});
    };
    count("job rows", changes.jobs.size());
    count("attempt rows", changes.attempts.size());
    count("outcome rows", changes.outcomes.size());
    count("group rows", changes.groups.size());
    count("jobs gone", changes.jobs_gone.size());
    count("other rows", changes.epochs.size() + changes.terms.size() + changes.kinds.size() +
                            changes.groups_gone.size() + changes.terms_gone.size());
    return out;
}

// ---- bodies -------------------------------------------------------------------------------

std::vector<std::uint64_t> bodies_of(const Store& store) {
    std::vector<std::uint64_t> out;
    out.reserve(store.rows.size());
    for (const auto& row : store.rows) out.push_back(body_digest(store.terms, row.payload));
    return out;
}

std::vector<std::uint64_t> bodies_of(const StatusQuestion& question) {
    std::vector<std::uint64_t> out;
    const auto* group = std::get_if<OpenGroup>(&question);
    if (group == nullptr) return out;
    for (const auto& part : group->parts) {
        for (const auto& row : part.rows) out.push_back(body_digest(part.terms, row.payload));
    }
    for (const auto* callback : {&group->then, &group->on_failure}) {
        if (*callback) out.push_back(body_digest((*callback)->terms, (*callback)->payload));
    }
    return out;
}

std::vector<std::uint64_t> bodies_of(const Changes& page, std::map<std::uint64_t, Terms>& terms) {
    for (const auto& row : page.terms) terms.insert_or_assign(row.key, row.terms);
    std::vector<std::uint64_t> out;
    for (const auto& job : page.jobs) {
        out.push_back(body_digest(terms[job.terms], page.view(job.payload)));
    }
    return out;
}

// ---- writing ------------------------------------------------------------------------------

RecordedLedger::RecordedLedger(const Limits& limits, std::uint64_t seed, Now now,
                               const record::Recording& recording)
    : machine_(limits, seed, now.at), notes_(recording, header_of(limits, seed, now)) {}

RecordedLedger::Bodies RecordedLedger::covered(Bodies bodies) const {
    for (std::uint64_t& body : bodies) body = notes_.mask().cover(body);
    return bodies;
}

void RecordedLedger::cover(OpenGroup& group) {
    std::size_t size = 0;
    const auto each = [&](auto with) {
        for (auto& part : group.parts) {
            for (auto& row : part.rows) with(row.payload);
        }
        for (auto* callback : {&group.then, &group.on_failure}) {
            if (*callback) with((*callback)->payload);
        }
    };
    each([&](Bytes payload) { size += payload.size(); });
    notes_.room().resize(size);
    char* at = notes_.room().data();
    each([&](Bytes& payload) {
        notes_.mask().cover(payload, at);
        payload = {at, payload.size()};
        at += payload.size();
    });
}

void RecordedLedger::cover(Changes& page) const {
    const std::string bytes = page.bytes;
    const auto cover = [&](Changes::Part part) {
        notes_.mask().cover(std::string_view(bytes).substr(part.from, part.size),
                    page.bytes.data() + part.from);
    };
    for (const auto& job : page.jobs) cover(job.payload);
    for (const auto& outcome : page.outcomes) cover(outcome.value);
}

void RecordedLedger::note(const ToSink& message, Now now) {
    const auto* store = std::get_if<Store>(&message);
    if (store == nullptr || !notes_.mask().covers()) {
        return notes_.add_at(now, OnTape::fact, std::string_view(encode(LinkHead{}, message)), kNoBodies);
    }
    const Bodies bodies = covered(bodies_of(*store));
    Store shown{store->first, store->terms, store->rows, {}, store->again};
    notes_.mask().cover(shown.rows, &Store::Row::payload, notes_.room());
    notes_.add_at(now, OnTape::fact, std::string_view(encode(LinkHead{}, ToSink(std::move(shown)))), bodies);
}

void RecordedLedger::note(const Result& result, Now now) {
    if (!notes_.mask().covers()) {
        return notes_.add_at(now, OnTape::fact, std::string_view(encode(result)), kNoBodies);
    }
    Result shown{result.epoch, result.worker, result.content_type, result.rows, {}, result.queued_us};
    notes_.mask().cover(shown.rows, &ResultRow::value, notes_.room());
    notes_.add_at(now, OnTape::fact, std::string_view(encode(shown)), kNoBodies);
}

void RecordedLedger::note(const Partial& partial) {
    Partial shown{partial.id, partial.attempt, partial.value, {}};
    if (notes_.mask().covers()) {
        notes_.room().resize(partial.value.size());
        notes_.mask().cover(partial.value, notes_.room().data());
        shown.value = notes_.room();
    }
    notes_.add(OnTape::fact, std::string_view(encode(shown)), kNoBodies);
}

void RecordedLedger::note(Asker asker, const AskStored::Row& row, Duration timeout, Now now) {
    std::optional<std::uint64_t> body = row.body;
    if (body) body = notes_.mask().cover(*body);
    notes_.add_at(now, OnTape::ask_stored, asker, timeout, row.request, row.id, body);
}

void RecordedLedger::note(Asker asker, Request request, const StatusQuestion& question, Now now) {
    StatusQuestion shown = question;
    Bodies bodies;
    if (notes_.mask().covers()) {
        bodies = covered(bodies_of(question));
        if (auto* group = std::get_if<OpenGroup>(&shown)) cover(*group);
        auto* wait = std::get_if<AskWait>(&shown);
        if (wait != nullptr && wait->body) wait->body = notes_.mask().cover(*wait->body);
    }
    notes_.add_at(now, OnTape::question, asker, std::string_view(encode(request, shown)), bodies);
}

HelloAnswer RecordedLedger::hello(const Hello& hello, std::uint64_t life) {
    if (notes_) {
        notes_.add(OnTape::hello, std::string_view(encode(std::nullopt, StatusQuestion{hello})), life);
    }
    HelloAnswer answer = machine_.hello(hello, life);
    if (notes_) {
        notes_.spoken.add(std::nullopt, StatusAnswer(answer));
        notes_.heard();
    }
    return answer;
}

// The first page has all terms and groups; a record has only so many elements.
template <class Row>
void RecordedLedger::note_pieces(std::vector<Row>& rows, std::vector<Row> Changes::* member, Now now) {
    constexpr std::ptrdiff_t kPiece = 50'000;
    while (std::ssize(rows) > kPiece) {
        Changes piece;
        (piece.*member).assign(rows.begin(), rows.begin() + kPiece);
        rows.erase(rows.begin(), rows.begin() + kPiece);
        notes_.add_at(now, OnTape::restore, piece, piece.bytes, kNoBodies);
    }
}

void RecordedLedger::restore(const Changes& page, Now now) {
    if (notes_) {
        Bodies bodies;
        Changes shown = page;
        if (notes_.mask().covers()) {
            bodies = covered(bodies_of(page, terms_));
            cover(shown);
        }
        note_pieces(shown.terms, &Changes::terms, now);
        note_pieces(shown.groups, &Changes::groups, now);
        notes_.add_at(now, OnTape::restore, shown, shown.bytes, bodies);
    }
    machine_.restore(page, now);
}

void RecordedLedger::restored(Now now) {
    if (notes_) notes_.add_at(now, OnTape::restored);
    terms_.clear();
    machine_.restored(now);
}

Changes RecordedLedger::take_changes() {
    if (notes_) notes_.add(OnTape::take_changes);
    Changes changes = machine_.take_changes();
    if (notes_) notes_.heard(said_of(changes));
    return changes;
}

void RecordedLedger::note_said(const Outbox& out) {
    add(notes_.spoken, out);
    notes_.said(record::Sort::said);
}

} // namespace penstock::sink
