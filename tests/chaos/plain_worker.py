"""A worker without our code that writes down what it does."""

import sys
import time

import plain_lane
from diary import Diary

control, log, name = sys.argv[1:]
diary = Diary(log, name)


def run(job):
    payload = job["payload"]
    nonce = diary.begin(job["id"], payload["job"], job["attempt"])
    time.sleep(payload["ms"] / 1000)
    if job["attempt"] <= payload["fails"]:
        diary.end(nonce, "failed")
        return {"error": {"code": "chaos", "message": nonce, "retryable": True}}
    diary.end(nonce, "ok")
    return {"value": nonce}


plain_lane.serve(control, ["chaos"], name, run)
