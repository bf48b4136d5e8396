"""A worker by the Python package that writes down what it runs, and misbehaves when told to."""

import ctypes
import logging
import os
import signal
import sys
import time

import penstock

control, slots, runs, name, _ = sys.argv[1:]
log = os.open(runs, os.O_WRONLY | os.O_APPEND)
worker = penstock.Worker()


def write(word, job):
    os.write(log, f"{word} {job.id} {job.attempt} {name} {time.monotonic_ns()}\n".encode())


@worker.kind("note")
def note(payload, job):
    write("start", job)
    if payload.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if payload.get("hold"):  # keeps the global lock until somebody opens this pipe to write
        ctypes.PyDLL(None).open(payload["hold"].encode(), os.O_RDONLY)
    time.sleep(payload.get("seconds", 0))
    write("end", job)
    if payload.get("fail"):
        raise penstock.Fail("told-to", payload["fail"], retryable=False)
    return payload.get("say")


logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
worker.run(control=control, slots=int(slots))
