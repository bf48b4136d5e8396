"""A worker without our code, as in the README, that writes down what it runs."""

import os
import sys
import time

import msgpack
import zmq

control, _, runs, name, kinds = sys.argv[1:]
log = os.open(runs, os.O_WRONLY | os.O_APPEND)
sockets = zmq.Context()


def write(word, job):
    os.write(log, f"{word} {job['id']} {job['attempt']} {name} {time.monotonic_ns()}\n".encode())


def ask_for_a_lane():
    with sockets.socket(zmq.REQ) as ask:
        ask.linger = 0
        ask.connect(control)
        ask.send(msgpack.packb({"type": "join", "kinds": kinds.split(","), "slots": 1,
                                "worker": name, "via": control}))
        return msgpack.unpackb(ask.recv()) if ask.poll(1000) else {"error": "no answer"}


while True:
    lane = ask_for_a_lane()
    if lane["error"]:
        time.sleep(0.1)
        continue
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
                write("start", job)
                time.sleep(job["payload"].get("seconds", 0))
                write("end", job)
                results.send(msgpack.packb(
                    {"type": "result", "id": job["id"], "attempt": job["attempt"],
                     "epoch": job["epoch"], "value": job["payload"].get("say")}))
            silent_at = time.monotonic() + 3 * lane["ping"]
        jobs.disable_monitor()
