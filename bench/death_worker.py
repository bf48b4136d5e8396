"""A worker that says on its stdout when a job starts, by the monotonic clock of this machine:

    joined
    start ID NANOSECONDS

Without our code, or, with `package`, by the Python package, whose workers send heartbeats.
"""

import os
import sys
import time

import msgpack
import zmq

KIND = "death"


def say(*words):
    os.write(1, (" ".join(map(str, words)) + "\n").encode())  # at once: slots are threads


def plain(control, slots):
    """A job starts when it is read, and ends when its time is over."""
    sockets = zmq.Context()
    with sockets.socket(zmq.REQ) as ask:
        ask.connect(control)
        ask.send(msgpack.packb({"type": "join", "kinds": [KIND], "slots": slots, "via": control}))
        lane = msgpack.unpackb(ask.recv())
    if lane["error"]:
        raise SystemExit(lane["error"])
    jobs, results = sockets.socket(zmq.PULL), sockets.socket(zmq.PUSH)
    jobs.reconnect_ivl = -1
    jobs.connect(lane["endpoint"])
    results.connect(lane["sink"])
    open_jobs, has_joined = [], False
    while True:
        due = min((at for at, _ in open_jobs), default=time.monotonic() + 1)
        if jobs.poll(max(0, (due - time.monotonic()) * 1000)):
            job, now = msgpack.unpackb(jobs.recv()), time.monotonic_ns()
            if not has_joined:  # a first message shows that the lane is up
                has_joined = True
                say("joined")
            if job["type"] == "job":
                say("start", job["id"], now)
                open_jobs.append((now / 1e9 + job["payload"], job))
        for at, job in [row for row in open_jobs if row[0] <= time.monotonic()]:
            open_jobs.remove((at, job))
            results.send(msgpack.packb({"type": "result", "id": job["id"], "value": None,
                                        "attempt": job["attempt"], "epoch": job["epoch"]}))


def by_package(control, slots):
    import penstock
    worker = penstock.Worker()

    @worker.kind(KIND)
    def run(seconds, job):
        say("start", job.id, time.monotonic_ns())
        time.sleep(seconds)

    worker.run(control=control, slots=slots)


if __name__ == "__main__":
    (by_package if sys.argv[3:] == ["package"] else plain)(sys.argv[1], int(sys.argv[2]))
