#pragma once
// One prepared statement of SQLite: values go in by `bind` in their order, rows come out by `step`.
// The store's own. Text and bytes must stay where they are until the statement was stepped.

#include "sink/store.hpp"

#include <cerrno>
#include <cmath>
#include <cstdint>
#include <optional>
#include <sqlite3.h>
#include <string_view>

namespace penstock::sink {

// There is no space on the disk, or in the file's quota.
struct DiskFull : StoreError {
    using StoreError::StoreError;
};

// Another program has the file for itself, for longer than one waits here.
struct Locked : StoreError {
    using StoreError::StoreError;
};

// Of what `db` did last. Throws.
[[noreturn]] inline void throw_error(sqlite3* db, const std::string& doing) {
    const std::string text = doing + ": " + sqlite3_errmsg(db) + " (SQLite code " +
                             std::to_string(sqlite3_extended_errcode(db)) + ")";
    const int code = sqlite3_errcode(db) & 0xff, system = sqlite3_system_errno(db);
    // SQLite knows a full disk, and neither a quota nor a file system that says so when it syncs.
    const bool is_full = code == SQLITE_FULL ||
                         (code == SQLITE_IOERR && (system == EDQUOT || system == ENOSPC));
    if (is_full) throw DiskFull(text);
    if (code == SQLITE_BUSY) throw Locked(text);
    throw StoreError(text);
}

class Statement {
public:
    Statement(sqlite3* db, const char* sql) : db_(db) {
        if (sqlite3_prepare_v3(db, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement_, nullptr) !=
            SQLITE_OK) {
            throw_error(db, std::string("preparing \"") + sql + "\"");
        }
    }
    ~Statement() { sqlite3_finalize(statement_); }
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    Statement& bind(std::int64_t value) {
        sqlite3_bind_int64(statement_, ++at_, value);
        return *this;
    }
    Statement& bind(std::uint64_t value) { return bind(static_cast<std::int64_t>(value)); }
    Statement& bind(std::uint32_t value) { return bind(static_cast<std::int64_t>(value)); }
    Statement& bind(int value) { return bind(static_cast<std::int64_t>(value)); }
    Statement& bind(bool value) { return bind(static_cast<std::int64_t>(value)); }
    Statement& bind(double value) {
        sqlite3_bind_double(statement_, ++at_, value);
        return *this;
    }
    Statement& bind(std::string_view text) {
        sqlite3_bind_text64(statement_, ++at_, text.data(), text.size(), SQLITE_STATIC, SQLITE_UTF8);
        return *this;
    }
    Statement& bind_bytes(std::string_view bytes) {
        sqlite3_bind_blob64(statement_, ++at_, bytes.data(), bytes.size(), SQLITE_STATIC);
        return *this;
    }
    Statement& bind_null() {
        sqlite3_bind_null(statement_, ++at_);
        return *this;
    }
    // What says nothing is NULL, so that people see what there is.
    Statement& bind_some(std::string_view text) { return text.empty() ? bind_null() : bind(text); }
    Statement& bind_some(std::uint64_t value) { return value == 0 ? bind_null() : bind(value); }
    // To a microsecond: more was not measured.
    Statement& bind_seconds(double value) {
        return value < 0 ? bind_null() : bind(std::round(value * 1e6) / 1e6);
    }
    template <class Value>
    Statement& bind(const std::optional<Value>& value) {
        return value ? bind(*value) : bind_null();
    }

    // True: there is a row to be read. False: it is done, and can be used again.
    bool step() {
        const int code = sqlite3_step(statement_);
        if (code == SQLITE_ROW) return true;
        at_ = 0;
        if (code != SQLITE_DONE) {
            // The message is that of the step; `reset` would say it again.
            const std::string doing = std::string("running \"") + sqlite3_sql(statement_) + "\"";
            try {
                throw_error(db_, doing);
            } catch (...) {
                sqlite3_reset(statement_);
                throw;
            }
        }
        sqlite3_reset(statement_);
        return false;
    }

    void reset() {
        sqlite3_reset(statement_);
        at_ = 0;
    }

    [[nodiscard]] bool is_null(int column) const {
        return sqlite3_column_type(statement_, column) == SQLITE_NULL;
    }
    [[nodiscard]] std::int64_t integer(int column) const {
        return sqlite3_column_int64(statement_, column);
    }
    [[nodiscard]] std::uint64_t natural(int column) const {
        return static_cast<std::uint64_t>(integer(column));
    }
    [[nodiscard]] std::uint32_t small(int column) const {
        return static_cast<std::uint32_t>(integer(column));
    }
    [[nodiscard]] double number(int column, double otherwise) const {
        return is_null(column) ? otherwise : sqlite3_column_double(statement_, column);
    }
    // Valid until the next step. Empty if it is NULL.
    [[nodiscard]] std::string_view bytes(int column) const {
        const void* data = sqlite3_column_blob(statement_, column);
        const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
        return data == nullptr ? std::string_view() : std::string_view(static_cast<const char*>(data), size);
    }
    [[nodiscard]] std::string text(int column) const { return std::string(bytes(column)); }

private:
    sqlite3* db_;
    sqlite3_stmt* statement_ = nullptr;
    int at_ = 0; // parameters that were bound
};

} // namespace penstock::sink
