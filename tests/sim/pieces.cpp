// What attempts say ahead of their results, and those who read it: pieces come in their order, each
// once, and those of an attempt that was lost are called so; how far a job is says its newest attempt.

#include "tests/sim/world.hpp"

#include <algorithm>
#include <cmath>

namespace penstock::sim {

using namespace std::chrono_literals;

namespace {

std::string piece_of(std::uint32_t attempt, int number) {
    std::string out;
    Writer(out).text(std::to_string(attempt) + "/" + std::to_string(number));
    return out;
}

// Thousandths say which attempt it is that is so far.
double so_far(std::uint32_t attempt, int piece) {
    return 0.1 * piece + 0.001 * attempt;
}

std::uint32_t attempt_that_is(double so_far) {
    return static_cast<std::uint32_t>(std::lround(so_far * 1000)) % 100;
}

} // namespace

void World::say_pieces(Worker& w, Token token, const Held& held, Duration work) {
    std::vector<Duration> when(1 + static_cast<std::size_t>(chance_.unit() * 5));
    for (Duration& each : when) each = between(0s, work);
    std::sort(when.begin(), when.end());
    for (std::size_t i = 0; i < when.size(); ++i) {
        at(when[i], [this, &w, token, held, i] {
            const bool runs = std::any_of(w.running.begin(), w.running.end(), [&](const auto& each) {
                return each.first == token && each.second.attempt == held.attempt;
            });
            if (runs) say_piece(w, held, static_cast<int>(i));
        });
    }
    const bool is_read = std::any_of(readers_.begin(), readers_.end(), [&](const auto& reader) {
        return reader.id == held.id;
    });
    if (is_read || happens(0.2)) return;
    PieceReader& reader = readers_.emplace_back();
    reader.id = held.id;
    at(between(0s, work), [this, me = readers_.size() - 1] { ask_for_pieces(me); });
}

void World::say_piece(Worker& w, const Held& held, int piece) {
    sayings_[held.id.text()] = {held.attempt, piece + 1};
    const std::string value = piece_of(held.attempt, piece);
    std::vector<std::string> frames = {encode(Partial{held.id, held.attempt, value, {}})};
    if (happens(0.5)) {
        const std::string note = happens(0.5) ? std::to_string(held.attempt) : "";
        frames.push_back(encode(Progress{held.id, held.attempt, so_far(held.attempt, piece), note}));
    }
    if (happens(0.5)) std::reverse(frames.begin(), frames.end());
    for (auto& frame : frames) {
        send(w.sink_pipe, [this, frame = std::move(frame)] { sink_frame(frame); });
    }
    at(between(0ms, 100ms), [this, id = held.id] { check_progress(id); });
}

void World::check_progress(const JobId& id) {
    const auto asked = ask(AskStatus{id, false});
    const JobView& job = std::get<JobAnswer>(asked.replies.at(0).answer).job;
    if (is_final(job.state)) return;
    const bool is_of_another = job.progress >= 0 && attempt_that_is(job.progress) != job.attempt;
    if (is_of_another) fail(id.text() + " is as far as an attempt before");
    const bool is_said_by_another = !job.note.empty() && job.note != std::to_string(job.attempt);
    if (is_said_by_another) fail(id.text() + " says what an attempt before said");
    if (job.progress >= 0) saw(job.attempt > 1 ? "rule: how far a later attempt is" : "rule: how far it is");
}

// ---- readers ------------------------------------------------------------------------------

void World::ask_for_pieces(std::size_t reader) {
    when_sink_runs(0s, [this, reader] {
        PieceReader& r = readers_[reader];
        r.asked = r.waits = true;
        ledger_->ask(kReaders, reader, AskPartials{r.id, r.from, 2s}, both_now(), s_out());
    });
}

void World::read_pieces(std::uint64_t reader, const PartialsAnswer& answer) {
    PieceReader& r = readers_.at(reader);
    const std::string id = r.id.text();
    if (answer.found != Found::found) return fail(id + " runs, and nobody knows its pieces");
    for (const auto& row : answer.rows) {
        if (row.lost) {
            r.lost.insert(row.attempt);
            if (r.good.erase(row.attempt) > 0) saw("rule: a reader was told that pieces are lost");
            continue;
        }
        if (r.lost.contains(row.attempt)) fail("a piece of " + id + " is of an attempt that was lost");
        for (const auto& [attempt, pieces] : r.good) {
            if (attempt != row.attempt) fail("nobody was told that pieces of " + id + " are lost");
        }
        const int next = r.good[row.attempt]++;
        if (row.value != piece_of(row.attempt, next)) fail("a piece of " + id + " is not the next one");
        if (next > 0) saw("rule: pieces in their order");
    }
    r.from = answer.next;
    r.waits = !answer.finished;
    if (r.waits) at(between(0ms, 20ms), [this, reader] { ask_for_pieces(reader); });
}

void World::check_readers() {
    for (const PieceReader& r : readers_) {
        const std::string id = r.id.text();
        if (r.waits) fail(id + " has ended, and the reader of its pieces still waits");
        if (!r.asked || plan_.hang > 0 || plan_.crash > 0 || state_of(id) != State::succeeded) continue;
        const Saying& last = sayings_[id];
        if (last.attempt != static_cast<std::uint32_t>(job_named(id).dispatched)) continue;
        const auto good = r.good.find(last.attempt);
        if (good == r.good.end() || good->second != last.pieces) fail("pieces of " + id + " are missing");
    }
}

} // namespace penstock::sim
