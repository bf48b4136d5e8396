"""Figures of scale: many workers, many waits, many jobs, large payloads.

They take a minute, over a gigabyte, and more descriptors than many hosts allow: the section is a
long one. README.md says what the figures mean together.
"""

import dataclasses
import json
import os
import resource
import statistics
import time

from found import Extent, Figure, Ratio, Section
from house import STEP_SECONDS, Failed, first_lines
from pipeline import Penstock

PAYLOAD_BYTES = 100
PACKED_BYTES = PAYLOAD_BYTES + 2  # as a msgpack bin
MIB = 1 << 20
BATCH = 64
DESCRIPTORS_A_WORKER = 6  # at the ventilator, which has the most
DESCRIPTORS_BESIDE = 500


@dataclasses.dataclass(frozen=True)
class Size:
    workers: int
    waits: int
    queued: int  # below the default limit of a million
    fill: int  # small jobs before the first run, more than a sink keeps
    jobs: int  # small ones, a run
    large_jobs: int  # 1 MiB each, a run


FULL = Size(workers=3_000, waits=10_000, queued=950_000, fill=1_100_000, jobs=300_000,
            large_jobs=2_000)
QUICK = Size(workers=1_000, waits=2_000, queued=200_000, fill=100_000, jobs=100_000,
             large_jobs=500)


def require_descriptors(workers):
    """At once: otherwise the ventilator says so, after a minute, to its log."""
    needed = workers * DESCRIPTORS_A_WORKER + DESCRIPTORS_BESIDE
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise Failed(f"{workers} workers need {needed} descriptors, and the hard limit is {hard} "
                     "(ulimit -Hn); --quick needs a third")


def descriptors(process):
    return len(os.listdir(f"/proc/{process.pid}/fd"))


def ventilator_and_sink(house, programs):
    return Penstock(house, programs.penstock, workers=0, gateway=False)


def submitted(house, programs, penstock, **settings):
    """One run of bench-scale-submit."""
    settings = {"bytes": PAYLOAD_BYTES, "batch": BATCH, "workers": 0, **settings}
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    run = house.start("scale-submit", [programs.bench + "scale-submit", *penstock.flags(), *flags])
    result = json.loads(run.line(STEP_SECONDS))
    run.wait(STEP_SECONDS)
    return result


def swarm(house, programs, penstock, workers, processes=1, more=()):
    """Many workers; what the last of the processes said when all of them were up."""
    started = [house.start(f"swarm-{i}", [
        programs.bench + "scale-swarm", *penstock.flags(), "--workers", workers // processes,
        "--until", workers, *more]) for i in range(processes)]
    told = [json.loads(line) for line in first_lines(started, STEP_SECONDS)]
    return started, max(told, key=lambda each: each["seconds"])


def park(house, programs, penstock, jobs):
    """Stored jobs of a kind that no worker has; they come before any worker: a kind that nobody
    joined with is refused later."""
    submitted(house, programs, penstock, kind="parked", jobs=jobs, until="stored",
              in_flight=min(jobs, 100_000))


def small_jobs(house, programs, penstock, size, in_flight=100_000):
    def run(jobs):
        return submitted(house, programs, penstock, jobs=jobs, in_flight=in_flight)["jobs_s"]

    run(size.fill)  # meanwhile times are measured and tables grow, into memory that is new
    return statistics.median(run(size.jobs) for _ in range(3))


# ---- one round, in parts ----------------------------------------------------------------------


def workers(programs, size, found):
    """Joins of many workers, and their dispatch rate beside that of two."""
    with programs.house() as house:
        penstock = ventilator_and_sink(house, programs)
        swarm(house, programs, penstock, 2)
        found.add("scale_two_workers_jobs_s", small_jobs(house, programs, penstock, size))
    with programs.house() as house:
        penstock = ventilator_and_sink(house, programs)
        before = descriptors(penstock.ventilator)
        processes, last = swarm(house, programs, penstock, size.workers, processes=2)
        found.add("scale_workers", last["workers"])
        found.add("scale_join_seconds", last["seconds"])
        found.add("scale_descriptors_ventilator",
                  (descriptors(penstock.ventilator) - before) / size.workers)
        found.add("scale_descriptors_swarm", sum(map(descriptors, processes)) / size.workers)
        found.add("scale_idle_cpu", cores_used(penstock.ventilator, seconds=2))
        found.add("scale_jobs_s", small_jobs(house, programs, penstock, size))


