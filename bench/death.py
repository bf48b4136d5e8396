"""Figures of death: how long the jobs of a worker that was killed, or stopped, wait until they start
elsewhere.

README.md says what they mean together.
"""

import os
import select
import signal
import statistics
import time

from found import Count, Figure, Section
from house import STEP_SECONDS, Failed
from pipeline import Client, Penstock

KILLS, QUICK_KILLS = 200, 20
STOPS, QUICK_STOPS = 5, 2
SLOTS = 2
JOB_SECONDS = 0.1
SENT = 100  # to two workers of which one is stopped


class Fleet:
    """Workers that say when a job starts; those that died are replaced."""

    def __init__(self, penstock, style=()):
        self._penstock, self._style = penstock, style
        self._began = 0
        self.alive = []

    def add(self):
        self._began += 1
        self.alive.append(self._penstock.python_worker(
            f"dying-{self._began}", "death_worker.py", SLOTS, *self._style))

    def wait_until_joined(self):
        self._penstock.wait_until_joined(self.alive)

    def starts(self, ids, among=None, all_but=0):
        """{id: (worker, seconds)}: the next start of each, or of all but so many, in one of these
        workers."""
        found, deadline = {}, time.monotonic() + STEP_SECONDS
        among = list(among or self.alive)
        while len(found) < len(ids) - all_but:
            ready = [worker for worker in among if worker.has_line()] or select.select(
                among, [], [], max(0, deadline - time.monotonic()))[0]
            if not ready:
                raise Failed(f"of {len(ids)} jobs only {len(found)} started")
            for worker in ready:
                word, *rest = worker.line(STEP_SECONDS).split()
                if word == "start" and rest[0] in ids:
                    found[rest[0]] = worker, int(rest[1]) / 1e9
        return found

    def bury(self, worker):
        self.alive.remove(worker)
        worker.end(signal.SIGKILL, STEP_SECONDS)


def job_of(seconds):
    return {"kind": "death", "payload": seconds}


def after_kills(programs, kills):
    """Milliseconds from kill -9 to the start elsewhere of what the dead worker ran. Three workers,
    of which two have a job; a suspect runs alone, so it needs the one that has none."""
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, workers=0, gateway=True)
        fleet, client, took = Fleet(penstock), Client(penstock.at.http), []
        for _ in range(3):
            fleet.add()
        while len(took) < kills:
            fleet.wait_until_joined()
            ids = [client.submit(job_of(JOB_SECONDS)) for _ in range(2)]
            ran = fleet.starts(ids)
            id = ids[len(took) % 2]
            dead = ran[id][0]
            if dead is ran[ids[1 - len(took) % 2]][0]:
                raise Failed("both jobs went to one worker while others had none")
            killed = time.monotonic()
            os.kill(dead.pid, signal.SIGKILL)
            others = [worker for worker in fleet.alive if worker is not dead]
            took.append((fleet.starts([id], others)[id][1] - killed) * 1e3)
            fleet.bury(dead)
            fleet.add()
            client.wait_until_succeeded(ids)
        return took


def after_stops(programs, stops):
    """Seconds from SIGSTOP of one of two workers of the package until jobs that were sent to it
    start in the other: the last of them. As many as it has slots may be running, for all that
    anybody knows; those stay, and it finishes them when it goes on."""
    took = []
    for _ in range(stops):
        with programs.house() as house:
            penstock = Penstock(house, programs.penstock, workers=0, gateway=True)
            fleet, client = Fleet(penstock, ["package"]), Client(penstock.at.http)
            fleet.add()
            fleet.add()
            fleet.wait_until_joined()
            warm = client.submit_many([job_of(0)] * SENT)  # that they are short is why it is sent more than slots
            fleet.starts(warm)
            client.wait_until_succeeded(warm)
            stopped, other = fleet.alive
            os.kill(stopped.pid, signal.SIGSTOP)
            began = time.monotonic()
            ids = client.submit_many([job_of(0)] * SENT)
            starts = fleet.starts(ids, [other], all_but=SLOTS)
            took.append(max(at for _, at in starts.values()) - began)
            os.kill(stopped.pid, signal.SIGCONT)
            client.wait_until_succeeded(ids)
    return took


def measure(programs, plan, found):
    took = after_kills(programs, QUICK_KILLS if plan.quick else KILLS)
    found.add("death_kills", len(took))
    found.add("death_p50_ms", statistics.median(took))
    found.add("death_p99_ms", sorted(took)[int(len(took) * 0.99) - 1])
    found.add_samples("death_p50_ms", took)
    stops = after_stops(programs, QUICK_STOPS if plan.quick else STOPS)
    found.add("death_stopped_seconds", max(stops))


DEATH = Section(
    "death", "Death: jobs of a worker that was killed start elsewhere", measure, is_long=True,
    figures=(
        Count("death_kills", "kills", "times", "Of how many kill -9 the next two tell"),
        Figure("death_p50_ms", "kill -9 to the start elsewhere, p50", "ms",
               "From the kill of a worker to the moment at which another one reads the job that it "
               "ran: noticed by its connection, the sink asked, sent. A third worker is empty",
               "Workers that are all busy: a job that may have killed its worker runs alone, so it "
               "waits until one of them is empty", 2),
        Figure("death_p99_ms", "kill -9 to the start elsewhere, p99", "ms",
               "The same, the kill that is slower than 99 of 100", "", 2),
        Figure("death_stopped_seconds", "SIGSTOP to the start elsewhere, the longest", "s",
               "A worker of the Python package is stopped, and then sent jobs, which it does not "
               "start: until the last of them starts in the other worker. It is silent for 1.5 s "
               "before anybody believes it", "As many as it has slots: it may be running those", 2),
    ))
