"""Figures of the durable store: what it costs to keep jobs in a file, and how long a sink that was
killed takes until it serves again.

README.md says what they mean together.
"""

import json
import os
import time

from death import Fleet, job_of
from found import Figure, Ratio, Roles, Section
from house import STEP_SECONDS, Failed
from pipeline import Client, Penstock

PAYLOAD_BYTES = 100
WORKERS = 2
JOBS = 300_000
QUICK_JOBS = 100_000
OPEN, OPEN_AT_ONCE = 100_000, 10_000
WARM_UP = 1000          # jobs; they are in the file too


def pipeline(programs, jobs, plan, sync):
    """First submit to all outcomes known; `sync` None: in memory. Values are compared after it."""
    with programs.house() as house:
        flags = []
        if sync:
            flags = ["--store", f"{house.directory()}/jobs.db", "--sync", sync]
        penstock = Penstock(house, programs.penstock, WORKERS, gateway=False, sink_flags=flags)
        submit = [programs.bench + "submit", *penstock.flags(), "--workers", WORKERS,
                  "--bytes", PAYLOAD_BYTES, "--batch", plan.batch, "--in-flight", plan.in_flight]
        house.start("warm-up", [*submit, "--jobs", WARM_UP]).wait(STEP_SECONDS)
        before = penstock.cpu_seconds()
        submitter = house.start("submit", [*submit, "--jobs", jobs])
        result = json.loads(submitter.line(STEP_SECONDS))
        after = penstock.cpu_seconds()
        submitter.line(STEP_SECONDS)
        submitter.wait(STEP_SECONDS)
        cpu = {role: (after[role] - before[role]) / jobs * 1e6 for role in before}
        out = {"jobs_s": result["jobs_s"], "cpu": cpu}
        if sync:
            file = f"{house.directory()}/jobs.db"
            out["bytes"] = sum(os.path.getsize(file + end) for end in ("", "-wal"))
            out["bytes"] /= jobs + WARM_UP
            out["restart"] = restart_seconds(penstock, house, programs.penstock, flags,
                                             jobs + WARM_UP)
        return out


def restart_seconds(penstock, house, binary, flags, jobs):
    """From the start of the sink behind its kill -9 until it says that it has read its file, all of
    the jobs in it."""
    penstock.sink.end(9, 5)
    began = time.monotonic()
    host_and_port = penstock.at.sink.removeprefix("tcp://")
    sink = house.start("sink-again", [binary, "sink", "--bind", host_and_port, *flags])
    line = sink.log_line("store_read", STEP_SECONDS)
    took = time.monotonic() - began
    back = int(line.split("jobs=")[1].split()[0])
    if back != jobs:
        raise Failed(f"the sink came back with {back} jobs of {jobs}")
    return took


def takeover_seconds(programs):
    """kill -9 of the ventilator with OPEN jobs waiting, to the next start of one of them."""
    with programs.house() as house:
        flags = ["--store", f"{house.directory()}/jobs.db"]
        penstock = Penstock(house, programs.penstock, 0, gateway=True, sink_flags=flags)
        fleet, client = Fleet(penstock, ["package"]), Client(penstock.at.http)
        fleet.add()
        fleet.wait_until_joined()
        for _ in range(OPEN // OPEN_AT_ONCE):
            client.submit_many([job_of(0.05)] * OPEN_AT_ONCE)
        worker = fleet.alive[0]
        worker.line(STEP_SECONDS)  # the first of them runs
        began = time.monotonic()
        penstock.next_ventilator()
        while True:
            word, *rest = worker.line(STEP_SECONDS).split()
            # What it had when the ventilator died starts, at the latest, a slot's turn later.
            if word == "start" and int(rest[1]) / 1e9 > began + 0.1:
                return int(rest[1]) / 1e9 - began


def measure(programs, plan, found):
    jobs = QUICK_JOBS if plan.quick else JOBS
    memory = pipeline(programs, jobs, plan, None)
    normal = pipeline(programs, jobs, plan, "normal")
    full = pipeline(programs, jobs, plan, "full")
    found.add("store_memory_jobs_s", memory["jobs_s"])
    found.add("store_normal_jobs_s", normal["jobs_s"])
    found.add("store_full_jobs_s", full["jobs_s"])
    found.add("store_memory_cpu_us_per_job", memory["cpu"])
    found.add("store_cpu_us_per_job", normal["cpu"])
    found.add("store_bytes_per_job", normal["bytes"])
    found.add("store_restart_seconds", normal["restart"])
    found.add("store_takeover_seconds", takeover_seconds(programs))


STORE = Section(
    "store", "The durable store: the same pipeline with its jobs in a file", measure,
    figures=(
        Figure("store_memory_jobs_s", "in memory", "jobs/s",
               "The pipeline of `throughput`, in this run", "", ours=False),
        Figure("store_normal_jobs_s", "--sync normal", "jobs/s",
               "Each job and each outcome is in the file before anybody is told: it survives "
               "kill -9 of everything", "Power cuts: the operating system has the last commits",
               ratio_to="store_memory_jobs_s"),
        Figure("store_full_jobs_s", "--sync full", "jobs/s",
               "The same, on the disk before anybody is told",
               "Disks that lie about it, as some virtual ones do",
               ratio_to="store_memory_jobs_s"),
        Roles("store_memory_cpu_us_per_job", "CPU: in memory", "µs/job",
              "CPU time of each role for one job", "", ours=False),
        Roles("store_cpu_us_per_job", "CPU: --sync normal", "µs/job",
              "The same; the sink's writing thread is in it", "",
              ratio_to="store_memory_cpu_us_per_job"),
        Figure("store_bytes_per_job", "bytes of the file, a job", "bytes",
               "File and log, by the jobs: payload and value are 100 bytes each", ""),
        Figure("store_restart_seconds", "kill -9 of the sink to all jobs back", "s",
               "Until it has read every job of the run, all of them finished", "", digits=2),
        Figure("store_takeover_seconds", "kill -9 of the ventilator to the next dispatch", "s",
               "With 100,000 jobs waiting: a new one is started, hears of them from the sink, the "
               "worker joins again, and the first of them starts", "", digits=2),
    ),
    ratios=(
        Ratio("store_normal_ratio", "--sync normal / in memory", "store_normal_jobs_s",
              "store_memory_jobs_s", "What keeping jobs in a file leaves of the rate",
              "Disks: with `normal` nobody waits for one"),
        Ratio("store_full_ratio", "--sync full / in memory", "store_full_jobs_s",
              "store_memory_jobs_s", "The same, waiting for the disk", ""),
    ))
