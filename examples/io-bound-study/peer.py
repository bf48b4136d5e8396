"""Celery beside it, where python3-celery, python3-gevent and redis-server are installed: the same
requests of the same service, on the same machine, minutes apart.

Its totals are from the first begin to the last end in its tasks, which is what theirs were, and not
from a broker's records: that is a little less than what the sink would say.
"""

import importlib.util
import json
import os
import shutil
import subprocess
import sys

import records
import study
from house import Trouble, get

POOLS = (("prefork", 1), ("prefork", 2), ("prefork", 4), ("prefork", 8), ("prefork", 16),
         ("gevent", 16))
AT_WORK = """
SELECT count(*), max(ended) - min(begun), avg(ended - begun) FROM answers WHERE configuration = ?
"""


def missing():
    """The Debian packages that --celery needs and that are not there."""
    modules = [f"python3-{name}" for name in ("celery", "redis", "gevent")
               if importlib.util.find_spec(name) is None]
    return modules + ([] if shutil.which("redis-server") else ["redis-server"])


def measure(run, rounds):
    """A figure for each pool and number."""
    port = run.house.door + 6
    run.house.start("redis", "redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "",
                    "--dir", run.folder)
    address = f"redis://127.0.0.1:{port}/0"
    return [one(run, address, pool, n, rounds if n == 16 else 1) for pool, n in POOLS]


def one(run, address, pool, n, rounds):
    name = f"celery-{pool}-{n}"
    run.house.start(f"{name} worker", sys.executable, "-B", "-m", "celery", "-A", "celery_app",
                    "worker", "-P", pool, "-c", n, "--loglevel", "INFO", STUDY_REDIS=address)
    entry = run.house.processes[-1]
    run.house.wait_for(lambda: " ready." in entry[2].read_text(), f"{name} ready")
    found = []
    for i in range(rounds):
        record = name if i == 0 else f"{name}.{i + 1}"
        submit(run, record, address)
        found.append(figure(run, record))
    entry[1].terminate()
    try:
        entry[1].wait(30)
    except subprocess.TimeoutExpired:
        raise Trouble(f"{name} did not end within 30 s of SIGTERM") from None
    run.house.processes.remove(entry)
    middle = sorted(found, key=lambda f: f["total"])[len(found) // 2]
    return {**middle, "configuration": name, "slots": n, "rounds": [f["total"] for f in found]}


def submit(run, record, address):
    """By a process of its own, and waits until both callbacks have written."""
    done = subprocess.run([sys.executable, "-B", "celery_app.py", run.service, record,
                           run.database], cwd=run.house.here, capture_output=True, text=True,
                          env={**os.environ, "STUDY_REDIS": address}, timeout=60, check=False)
    if done.returncode:
        raise Trouble(f"Celery does not take the chords of {record}: {done.stderr[-800:]}")

    def written():
        with records.opened(run.database) as database:
            return database.execute("SELECT count(*) FROM summaries WHERE configuration = ?",
                                    (record,)).fetchone()[0] == len(study.CHORDS)
    run.house.wait_for(written, f"done with {record}")


def figure(run, record):
    with records.opened(run.database) as database:
        count, total, mean = database.execute(AT_WORK, (record,)).fetchone()
    seen = json.loads(get(f"{run.service}/seen/{record}")[1])
    if count != study.REQUESTS:
        raise Trouble(f"{record}: {count} answers instead of {study.REQUESTS}")
    return {"total": total, "mean": mean, "reduction": 1 - total / sum(run.seconds),
            "at_once": seen["most_at_once"], "arrived": len(seen["arrived"])}


def show(figures):
    print(f"\n{'Celery here':<17} {'total s':>8} {'less':>7} {'mean s':>7} {'at once':>7}")
    for f in figures:
        print(f"{f['configuration'][7:]:<17} {f['total']:>8.3f} {-f['reduction']:>+7.1%} "
              f"{f['mean']:>7.3f} {f['at_once']:>7}")
