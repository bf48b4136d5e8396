"""What is kept in SQLite: a table of the study's own, which the callbacks write, and beside it what
the sink recorded. Every figure of the study is a query over both.

answers     one row for a request: when it was begun and ended where it was made. In Python that is
            the handler; of the kind `http` it is the service, since its result is the answer alone
summaries   one row for each time that a callback ran: a chord has one, or something is wrong
sink        what the sink recorded of a job: a view of its store's file
"""

import contextlib
import sqlite3

OWN = """
CREATE TABLE IF NOT EXISTS answers (
    configuration TEXT NOT NULL,
    request       INTEGER NOT NULL,
    chord         TEXT NOT NULL,
    job           TEXT NOT NULL,
    begun         REAL NOT NULL, -- seconds since 1970
    ended         REAL NOT NULL,
    PRIMARY KEY (configuration, request)
) STRICT;
CREATE TABLE IF NOT EXISTS summaries (
    configuration TEXT NOT NULL,
    chord         TEXT NOT NULL,
    job           TEXT NOT NULL,
    attempt       INTEGER NOT NULL,
    requests      INTEGER NOT NULL
) STRICT;
"""

FROM_STORE = """
CREATE TEMP VIEW sink AS
SELECT id, state, attempt, worker, started / 1e6 AS started, finished / 1e6 AS finished
FROM store.jobs JOIN store.outcomes USING (job);
"""

FIGURES = """
SELECT count(*) AS requests,
       min(started) AS started,
       max(finished) AS finished,
       max(finished) - min(started) AS total,
       avg(finished - started) AS mean,
       max(ended) - min(begun) AS total_at_work,
       avg(ended - begun) AS mean_at_work,
       count(DISTINCT worker) AS workers,
       max(attempt) AS attempts,
       sum(state <> 'succeeded') AS failed
FROM answers JOIN sink ON sink.id = answers.job
WHERE configuration = ?;
"""


@contextlib.contextmanager
def opened(path):
    """One transaction: several processes may write, each waits for the others."""
    database = sqlite3.connect(path, timeout=30)
    try:
        database.executescript(OWN)
        with database:
            yield database
    finally:
        database.close()


def keep(database, configuration, chord, job, answers):
    """A callback may run twice, as any job may. The answers would be the same rows again; that it
    ran is a row of its own, so that it shows."""
    database.execute("INSERT INTO summaries VALUES (?, ?, ?, ?, ?)",
                     (configuration, chord, job.id, job.attempt, len(answers)))
    database.executemany(
        "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
        [(configuration, answer["request"], chord, answer["job"], answer["begun"], answer["ended"])
         for answer in answers])


class Records:
    """Reads both. store: the file of the sink's store."""

    def __init__(self, path, store):
        self._database = sqlite3.connect(path, timeout=30, uri=True)
        self._database.row_factory = sqlite3.Row
        self._database.executescript(OWN)
        self._database.execute("ATTACH ? AS store", (f"{store.as_uri()}?mode=ro",))
        self._database.executescript(FROM_STORE)

    def close(self):
        self._database.close()

    def figures(self, configuration):
        """A dict as in FIGURES."""
        return dict(self._database.execute(FIGURES, (configuration,)).fetchone())

    def summaries(self, configuration):
        """[(chord, requests)], one for each time that a callback ran."""
        return [tuple(row) for row in self._database.execute(
            "SELECT chord, requests FROM summaries WHERE configuration = ? ORDER BY rowid",
            (configuration,))]

    def jobs(self, configuration):
        """{request: job}"""
        return dict(self._database.execute(
            "SELECT request, job FROM answers WHERE configuration = ?",
            (configuration,)).fetchall())
