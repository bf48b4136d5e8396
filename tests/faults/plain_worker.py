"""A worker without our code that writes down what it runs."""

import os
import sys
import time

import plain_lane

control, _, runs, name, kinds = sys.argv[1:]
log = os.open(runs, os.O_WRONLY | os.O_APPEND)


def write(word, job):
    os.write(log, f"{word} {job['id']} {job['attempt']} {name} {time.monotonic_ns()}\n".encode())


def run(job):
    write("start", job)
    time.sleep(job["payload"].get("seconds", 0))
    write("end", job)
    return {"value": job["payload"].get("say")}


plain_lane.serve(control, kinds.split(","), name, run)
