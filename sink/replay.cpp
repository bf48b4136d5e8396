#include "sink/replay.hpp"

#include "sink/rows_on_tape.hpp"

#include <algorithm>
#include <utility>

namespace penstock::sink {
namespace {

bool is(const record::TapeReader& tape, OnTape what) {
    return tape.sort() == static_cast<std::uint64_t>(what);
}

template <class T>
T read(record::TapeReader& tape) {
    T value{};
    record::Get get(tape);
    get(value);
    return value;
}

Changes read_page(record::TapeReader& tape) {
    Changes page = read<Changes>(tape);
    page.bytes = read<std::string>(tape);
    const auto fits = [&page](Changes::Part part) {
        return part.from <= page.bytes.size() && part.size <= page.bytes.size() - part.from;
    };
    const bool whole =
        std::all_of(page.jobs.begin(), page.jobs.end(), [&](auto& r) { return fits(r.payload); }) &&
        std::all_of(page.outcomes.begin(), page.outcomes.end(), [&](auto& r) { return fits(r.value); });
    if (!whole) tape.fail("bytes of its rows are missing");
    return page;
}

} // namespace

// ---- bodies -------------------------------------------------------------------------------

void Bodies::learn(const std::vector<std::uint64_t>& then, const std::vector<std::uint64_t>& now) {
    for (std::size_t i = 0; i < std::min(then.size(), now.size()); ++i) bodies_[then[i]] = now[i];
}

void Bodies::learn(record::TapeReader& tape) {
    using Numbers = std::vector<std::uint64_t>;
    Reader reader;
    std::map<std::uint64_t, Terms> terms;
    if (tape.header().has_payloads) return;
    while (tape.next()) {
        if (is(tape, OnTape::restore)) {
            const Changes page = read_page(tape);
            learn(read<Numbers>(tape), bodies_of(page, terms));
        } else if (is(tape, OnTape::fact)) {
            const std::string_view frame = tape.bytes();
            const auto bodies = read<Numbers>(tape);
            if (bodies.empty()) continue;
            for (const auto& fact : decode_sink_door(reader, frame).messages) {
                const auto* linked = std::get_if<Linked<ToSink>>(&fact);
                const auto* store = linked == nullptr ? nullptr : std::get_if<Store>(&linked->message);
                if (store != nullptr) learn(bodies, bodies_of(*store));
            }
        } else if (is(tape, OnTape::question)) {
            static_cast<void>(tape.natural()); // the asker
            const std::string_view frame = tape.bytes();
            const auto bodies = read<Numbers>(tape);
            if (bodies.empty()) continue;
            for (const auto& asked : decode_status(reader, frame).messages) {
                learn(bodies, bodies_of(asked.question));
            }
        }
    }
}

std::optional<std::uint64_t> Bodies::find(std::optional<std::uint64_t> body) const {
    if (!body) return body;
    const auto known = bodies_.find(*body);
    return known == bodies_.end() ? body : known->second;
}

// ---- the machine --------------------------------------------------------------------------

Replay::Replay(record::TapeReader& tape, Bodies bodies)
    : tape_(tape), bodies_(std::move(bodies)),
      machine_(limits_of(tape.header_of("sink")), tape.header().seed, tape.header().begun.at) {}

void Replay::show(const JobId& id, record::Show show) {
    about_.emplace(id);
    show_ = std::move(show);
}

std::optional<record::Difference> Replay::compare(const std::string& of, const record::Said& now) {
    record::Said then = tape_.said();
    if (then == now) return std::nullopt;
    return record::Difference{tape_.number(), tape_.now().at - tape_.header().begun.at, of,
                              std::move(then), now};
}

std::optional<record::Difference> Replay::play() {
    if (tape_.sort() == static_cast<std::uint64_t>(record::Sort::heard)) {
        return compare("the answer to " + asked_, answer_);
    }
    if (tape_.sort() != static_cast<std::uint64_t>(record::Sort::said)) {
        give(static_cast<OnTape>(tape_.sort()));
        return std::nullopt;
    }
    if (about_) show_said();
    record::Spoken spoken;
    add(spoken, out_);
    out_ = {};
    return compare("a turn", spoken.take());
}

void Replay::give(OnTape what) {
    switch (what) {
    case OnTape::restore:
        return give_rows();
    case OnTape::restored:
        return machine_.restored(tape_.now());
    case OnTape::hello:
        return give_hello();
    case OnTape::fact:
        return give_fact();
    case OnTape::ask_stored: {
        ++tally_.given["ask stored"];
        const auto asker = read<Asker>(tape_);
        const auto timeout = read<Duration>(tape_);
        AskStored::Row row{read<std::uint64_t>(tape_), read<JobId>(tape_), std::nullopt};
        row.body = bodies_.find(read<std::optional<std::uint64_t>>(tape_));
        if (about_ && about_->is(row.id)) line("gets", "ask stored");
        return machine_.ask(asker, row, timeout, tape_.now(), out_);
    }
    case OnTape::question:
        return give_question();
    case OnTape::tick:
        return machine_.tick(tape_.now(), out_);
    case OnTape::malformed:
        ++tally_.given["malformed"];
        return machine_.count_malformed();
    case OnTape::take_changes:
        asked_ = "what has changed";
        answer_ = said_of(machine_.take_changes());
        return;
    case OnTape::full:
        return machine_.set_full(read<bool>(tape_));
    case OnTape::ventilator_up:
        ++tally_.given["ventilator up or down"];
        return machine_.set_ventilator_up(read<bool>(tape_));
    case OnTape::forget_link:
        return out_.forget_link();
    }
    tape_.fail("it is of a sort that a sink of this program does not know");
}

void Replay::give_rows() {
    const Changes page = read_page(tape_);
    if (!page.empty()) tally_.given["rows from the store"] += page.rows();
    machine_.restore(page, tape_.now());
    if (!about_) return;
    for (const auto& job : page.jobs) {
        if (about_->is(job.id)) line("reads from its store", "the job");
    }
}

void Replay::give_hello() {
    const auto decoded = decode_status(reader_, tape_.bytes());
    if (!decoded.error.empty() || decoded.messages.size() != 1) tape_.fail("a hello is missing");
    const auto* hello = std::get_if<Hello>(&decoded.messages[0].question);
    if (hello == nullptr) tape_.fail("a hello is missing");
    ++tally_.given["hello"];
    asked_ = "hello";
    const HelloAnswer answer = machine_.hello(*hello, read<std::uint64_t>(tape_));
    if (about_ && std::exchange(epoch_, answer.epoch) != answer.epoch) about_->forget_numbers();
    record::Spoken spoken;
    spoken.add(std::nullopt, StatusAnswer(answer));
    answer_ = spoken.take();
}

void Replay::give_fact() {
    const auto decoded = decode_sink_door(reader_, tape_.bytes());
    if (!decoded.error.empty()) tape_.fail(decoded.error);
    for (const auto& fact : decoded.messages) {
        ++tally_.given[std::string(record::name_of(fact))];
        if (about_) line("gets", about_->words(fact));
        if (const auto* result = std::get_if<Result>(&fact)) {
            machine_.on(*result, tape_.now(), out_);
        } else if (const auto* progress = std::get_if<Progress>(&fact)) {
            machine_.on(*progress);
        } else if (const auto* partial = std::get_if<Partial>(&fact)) {
            machine_.on(*partial, out_);
        } else {
            const ToSink& message = std::get<Linked<ToSink>>(fact).message;
            if (const auto* store = std::get_if<Store>(&message)) tally_.submitted += store->rows.size();
            machine_.on(message, tape_.now(), out_);
        }
    }
}

void Replay::give_question() {
    const auto asker = read<Asker>(tape_);
    auto decoded = decode_status(reader_, tape_.bytes());
    if (!decoded.error.empty()) tape_.fail(decoded.error);
    for (auto& [request, question] : decoded.messages) {
        ++tally_.given[std::string(record::name_of(question))];
        if (auto* wait = std::get_if<AskWait>(&question)) wait->body = bodies_.find(wait->body);
        if (about_) line("gets", about_->words(question));
        machine_.ask(asker, request, question, tape_.now(), out_);
    }
}

void Replay::show_said() {
    const auto say = [this](const auto& message) {
        line("says to the ventilator", about_->words(FromSink(message)));
    };
    say(out_.kinds), say(out_.stored), say(out_.settled), say(out_.open), say(out_.cancel);
    for (const Take& take : out_.takes) say(take);
    for (const Reply& reply : out_.replies) line("answers", about_->words(reply.answer));
}

void Replay::line(const std::string& way, const std::optional<std::string>& text) const {
    if (text) show_({tape_.number(), tape_.now().at - tape_.header().begun.at, way, *text});
}

record::Tally Replay::tally() {
    Outbox out;
    machine_.ask(0, std::nullopt, AskStats{}, tape_.now(), out);
    record::Tally all = tally_;
    for (const Reply& reply : out.replies) {
        const auto* stats = std::get_if<SinkStats>(&reply.answer);
        if (stats == nullptr) continue;
        all.open = stats->open_jobs;
        all.finished = stats->finished_jobs;
        for (const auto& kind : stats->kinds) {
            all.decisions += kind.succeeded + kind.failed + kind.cancelled + kind.expired +
                             kind.quarantined;
        }
    }
    return all;
}

} // namespace penstock::sink
