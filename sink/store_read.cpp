// Reading the durable store, row by row.

#include "sink/crc.hpp"
#include "sink/statement.hpp"
#include "sink/store.hpp"

namespace penstock::sink {

namespace {

constexpr std::uint64_t kPageJobs = 10'000; // read at a time

WallTime wall(std::int64_t micros) {
    return WallTime(std::chrono::microseconds(micros));
}

Changes::Attempt::How how_of(std::string_view word) {
    using How = Changes::Attempt::How;
    for (const How how : {How::answered, How::failed, How::lost}) {
        if (word == Changes::word(how)) return how;
    }
    return How::running;
}

[[noreturn]] void damaged(const std::string& path, const std::string& what) {
    throw StoreError("The store " + path + " is damaged: " + what +
                     ". Nothing was changed. Put a backup in its place.");
}

JobId id_of(const std::string& path, const Statement& row, int column) {
    const auto id = JobId::parse(row.bytes(column));
    if (!id) damaged(path, "\"" + row.text(column) + "\" is no id");
    return *id;
}

JobId some_id_of(const std::string& path, const Statement& row, int column) {
    return row.is_null(column) ? JobId() : id_of(path, row, column);
}

std::vector<std::string> texts_of(Statement& split, std::string_view json) {
    std::vector<std::string> out;
    if (json.empty()) return out;
    split.bind(json);
    while (split.step()) out.push_back(split.text(0));
    return out;
}

void read_terms(sqlite3* db, Changes& out) {
    Statement row(db, "SELECT * FROM terms"), split(db, "SELECT value FROM json_each(?)");
    while (row.step()) {
        Terms t;
        t.kind = row.text(1);
        t.priority = static_cast<int>(row.integer(2));
        t.delay = from_seconds(row.number(3, 0));
        t.ttl = from_seconds(row.number(4, 0));
        t.timeout = from_seconds(row.number(5, 0));
        t.max_attempts = row.small(6);
        t.backoff = from_seconds(row.number(7, 0));
        t.redeliver = row.integer(8) != 0;
        t.tenant = row.text(9);
        t.content_type = row.text(10);
        t.tags = texts_of(split, row.bytes(11));
        t.needs = texts_of(split, row.bytes(12));
        out.terms.push_back({row.natural(0), std::move(t)});
    }
}

void read_kinds(sqlite3* db, Changes& out) {
    Statement row(db, "SELECT * FROM kinds");
    while (row.step()) {
        KindSettings k;
        if (!row.is_null(1)) k.max_running = row.small(1);
        if (!row.is_null(2)) k.rate = row.number(2, 0);
        if (!row.is_null(3)) k.paused = row.integer(3) != 0;
        if (!row.is_null(4)) k.weight = row.number(4, 0);
        if (!row.is_null(5)) k.timeout = from_seconds(row.number(5, 0));
        out.kinds.push_back({row.text(0), k, row.integer(6) != 0});
    }
}

void read_groups(sqlite3* db, const std::string& path, Changes& out) {
    Statement row(db, "SELECT * FROM groups ORDER BY first_job");
    while (row.step()) {
        Changes::GroupRow g;
        g.first_order = row.natural(0);
        g.id = id_of(path, row, 1);
        for (const GroupMode mode : {GroupMode::all, GroupMode::first, GroupMode::chain}) {
            if (row.bytes(2) == to_string(mode)) g.mode = mode;
        }
        g.state = parse_state(row.bytes(3)).value_or(State::running);
        g.ending = static_cast<Ending>(row.integer(4));
        g.members = row.small(5);
        g.winner = row.natural(6);
        g.then_order = row.natural(7);
        g.then_id = some_id_of(path, row, 8);
        g.on_failure_order = row.natural(9);
        g.on_failure_id = some_id_of(path, row, 10);
        if (!row.is_null(11)) g.body = row.natural(11);
        g.submitted = wall(row.integer(12));
        g.finished = wall(row.integer(13));
        out.groups.push_back(std::move(g));
    }
}

Changes::Job job_of(const std::string& path, const Statement& row, Changes& out) {
    Changes::Job job;
    job.order = row.natural(0);
    job.id = id_of(path, row, 1);
    job.terms = row.natural(2);
    job.submitted = wall(row.integer(3));
    job.begun = row.is_null(4) ? job.submitted : wall(row.integer(4));
    job.epoch = row.natural(5);
    job.number = row.natural(6);
    job.custody = static_cast<Custody>(row.integer(7));
    job.cancelling = row.integer(8) != 0;
    job.group = row.natural(9);
    job.retry_of = some_id_of(path, row, 10);
    if (row.natural(12) != crc_of(row.bytes(1), row.bytes(11))) {
        damaged(path, "the checksum of job " + std::to_string(job.order) + " (id " + row.text(1) +
                          ", table jobs) does not fit its bytes");
    }
    job.payload = out.add(row.bytes(11));
    return job;
}

Changes::Attempt attempt_of(const Statement& row) {
    Changes::Attempt a;
    a.order = row.natural(0);
    a.attempt = row.small(1);
    a.how = how_of(row.bytes(2));
    a.suspect = row.integer(3) != 0;
    a.worker = row.text(4);
    a.at = wall(a.how == Changes::Attempt::How::running ? row.integer(5) : row.integer(6));
    a.run_seconds = row.number(7, -1);
    a.failure = {row.text(8), row.text(9), row.integer(10) != 0};
    a.token = row.natural(11);
    return a;
}

Changes::Outcome outcome_of(const std::string& path, const Statement& row, Changes& out) {
    Changes::Outcome o;
    o.order = row.natural(0);
    const auto state = parse_state(row.bytes(1));
    const bool fits = row.natural(14) == crc_of(row.bytes(1), row.bytes(13));
    if (!state || !is_final(*state) || !fits) {
        damaged(path, "the checksum of job " + std::to_string(o.order) +
                          "'s outcome (table outcomes) does not fit its bytes");
    }
    o.state = *state;
    o.finished = wall(row.integer(2));
    o.started = wall(row.integer(3));
    o.attempt = row.small(4);
    o.worker = row.text(5);
    o.queued_seconds = static_cast<float>(row.number(6, -1));
    o.waited_seconds = static_cast<float>(row.number(7, -1));
    o.run_seconds = static_cast<float>(row.number(8, -1));
    o.failure = {row.text(9), row.text(10), false};
    o.note = row.text(11);
    o.content_type = row.text(12);
    o.value = out.add(row.bytes(13));
    return o;
}

} // namespace

void DurableStore::read(const std::function<void(const Changes&)>& page,
                        const std::function<void()>& all) {
    try {
        read_pages(page);
        all();
    } catch (const Damaged& error) {
        damaged(path_, error.what());
    } catch (const StoreError& error) {
        throw StoreError(in_words(error.what()));
    }
}

void DurableStore::read_pages(const std::function<void(const Changes&)>& page) {
    Changes out;
    Statement epoch(db_, "SELECT epoch, instance, numbers FROM epochs ORDER BY epoch");
    while (epoch.step()) {
        out.epochs.push_back({epoch.natural(0), epoch.natural(1), epoch.natural(2)});
    }
    read_terms(db_, out);
    read_kinds(db_, out);
    read_groups(db_, path_, out);
    Statement job(db_, "SELECT * FROM jobs WHERE job > ? ORDER BY job LIMIT ?");
    Statement attempt(db_, "SELECT * FROM attempts WHERE job BETWEEN ? AND ? ORDER BY job, attempt");
    Statement outcome(db_, "SELECT * FROM outcomes WHERE job BETWEEN ? AND ? ORDER BY job");
    for (std::uint64_t last = 0;;) {
        job.bind(last).bind(kPageJobs);
        while (job.step()) out.jobs.push_back(job_of(path_, job, out));
        if (!out.jobs.empty()) {
            const std::uint64_t first = out.jobs.front().order;
            last = out.jobs.back().order;
            attempt.bind(first).bind(last);
            while (attempt.step()) out.attempts.push_back(attempt_of(attempt));
            outcome.bind(first).bind(last);
            while (outcome.step()) out.outcomes.push_back(outcome_of(path_, outcome, out));
        }
        const bool is_last = out.jobs.size() < kPageJobs;
        page(out);
        if (is_last) return;
        out.clear();
    }
}

} // namespace penstock::sink
