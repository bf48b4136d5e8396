"""The same study for Celery, as theirs was: chords of requests, with a callback that writes into
SQLite. `run --celery` starts it; STUDY_REDIS says where its broker is."""

import http.client
import json
import os
import sys
import time
import types
import urllib.parse

import celery

import records
import study

REDIS = os.environ.get("STUDY_REDIS", "redis://127.0.0.1:6379/0")
app = celery.Celery("celery_app", broker=REDIS, backend=REDIS)


@app.task(bind=True)
def ask(self, url):
    begun = time.time()
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=900)
    try:
        connection.request("GET", parts.path, headers={
            "Penstock-Job": self.request.id, "Penstock-Attempt": str(self.request.retries + 1)})
        answer = json.loads(connection.getresponse().read())
    finally:
        connection.close()
    return {**answer, "begun": begun, "ended": time.time(), "process": os.getpid()}


@app.task(bind=True)
def summary(self, answers, configuration, chord, database):
    job = types.SimpleNamespace(id=self.request.id, attempt=self.request.retries + 1)
    with records.opened(database) as opened:
        records.keep(opened, configuration, chord, job, answers)


def main():
    """Submits both chords: SERVICE, the record's name, the database."""
    service, record, database = sys.argv[1:]
    for chord, numbers in study.CHORDS.items():
        celery.chord([ask.s(f"{service}/ask/{record}/{n}") for n in numbers])(
            summary.s(record, chord, database))


if __name__ == "__main__":
    app.set_default()
    main()
