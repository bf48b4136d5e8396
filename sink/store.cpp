#include "sink/store.hpp"

#include "sink/crc.hpp"
#include "sink/log_check.hpp"
#include "sink/schema.hpp"
#include "sink/statement.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <sys/file.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace penstock::sink {
namespace {

constexpr int kApplication = 0x50454e53; // how SQLite's header tells whose file it is
// A file that is given up when the disk is full, so that what is under way can be written.
constexpr off_t kBallast = 16 << 20;

std::int64_t micros(WallTime when) {
    return when.time_since_epoch().count();
}

// Another one after each start of the operating system.
std::string this_boot() {
    std::string id = "unknown";
    std::ifstream("/proc/sys/kernel/random/boot_id") >> id;
    return id;
}

// Of names: there is nothing in them that has to be escaped but these.
std::string json_array(const std::vector<std::string>& list) {
    std::string out;
    for (const std::string& text : list) {
        out += out.empty() ? "[\"" : ",\"";
        for (const char c : text) {
            if (c == '"' || c == '\\') out += '\\';
            out += c;
        }
        out += '"';
    }
    return out.empty() ? out : out + ']';
}

} // namespace

struct DurableStore::Statements {
    explicit Statements(sqlite3* db)
        : begin(db, "BEGIN IMMEDIATE"), commit(db, "COMMIT"),
          epoch(db, "INSERT OR REPLACE INTO epochs VALUES (?,?,?)"),
          terms(db, "INSERT OR REPLACE INTO terms VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"),
          kind(db, "INSERT OR REPLACE INTO kinds VALUES (?,?,?,?,?,?,?)"),
          group(db, "INSERT OR REPLACE INTO groups VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
          job(db, "INSERT OR REPLACE INTO jobs VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)"),
          attempt(db, "INSERT INTO attempts VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12) "
                      "ON CONFLICT DO UPDATE SET how=?3, suspect=coalesce(suspect,?4), worker=coalesce(?5,worker), "
                      "ended=?7, run=?8, code=?9, message=?10, retryable=?11, token=?12"),
          outcome(db, "INSERT OR REPLACE INTO outcomes VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"),
          job_goes(db, "DELETE FROM jobs WHERE job BETWEEN ? AND ?"),
          attempts_go(db, "DELETE FROM attempts WHERE job BETWEEN ? AND ?"),
          outcome_goes(db, "DELETE FROM outcomes WHERE job BETWEEN ? AND ?"),
          group_goes(db, "DELETE FROM groups WHERE first_job = ?"),
          terms_go(db, "DELETE FROM terms WHERE terms = ?") {}

    Statement begin, commit;
    Statement epoch, terms, kind, group, job, attempt, outcome;
    Statement job_goes, attempts_go, outcome_goes, group_goes, terms_go;
};

// ---- opening ------------------------------------------------------------------------------

// However it is called: one file has one lock beside it.
DurableStore::DurableStore(const std::string& path, Sync sync, std::uint64_t reserve)
    : path_(std::filesystem::weakly_canonical(path)), sync_(sync), reserve_(reserve) {
    try {
        lock();
        check_log();
        open();
        migrate();
        check();
        statements_ = std::make_unique<Statements>(db_);
        make_ballast();
    } catch (const StoreError& error) {
        const std::string said = in_words(error.what());
        leave();
        throw StoreError(said);
    }
}

DurableStore::~DurableStore() {
    leave();
}

void DurableStore::leave() {
    statements_.reset();
    sqlite3_close(db_); // the last one to leave moves what is in the log into the file
    if (lock_ >= 0) ::close(lock_);
}

// SQLite's own words say neither which file it is nor what to do.
std::string DurableStore::in_words(const std::string& error) const {
    if (error.starts_with("The ")) return error;
    const int code = sqlite3_errcode(db_) & 0xff;
    const bool is_damaged = code == SQLITE_NOTADB || code == SQLITE_CORRUPT;
    return "The store " + path_ + (is_damaged ? " is damaged, or is no SQLite file: " : " can't be used: ") +
           error + (is_damaged ? ". Nothing was changed. Put a backup in its place, or name another file."
                               : ".");
}

// A file beside it: a lock on the file itself would be SQLite's business.
void DurableStore::lock() {
    const std::string beside = path_ + ".lock";
    lock_ = ::open(beside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (lock_ < 0) {
        throw StoreError("The store " + path_ + " can't be used: " + beside + ": " +
                         std::strerror(errno) + ". The directory must be there and writable.");
    }
    const bool is_mine = flock(lock_, LOCK_EX | LOCK_NB) == 0;
    std::array<char, 96> text{};
    const ssize_t got = pread(lock_, text.data(), text.size() - 1, 0);
    std::istringstream last(std::string(text.data(), got > 0 ? static_cast<std::size_t>(got) : 0));
    std::string pid, boot, sync; // of the sink that had it
    last >> pid >> boot >> sync;
    if (is_mine) {
        may_have_gap_ = sync == "normal" && boot != this_boot();
        const std::string mine = std::to_string(getpid()) + "\n" + this_boot() + "\n" +
                                 (sync_ == Sync::full ? "full\n" : "normal\n");
        if (ftruncate(lock_, 0) != 0 || pwrite(lock_, mine.data(), mine.size(), 0) < 0) {
            return; // the lock holds without it
        }
        return;
    }
    throw StoreError("The store " + path_ + " is in use by another sink (process " +
                     (pid.empty() ? "unknown" : pid) +
                     "). Stop that one, or give this one a file of its own.");
}

// Before SQLite does, which reads what is before a gap and forgets the rest.
void DurableStore::check_log() {
    const std::string path = path_ + "-wal";
    std::ifstream log(path, std::ios::binary);
    const auto damage = damage_of(log);
    if (!damage) return;
    const std::string where = path + " is not as it was written from byte " + std::to_string(damage->byte) +
                              " on (frame " + std::to_string(damage->frame) +
                              "), and there are later transactions behind that";
    if (may_have_gap_) {
        gap_ = where;
        return;
    }
    throw StoreError("The store " + path_ + " is damaged: its log " + where +
                     ". Nothing was changed. Put a backup in its place; or go on without all that is "
                     "behind the damage: sqlite3 " + path_ + " 'PRAGMA wal_checkpoint(TRUNCATE)'.");
}

void DurableStore::run(const char* sql) {
    Statement statement(db_, sql);
    while (statement.step()) {}
}

void DurableStore::open() {
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    if (sqlite3_open_v2(path_.c_str(), &db_, flags, nullptr) != SQLITE_OK) {
        throw StoreError("The store " + path_ + " can't be opened: " + sqlite3_errmsg(db_) + ".");
    }
    sqlite3_extended_result_codes(db_, 1);
    sqlite3_busy_timeout(db_, 1000); // a program that looks at it may be in the way for a moment
    Statement application(db_, "PRAGMA application_id");
    application.step();
    const bool is_ours = application.integer(0) == kApplication;
    application.reset();
    Statement tables(db_, "SELECT count(*) FROM sqlite_schema");
    tables.step();
    const bool is_new = tables.integer(0) == 0;
    tables.reset();
    if (!is_ours && !is_new) {
        throw StoreError("The file " + path_ +
                         " is a SQLite database, but no store of this program. Name another "
                         "file; a new one is made if it is not there.");
    }
    run("PRAGMA page_size = 8192");
    run("PRAGMA journal_mode = WAL");
    run(sync_ == Sync::full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL");
    run("PRAGMA wal_autocheckpoint = 4000");
    run("PRAGMA journal_size_limit = 67108864");
    run("PRAGMA cache_size = -65536");
    run("PRAGMA temp_store = MEMORY");
    // What is behind the gap would stay there, and look like a gap again.
    if (!gap_.empty()) run("PRAGMA wal_checkpoint(TRUNCATE)");
}

void DurableStore::migrate() {
    Statement ask(db_, "PRAGMA user_version");
    ask.step();
    auto version = static_cast<std::size_t>(ask.natural(0));
    ask.reset();
    if (version > kMigrations.size()) {
        throw StoreError("The store " + path_ + " was written by a newer version (schema " +
                         std::to_string(version) + "; this one knows " +
                         std::to_string(kMigrations.size()) + "). Run that version or a newer one.");
    }
    if (version == kMigrations.size()) return;
    run("BEGIN IMMEDIATE");
    for (; version < kMigrations.size(); ++version) {
        if (sqlite3_exec(db_, kMigrations[version], nullptr, nullptr, nullptr) != SQLITE_OK) {
            throw_error(db_, "bringing " + path_ + " to schema " + std::to_string(version + 1));
        }
    }
    run(("PRAGMA user_version = " + std::to_string(version)).c_str());
    run(("PRAGMA application_id = " + std::to_string(kApplication)).c_str());
    run("COMMIT");
}

void DurableStore::check() {
    Statement ask(db_, "PRAGMA quick_check(3)");
    std::string found;
    try {
        while (ask.step()) {
            if (ask.bytes(0) != "ok") found += (found.empty() ? "" : "; ") + ask.text(0);
        }
    } catch (const StoreError& error) { // so damaged that it can't be looked through
        found += (found.empty() ? "" : "; ") + std::string(error.what());
    }
    if (found.empty()) return;
    throw StoreError("The store " + path_ + " is damaged: " + found +
                     ". Nothing was changed. Put a backup in its place, or save what can be read "
                     "with `sqlite3 " + path_ + " .recover`.");
}

// ---- room ---------------------------------------------------------------------------------

void DurableStore::make_ballast() {
    const std::string beside = path_ + ".reserve";
    const int file = ::open(beside.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    has_ballast_ = file >= 0 && posix_fallocate(file, 0, kBallast) == 0;
    if (file >= 0) ::close(file);
    if (!has_ballast_) ::unlink(beside.c_str());
}

bool DurableStore::has_room() {
    struct statvfs disk {};
    if (statvfs(path_.c_str(), &disk) != 0) return true; // a write will tell
    const std::uint64_t free = static_cast<std::uint64_t>(disk.f_bavail) * disk.f_frsize;
    if (free < reserve_) return false;
    if (!has_ballast_ && free > reserve_ + static_cast<std::uint64_t>(kBallast)) make_ballast();
    return has_ballast_;
}

// ---- writing ------------------------------------------------------------------------------

DurableStore::Written DurableStore::write(const Changes& changes) {
    for (;;) {
        try {
            statements_->begin.step();
            insert(changes);
            statements_->commit.step();
            return Written::all;
        } catch (const Locked&) {
            roll_back();
            return Written::nothing_for_a_lock;
        } catch (const DiskFull&) {
            roll_back();
            if (!std::exchange(has_ballast_, false)) return Written::nothing_for_lack_of_space;
            ::unlink((path_ + ".reserve").c_str());
        }
    }
}

void DurableStore::roll_back() {
    if (sqlite3_get_autocommit(db_) == 0) sqlite3_exec(db_, "ROLLBACK", nullptr, nullptr, nullptr);
}

void DurableStore::insert(const Changes& c) {
    Statements& s = *statements_;
    for (const auto& row : c.epochs) {
        s.epoch.bind(row.epoch).bind(row.instance).bind_some(row.numbers).step();
    }
    for (const auto& row : c.terms) {
        const Terms& t = row.terms;
        const std::string tags = json_array(t.tags), needs = json_array(t.needs);
        s.terms.bind(row.key).bind(std::string_view(t.kind)).bind(t.priority);
        s.terms.bind(seconds(t.delay)).bind(seconds(t.ttl)).bind(seconds(t.timeout));
        s.terms.bind(t.max_attempts).bind(seconds(t.backoff)).bind(t.redeliver);
        s.terms.bind_some(t.tenant).bind_some(t.content_type).bind_some(tags).bind_some(needs).step();
    }
    for (const auto& row : c.kinds) {
        const KindSettings& k = row.settings;
        s.kind.bind(std::string_view(row.kind)).bind(k.max_running).bind(k.rate).bind(k.paused);
        s.kind.bind(k.weight);
        k.timeout ? s.kind.bind(seconds(*k.timeout)) : s.kind.bind_null();
        s.kind.bind(row.was_set).step();
    }
    for (const auto& row : c.groups) {
        const std::string id = row.id.text(), then = row.then_id.text(), alas = row.on_failure_id.text();
        s.group.bind(row.first_order).bind(std::string_view(id)).bind(to_string(row.mode));
        s.group.bind(to_string(row.state)).bind(static_cast<int>(row.ending)).bind(row.members);
        s.group.bind_some(row.winner).bind_some(row.then_order).bind_some(then);
        s.group.bind_some(row.on_failure_order).bind_some(alas).bind(row.body);
        s.group.bind(micros(row.submitted));
        s.group.bind_some(static_cast<std::uint64_t>(micros(row.finished))).step();
    }
    for (const auto& row : c.jobs) {
        const std::string id = row.id.text(), retry_of = row.retry_of.text();
        const std::string_view payload = c.view(row.payload);
        s.job.bind(row.order).bind(std::string_view(id)).bind(row.terms).bind(micros(row.submitted));
        row.begun == row.submitted ? s.job.bind_null() : s.job.bind(micros(row.begun));
        s.job.bind_some(row.epoch).bind_some(row.number);
        s.job.bind_some(static_cast<std::uint64_t>(row.custody));
        s.job.bind_some(std::uint64_t{row.cancelling}).bind_some(row.group).bind_some(retry_of);
        s.job.bind_bytes(payload).bind(crc_of(id, payload)).step();
    }
    for (const auto& row : c.attempts) {
        const bool runs = row.how == Changes::Attempt::How::running;
        s.attempt.bind(row.order).bind(row.attempt).bind(Changes::word(row.how));
        s.attempt.bind_some(std::uint64_t{row.suspect}).bind_some(row.worker);
        runs ? s.attempt.bind(micros(row.at)).bind_null() : s.attempt.bind_null().bind(micros(row.at));
        s.attempt.bind_seconds(row.run_seconds).bind_some(row.failure.code);
        s.attempt.bind_some(row.failure.message);
        row.failure.code.empty() ? s.attempt.bind_null() : s.attempt.bind(row.failure.retryable);
        s.attempt.bind_some(row.token).step();
    }
    for (const auto& row : c.outcomes) {
        const std::string_view state = to_string(row.state), value = c.view(row.value);
        s.outcome.bind(row.order).bind(state).bind(micros(row.finished));
        s.outcome.bind_some(static_cast<std::uint64_t>(micros(row.started))).bind(row.attempt);
        s.outcome.bind_some(row.worker).bind_seconds(row.queued_seconds);
        s.outcome.bind_seconds(row.waited_seconds).bind_seconds(row.run_seconds);
        s.outcome.bind_some(row.failure.code).bind_some(row.failure.message).bind_some(row.note);
        s.outcome.bind_some(row.content_type);
        value.empty() ? s.outcome.bind_null() : s.outcome.bind_bytes(value);
        s.outcome.bind(crc_of(state, value)).step();
    }
    for (std::size_t i = 0; i < c.jobs_gone.size();) { // most that go together came together
        const std::uint64_t first = c.jobs_gone[i];
        std::uint64_t last = first;
        while (++i < c.jobs_gone.size() && c.jobs_gone[i] == last + 1) ++last;
        for (Statement* goes : {&s.job_goes, &s.attempts_go, &s.outcome_goes}) {
            goes->bind(first).bind(last).step();
        }
    }
    for (const auto first : c.groups_gone) s.group_goes.bind(first).step();
    for (const auto key : c.terms_gone) s.terms_go.bind(key).step();
}

} // namespace penstock::sink
