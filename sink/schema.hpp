#pragma once
// The tables of the durable store, version by version. docs/STORE.md explains them to people.
//
// Times are microseconds since 1970, durations seconds. Payloads and values are msgpack. `job` is a
// job's order: 1 is the first that this store ever had.

#include <array>

namespace penstock::sink {

// Entry i brings a file from version i to version i + 1.
constexpr std::array kMigrations = {
    R"sql(
CREATE TABLE epochs (
    epoch    INTEGER PRIMARY KEY,
    instance INTEGER NOT NULL -- of the ventilator that it was granted to
) STRICT;
CREATE TABLE terms (
    terms        INTEGER PRIMARY KEY,
    kind         TEXT NOT NULL,
    priority     INTEGER NOT NULL,
    delay        REAL NOT NULL,
    ttl          REAL NOT NULL,
    timeout      REAL NOT NULL,
    max_attempts INTEGER NOT NULL,
    backoff      REAL NOT NULL,
    redeliver    INTEGER NOT NULL,
    tenant       TEXT,
    content_type TEXT,
    tags         TEXT, -- a JSON array
    needs        TEXT  -- a JSON array
) STRICT;
CREATE TABLE kinds (
    kind        TEXT PRIMARY KEY,
    max_running INTEGER,
    rate        REAL,
    paused      INTEGER,
    weight      REAL,
    timeout     REAL,
    was_set     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TABLE groups (
    first_job      INTEGER PRIMARY KEY, -- its members are this job and those that follow
    id             TEXT NOT NULL,
    mode           TEXT NOT NULL,
    state          TEXT NOT NULL,
    ending         INTEGER NOT NULL,
    members        INTEGER NOT NULL,
    winner         INTEGER, -- a job
    then_job       INTEGER,
    then_id        TEXT,
    on_failure_job INTEGER,
    on_failure_id  TEXT,
    body           INTEGER, -- a digest of what was submitted
    submitted      INTEGER NOT NULL,
    finished       INTEGER
) STRICT;
CREATE TABLE jobs (
    job        INTEGER PRIMARY KEY,
    id         TEXT NOT NULL,
    terms      INTEGER NOT NULL,
    submitted  INTEGER NOT NULL,
    begun      INTEGER, -- delay and ttl count from here; NULL: from `submitted`
    epoch      INTEGER, -- the ventilator that has it,
    number     INTEGER, -- and the job's number there
    custody    INTEGER, -- 1: it waits for its group, 2: to be taken by a ventilator
    cancelling INTEGER,
    first_job  INTEGER, -- of the group it belongs to
    retry_of   TEXT,
    payload    BLOB,
    crc        INTEGER NOT NULL -- CRC-32 of id and payload
) STRICT;
CREATE TABLE attempts ( -- those that took a while, and those that did not bring the outcome
    job       INTEGER NOT NULL,
    attempt   INTEGER NOT NULL,
    how       TEXT NOT NULL, -- running, answered (it brought the outcome), failed, lost
    suspect   INTEGER,       -- it was lost, and may have killed its worker; whatever it said later
    worker    TEXT,
    started   INTEGER,
    ended     INTEGER,
    run       REAL,
    code      TEXT,
    message   TEXT,
    retryable INTEGER,
    PRIMARY KEY (job, attempt)
) STRICT, WITHOUT ROWID;
CREATE TABLE outcomes (
    job          INTEGER PRIMARY KEY,
    state        TEXT NOT NULL,
    finished     INTEGER NOT NULL,
    started      INTEGER,
    attempt      INTEGER NOT NULL,
    worker       TEXT,
    queued       REAL,
    waited       REAL,
    run          REAL,
    code         TEXT,
    message      TEXT,
    note         TEXT,
    content_type TEXT,
    value        BLOB,
    crc          INTEGER NOT NULL -- CRC-32 of state and value
) STRICT;
CREATE VIEW job AS
SELECT jobs.job, jobs.id, kind, coalesce(outcomes.state, 'open') AS state, tenant, priority, tags,
       datetime(submitted / 1e6, 'unixepoch') AS submitted,
       datetime(finished / 1e6, 'unixepoch') AS finished,
       (finished - submitted) / 1e6 AS seconds, run, attempt, worker, code, message,
       length(payload) AS payload_bytes, length(value) AS value_bytes
FROM jobs JOIN terms USING (terms) LEFT JOIN outcomes USING (job);
)sql",
    // What was promised may be more than what a backup has; who runs a job may hold an older token.
    R"sql(
ALTER TABLE epochs ADD COLUMN numbers INTEGER;  -- it has given to jobs here those below
ALTER TABLE attempts ADD COLUMN token INTEGER;  -- epoch of its fencing token: if it runs and is older, or failed
)sql",
};

} // namespace penstock::sink
