"""Figures of retention: what others feel of it when a sink lets go of many finished jobs.

README.md says what they mean together.
"""

import json
import sqlite3
import time

from found import Figure, Section
from house import STEP_SECONDS, Failed
from pipeline import Penstock

WORKERS = 2
JOBS, QUICK_JOBS = 200_000, 50_000  # let go of
KEPT_BYTES = 204                    # of a job: payload and value, 100 bytes and a head each
PROBES, QUICK_PROBES = 500, 100      # beside a bulk
ALONE = 20                          # times as many while nothing else comes in
BULK_SECONDS = 4                    # at least; else at half of full speed
TTL_SECONDS = 15
PARTS = ("p50", "p99", "longest")


class Pipeline:
    """With a durable store and a limit to what is kept."""

    def __init__(self, programs, house, plan, flags):
        self._file = f"{house.directory()}/jobs.db"
        self._penstock = Penstock(house, programs.penstock, WORKERS, gateway=False, sink_flags=[
            "--store", self._file, "--sync", "normal", *flags])
        self._house, self._bench, self._plan = house, programs.bench, plan
        self._probes = QUICK_PROBES if plan.quick else PROBES

    def bulk(self, jobs, rate=0):
        return self._start("submit", "--jobs", jobs, "--batch", self._plan.batch, "--rate", rate,
                           "--in-flight", self._plan.in_flight, "--compare", 0)

    def probe(self, times=1):
        """What jobs take, one after the other."""
        return json.loads(self._start("latency", "--jobs", self._probes * times).rest(STEP_SECONDS))

    def probe_beside(self, jobs, rate):
        """The same, while these come in."""
        bulk = self.bulk(jobs, rate)
        found = self.probe()
        if not bulk.is_alive():
            raise Failed("all others had ended before what was measured beside them")
        bulk.rest(STEP_SECONDS)
        return found

    def kept(self):
        with sqlite3.connect(f"file:{self._file}?mode=ro", uri=True) as file:
            return file.execute("SELECT count(*) FROM jobs").fetchone()[0]

    def _start(self, program, *flags):
        return self._house.start(program, [self._bench + program, *self._penstock.flags(),
                                           "--workers", WORKERS, *flags])


def by_size(programs, plan, jobs, flags):
    """Probes beside a bulk that there is room for, and beside one of which each outcome takes the
    place of an older one."""
    with programs.house() as house:
        pipeline = Pipeline(programs, house, plan, flags)
        full_speed = json.loads(pipeline.bulk(jobs).rest(STEP_SECONDS).split("\n")[0])["jobs_s"]
        rate = int(min(full_speed / 2, jobs / BULK_SECONDS))
        calm = pipeline.probe_beside(jobs, rate)
        busy = pipeline.probe_beside(jobs, rate)
        probes = calm["count"] + busy["count"]
        if not 2 * jobs - probes <= pipeline.kept() <= 2 * jobs + probes:
            raise Failed(f"{pipeline.kept()} jobs are kept; it was meant to be {2 * jobs}")
        return calm, busy


def by_age(programs, plan, jobs):
    """Probes while nothing else happens, and while a bulk is let go of that was finished at once."""
    with programs.house() as house:
        pipeline = Pipeline(programs, house, plan, ["--result-ttl", TTL_SECONDS])
        began = time.monotonic()
        pipeline.bulk(jobs).rest(STEP_SECONDS)
        calm = pipeline.probe()
        if time.monotonic() > began + TTL_SECONDS:
            raise Failed("the machine is too slow for this: what was finished is let go of already")
        time.sleep(began + TTL_SECONDS - time.monotonic())
        busy = pipeline.probe(ALONE)
        if pipeline.kept() > calm["count"] + busy["count"]:
            raise Failed(f"{pipeline.kept()} jobs are still kept")
        return calm, busy


def measure(programs, plan, found):
    jobs = QUICK_JOBS if plan.quick else JOBS
    calm, by_count = by_size(programs, plan, jobs, ["--finished-max", 2 * jobs])
    _, by_bytes = by_size(programs, plan, jobs, ["--finished-bytes-max", 2 * jobs * KEPT_BYTES])
    alone, by_ttl = by_age(programs, plan, jobs)
    for name, seen in (("beside_calm", calm), ("beside_count", by_count), ("beside_bytes", by_bytes),
                       ("alone_calm", alone), ("alone_ttl", by_ttl)):
        for part in PARTS:
            found.add(f"retention_{name}_{part}_ms", seen[part + "_us"] / 1000)


def _figures(name, title, means, calm=""):
    return tuple(Figure(f"retention_{name}_{part}_ms", f"{title}, {part}", "ms", means, "", 2,
                        ratio_to=f"retention_{calm or name}_{part}_ms", ours=bool(calm))
                 for part in PARTS)


RETENTION = Section(
    "retention", "Retention: jobs while the sink lets go of finished ones, --sync normal", measure,
    is_long=True, figures=(
        *_figures("beside_calm", "beside others, nothing goes",
                  "Single jobs, submit to outcome, while many others come in"),
        *_figures("beside_count", "beside others, --finished-max",
                  "The same while each outcome takes the place of an older one", "beside_calm"),
        *_figures("beside_bytes", "beside others, --finished-bytes-max",
                  "The same when it is their bytes that are limited", "beside_calm"),
        *_figures("alone_calm", "alone, nothing goes",
                  "Single jobs, one after the other, and no others"),
        *_figures("alone_ttl", "alone, --result-ttl",
                  "The same while 200,000 go that were finished within two seconds", "alone_calm"),
    ))