def cores_used(process, seconds):
    """While we do nothing."""
    began, before = time.monotonic(), process.cpu_seconds()
    time.sleep(seconds)
    return (process.cpu_seconds() - before) / (time.monotonic() - began)


def waits(programs, size, found):
    with programs.house() as house:
        penstock = ventilator_and_sink(house, programs)
        submitted(house, programs, penstock, jobs=1_000, until="stored", in_flight=1_000)
        before = penstock.sink.resident_bytes()
        asker = house.start("waits", [programs.bench + "scale-waits", *penstock.flags(),
                                      "--waits", size.waits])
        asker.line(STEP_SECONDS)
        found.add("scale_bytes_per_wait",
                  (penstock.sink.resident_bytes() - before) / size.waits)
        found.add("scale_waits_cpu", cores_used(penstock.sink, seconds=3))
        swarm(house, programs, penstock, 2)
        answered = json.loads(asker.line(STEP_SECONDS))
        asker.wait(STEP_SECONDS)
    found.add("scale_waits", answered["answered"])
    found.add("scale_waits_answered_seconds", answered["seconds"])


def queued_jobs(programs, size, found):
    with programs.house() as house:
        penstock = ventilator_and_sink(house, programs)
        park(house, programs, penstock, 1_000)
        keepers = {"ventilator": penstock.ventilator, "sink": penstock.sink}
        before = {name: p.resident_bytes() for name, p in keepers.items()}
        park(house, programs, penstock, size.queued)
        for name, process in keepers.items():
            grown = (process.resident_bytes() - before[name]) / size.queued
            found.add("scale_bytes_per_queued_job_" + name, grown - PACKED_BYTES)
    found.add("scale_queued", size.queued)
    for name, parked in (("empty", 1_000), ("full", size.queued)):
        with programs.house() as house:
            penstock = ventilator_and_sink(house, programs)
            park(house, programs, penstock, parked)
            swarm(house, programs, penstock, 2)
            found.add(f"scale_{name}_queue_jobs_s",
                      small_jobs(house, programs, penstock, size, in_flight=9_000))


def finished_jobs(programs, size, found):
    with programs.house() as house:
        penstock = ventilator_and_sink(house, programs)
        swarm(house, programs, penstock, 2)
        submitted(house, programs, penstock, jobs=10_000, in_flight=50_000)
        before = penstock.sink.resident_bytes()
        submitted(house, programs, penstock, jobs=size.queued, in_flight=50_000)
        grown = (penstock.sink.resident_bytes() - before) / size.queued
        found.add("scale_bytes_per_finished_job_sink", grown - 2 * PACKED_BYTES)


def large_payloads(programs, size, found):
    """Payloads of 1 MiB: `echo`, whose result is as large again, and an answer of one byte."""
    for name, more in (("echo", ()), ("short", ("--nil",))):
        with programs.house() as house:
            penstock = ventilator_and_sink(house, programs)
            swarm(house, programs, penstock, 2, more=more)
            run = lambda: submitted(house, programs, penstock, jobs=size.large_jobs, bytes=MIB,
                                    batch=1, in_flight=64)["gigabytes_s"]
            run()  # the sink's gibibyte fills up: new memory costs more than memory used again
            before = penstock.cpu_seconds()
            found.add(f"scale_mib_{name}_gigabytes_s", statistics.median(run() for _ in range(3)))
            after = penstock.cpu_seconds()
            for role in ("ventilator", "sink"):
                found.add(f"scale_mib_{name}_{role}_us",
                          (after[role] - before[role]) / (3 * size.large_jobs) * 1e6)


def scale(programs, plan, found):
    size = QUICK if plan.quick else FULL
    require_descriptors(size.workers)
    for part in (workers, waits, queued_jobs, finished_jobs, large_payloads):
        part(programs, size, found)


# ---- what they mean ---------------------------------------------------------------------------


