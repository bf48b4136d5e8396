"""A worker of four kinds that says on its stdout what happens when, by the monotonic clock of this
machine:

    start ID NANOSECONDS        a job of `note` or `stubborn`
    cancelled ID NANOSECONDS    one of `stubborn` was told to stop
    call NANOSECONDS ID ...     jobs of `together` came in one call

Those of `nap` only take their time. Arguments: control, slots, max and wait of a call, kinds.
"""

import os
import sys
import time

import penstock

control, slots, most, wait, *kinds = sys.argv[1:]
worker = penstock.Worker()


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # at once: slots are threads


@worker.kind("note")
def note(payload, job):
    say("start", job.id, time.monotonic_ns())


@worker.kind("stubborn")
def stubborn(payload, job):
    say("start", job.id, time.monotonic_ns())
    while not job.cancelled:
        time.sleep(0.001)
    say("cancelled", job.id, time.monotonic_ns())


@worker.batch("together", max=int(most), wait=float(wait))
def together(jobs):
    say("call", time.monotonic_ns(), *(job.id for job in jobs))
    return [job.payload for job in jobs]


@worker.kind("nap")
def nap(seconds, job):
    time.sleep(seconds)


if __name__ == "__main__":
    worker.run(control=control, slots=int(slots), kinds=kinds)
