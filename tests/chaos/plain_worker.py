"""A worker without our code, as in the README, that writes down what it does."""

import sys
import time

import msgpack
import zmq

from diary import Diary

control, log, name = sys.argv[1:]
diary = Diary(log, name)
sockets = zmq.Context()


def ask_for_a_lane():
    with sockets.socket(zmq.REQ) as ask:
        ask.linger = 0
        ask.connect(control)
        ask.send(msgpack.packb({"type": "join", "kinds": ["chaos"], "slots": 1, "via": control}))
        return msgpack.unpackb(ask.recv()) if ask.poll(1000) else {"error": "no answer"}


def run(job):
    """What the sink is told of it."""
    said, payload = {}, job["payload"]
    nonce = diary.begin(job["id"], payload["job"], job["attempt"])
    time.sleep(payload["ms"] / 1000)
    if job["attempt"] <= payload["fails"]:
        diary.end(nonce, "failed")
        said["error"] = {"code": "chaos", "message": nonce, "retryable": True}
    else:
        diary.end(nonce, "ok")
        said["value"] = nonce
    return msgpack.packb({"type": "result", "id": job["id"], "attempt": job["attempt"],
                          "epoch": job["epoch"], **said})


while True:
    lane = ask_for_a_lane()
    if lane["error"]:
        print(lane["error"], file=sys.stderr, flush=True)
        time.sleep(0.2)
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
                results.send(run(job))
            silent_at = time.monotonic() + 3 * lane["ping"]
        jobs.disable_monitor()