_WORKERS = (
    Extent("scale_workers", "workers", "workers", "So many workers were up, in two processes of "
           "one thread each, as the ventilator sees it"),
    Figure("scale_join_seconds", "until all workers are up", "seconds",
           "From the first join until the ventilator sees the lanes of all scale_workers up; 256 "
           "ask at once in each process", "A storm from as many hosts", 2),
    Figure("scale_descriptors_ventilator", "descriptors, ventilator", "descriptors",
           "Open files of the ventilator for one worker, of which one is the connection of its "
           "heartbeats", digits=2),
    Figure("scale_descriptors_swarm", "descriptors, worker", "descriptors",
           "Open files of the worker itself", digits=2),
    Figure("scale_idle_cpu", "ventilator, all workers idle", "cores",
           "Share of a core that the ventilator uses while all workers only send heartbeats, two "
           "a second each", digits=3),
    Figure("scale_two_workers_jobs_s", "two workers", "jobs/s",
           "Throughput with two workers of the same program: 100 bytes a job, 64 jobs a message",
           ratio_to="scale_two_workers_jobs_s"),
    Figure("scale_jobs_s", "all workers", "jobs/s",
           "Throughput with all scale_workers, which say that a job took 1 µs",
           "Jobs with work to do: those that take more than 50 µs cost a message each, some "
           "30 µs of the ventilator's CPU on as many connections",
           ratio_to="scale_two_workers_jobs_s"),
)

_WAITS = (
    Extent("scale_waits", "held waits", "waits",
           "So many questions `wait until finished` were held at once, and answered once each"),
    Figure("scale_bytes_per_wait", "a held wait", "bytes/wait",
           "Growth of the sink's resident memory by one held wait together with its queued job"),
    Figure("scale_waits_cpu", "sink, while waits are held", "cores",
           "Share of a core that the sink uses while all scale_waits are held", digits=3),
    Figure("scale_waits_answered_seconds", "until all waits are answered", "seconds",
           "From the first answer to the last, once two workers have joined. Each was answered "
           "exactly once, or the run fails", digits=4),
)

_JOBS = (
    Extent("scale_queued", "queued jobs", "jobs", "So many jobs were queued, or finished"),
    *(Figure("scale_bytes_per_queued_job_" + role, f"a queued job, {role}", "bytes/job",
             "Growth of resident memory by scale_queued jobs of 100 bytes, divided by their "
             "number, less the payload")
      for role in ("ventilator", "sink")),
    Figure("scale_bytes_per_finished_job_sink", "a finished job, sink", "bytes/job",
           "The same of jobs that finished, less payload and value"),
    Figure("scale_empty_queue_jobs_s", "beside 1,000 queued jobs", "jobs/s",
           "Throughput of two workers, 9,000 jobs under way, beside 1,000 jobs that wait for a "
           "kind that no worker has", ratio_to="scale_empty_queue_jobs_s"),
    Figure("scale_full_queue_jobs_s", "beside all queued jobs", "jobs/s",
           "The same beside scale_queued jobs that wait", ratio_to="scale_empty_queue_jobs_s"),
)


def _mib_figures(name, answers):
    card = "What a network card takes: on loopback each trip is two copies in the kernel"
    return (
        Figure(f"scale_mib_{name}_gigabytes_s", f"1 MiB, {name}", "GB/s",
               f"1 MiB payloads from submit to outcome, 64 under way, the payload's bytes "
               f"counted once; the answer has {answers}", card, 3),
        *(Figure(f"scale_mib_{name}_{role}_us", f"1 MiB, {name}: CPU {role}", "µs/job",
                 f"CPU time of the {role} for one such job, user and system, all its threads")
          for role in ("ventilator", "sink")))


SCALE = Section(
    "scale", "Scale: many workers, held waits, queued jobs; large payloads", scale, is_long=True,
    figures=(*_WORKERS, *_WAITS, *_JOBS,
             *_mib_figures("echo", "as many bytes again (four trips over tcp)"),
             *_mib_figures("short", "one byte (three trips)")),
    ratios=(
        Ratio("scale_workers_ratio", "all workers / two workers",
              "scale_jobs_s", "scale_two_workers_jobs_s", "What so many lanes cost"),
        Ratio("scale_full_queue_ratio", "all queued jobs / 1,000 of them",
              "scale_full_queue_jobs_s", "scale_empty_queue_jobs_s",
              "What a full queue of another kind costs those that run"),
    ))
