"""Figures of bounds in time: how much later than asked for something happens.

That none happens too early, and what else is promised, is tested in virtual time. README.md says what
the figures mean together.
"""

import datetime
import time

from found import Figure, Section
from house import STEP_SECONDS, Failed
from pipeline import Client, Penstock

DELAY_SECONDS, TIMEOUT_SECONDS = 0.1, 0.2
MANY_SLOTS, NAPS_AT_ONCE = 16, 4
NAP_SECONDS = 0.02
NAPS = 400  # two seconds of them, also when it has to be quick
WAITED_SECONDS = 0.25  # estimates of shorter waits say little
TOGETHER, WAIT_SECONDS = 10, 0.02  # a batch
PARTS = ("p50", "p99")


class Teller:
    """What a worker has said."""

    def __init__(self, process):
        self._process = process
        self.said = {}  # (word, id): seconds

    def listen(self, word, ids):
        """Until it has said this of all of them: {id: seconds}."""
        wanted = {(word, id) for id in ids}
        while not wanted <= self.said.keys():
            first, *rest = self._process.line(STEP_SECONDS).split()
            if first == "call":
                self.said.update({("call", id): int(rest[0]) / 1e9 for id in rest[1:]})
            else:
                self.said[first, rest[0]] = int(rest[1]) / 1e9
        return {id: self.said[word, id] for id in ids}


def spread(client, jobs, gap, job):
    """Posts jobs one after the other: {id: when}."""
    asked = {}
    for _ in range(jobs):
        at = time.monotonic()
        asked[client.submit(job)] = at
        time.sleep(gap)
    return asked


def late(happened, due):
    """Sorted, in milliseconds."""
    return sorted((happened[id] - due[id]) * 1e3 for id in due)


def never_early(times):
    if times[0] < 0:
        raise Failed(f"something happened {-times[0]:.3f} ms before its time")
    return times


def delays(client, teller, jobs):
    asked = spread(client, jobs, 0.005, {"kind": "note", "delay": DELAY_SECONDS})
    starts = teller.listen("start", asked)
    return never_early(late(starts, {id: at + DELAY_SECONDS for id, at in asked.items()}))


def timeouts(client, teller, jobs):
    asked = spread(client, jobs, 0.02, {"kind": "stubborn", "timeout": TIMEOUT_SECONDS,
                                        "max_attempts": 1})
    told = teller.listen("cancelled", asked)
    # Counted from when it was given to the worker, which is a little before its handler starts.
    return late(told, {id: at + TIMEOUT_SECONDS for id, at in teller.listen("start", asked).items()})


def lone_batches(client, teller, jobs):
    """Each is alone until its batch has waited."""
    asked = spread(client, jobs, 3 * WAIT_SECONDS, {"kind": "together"})
    calls = teller.listen("call", asked)
    return never_early(late(calls, {id: at + WAIT_SECONDS for id, at in asked.items()}))


def full_batches(client, teller, batches):
    due = {}
    for _ in range(batches):
        at = time.monotonic()
        ids = client.submit_many([{"kind": "together"}] * TOGETHER)
        due.update({id: at for id in ids})
        time.sleep(WAIT_SECONDS)
    return late(teller.listen("call", due), due)


def estimates(client):
    """By how many per cent of their wait jobs started before or after what was estimated, sorted."""
    def seconds_of(text):
        return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()

    naps = [{"kind": "nap", "payload": NAP_SECONDS}] * NAPS
    client.wait_until_succeeded(client.submit_many(naps))  # measured by then
    ids = client.submit_many(naps)
    time.sleep(0.3)  # the pace is known when some have gone
    asked = {id: (time.time(), client.ask("GET", f"/v1/jobs/{id}").get("estimated_start"))
             for id in ids}
    client.wait_until_succeeded(ids)
    off = []
    for id, (at, estimated) in asked.items():
        started = seconds_of(client.ask("GET", f"/v1/jobs/{id}")["started_at"])
        if estimated is not None and started - at > WAITED_SECONDS:
            off.append(abs(seconds_of(estimated) - started) / (started - at) * 100)
    if len(off) < NAPS / 4:
        raise Failed(f"only {len(off)} of {NAPS} jobs waited and had an estimate")
    return sorted(off)


def measure(programs, plan, found):
    jobs = 20 if plan.quick else 100
    with programs.house() as house:
        penstock = Penstock(house, programs.penstock, 0, gateway=True)
        def worker(name, slots, *kinds):
            return penstock.python_worker(name, "bounds_worker.py", slots, TOGETHER, WAIT_SECONDS, *kinds)

        workers = [worker("teller", MANY_SLOTS, "note", "stubborn", "together"),
                   worker("naps", NAPS_AT_ONCE, "nap")]
        penstock.wait_until_joined(workers)
        teller, client = Teller(workers[0]), Client(penstock.at.http)
        delays(client, teller, 10)
        taken = {"delay": delays(client, teller, jobs), "timeout": timeouts(client, teller, jobs),
                 "batch_wait": lone_batches(client, teller, jobs),
                 "batch_full": full_batches(client, teller, jobs)}
        off = estimates(client)
    for name, times in taken.items():
        found.add(f"bounds_{name}_p50_ms", times[len(times) // 2])
        found.add(f"bounds_{name}_p99_ms", times[len(times) * 99 // 100])
    found.add("bounds_estimate_p50_percent", off[len(off) // 2])
    found.add("bounds_estimate_p90_percent", off[len(off) * 9 // 10])


def pair(name, title, meaning, no_meaning=""):
    return [Figure(f"bounds_{name}_{part}_ms", f"{title}, {part}", "ms", meaning, no_meaning, 2)
            for part in PARTS]


BOUNDS = Section(
    "bounds", "How late: beyond the time that was asked for", measure,
    figures=(
        *pair("delay", "a delay of 100 ms is over",
              "From the time at which a job with a delay may start, counted from its request, to its "
              "start in a Python worker with free slots",
              "A queue: nothing else waits"),
        *pair("timeout", "a timeout of 200 ms is over",
              "From the time at which an attempt's timeout is over, counted from the start of its "
              "handler in a Python worker, to the moment when the handler hears of it (it looks "
              "every millisecond)",
              "The ventilator's own lateness: it counts from when it gave the attempt away, so a "
              "slow start of the handler makes this smaller"),
        *pair("batch_wait", "a batch of one has waited 20 ms",
              "From the wait of a batch being over, counted from the request of the only job in it, "
              "to the call of its handler"),
        *pair("batch_full", "a batch is full",
              "From a request of ten jobs for a handler that takes ten to its call",
              "A time that was asked for: it is to go at once"),
        *[Figure(f"bounds_estimate_{part}_percent", f"estimated start, off by, {part}", "%",
                 "400 jobs that sleep 20 ms on 4 slots, each asked when it will start; how far that "
                 "was from when it did, by the time that it still waited (a quarter of a second at "
                 "least)",
                 "Jobs whose length nobody can know", 1) for part in ("p50", "p90")],
    ))
