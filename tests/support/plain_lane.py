"""A worker of one slot without our code, as in the README: it joins, runs what comes down its lane, and
joins again when that has ended or fallen silent."""

import sys
import time

import msgpack
import zmq


def serve(control, kinds, name, run):
    """For ever. run(job) returns what the result says besides which job and attempt it is of:
    {"value": ...} or {"error": ...}."""
    sockets = zmq.Context()
    while True:
        lane = _ask_for_a_lane(sockets, control, kinds, name)
        if lane["error"]:
            print(lane["error"], file=sys.stderr, flush=True)
            time.sleep(0.1)
        else:
            _serve_lane(sockets, lane, run)


def _ask_for_a_lane(sockets, control, kinds, name):
    with sockets.socket(zmq.REQ) as ask:
        ask.linger = 0
        ask.connect(control)
        ask.send(msgpack.packb({"type": "join", "kinds": kinds, "slots": 1, "worker": name,
                                "via": control}))
        return msgpack.unpackb(ask.recv()) if ask.poll(1000) else {"error": "no answer"}


def _serve_lane(sockets, lane, run):
    with sockets.socket(zmq.PULL) as jobs, sockets.socket(zmq.PUSH) as results:
        jobs.reconnect_ivl = -1  # a lane lives for one connection
        jobs.connect(lane["endpoint"])
        results.connect(lane["sink"])
        ended = jobs.get_monitor_socket(zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED)
        silent_at = time.monotonic() + 3 * lane["ping"]
        while jobs.poll(100) or (not ended.poll(0) and time.monotonic() < silent_at):
            if not jobs.poll(0):
                continue
            job = msgpack.unpackb(jobs.recv())
            if job["type"] == "job":
                results.send(msgpack.packb(
                    {"type": "result", "id": job["id"], "attempt": job["attempt"],
                     "epoch": job["epoch"], **run(job)}))
            silent_at = time.monotonic() + 3 * lane["ping"]
        jobs.disable_monitor()
