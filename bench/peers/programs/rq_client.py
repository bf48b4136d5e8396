"""RQ: enqueue_many, 1,000 in one pipeline; the end is when the registry has all as finished."""

import os
import sys
import time

import redis
import rq

import rq_jobs
from outcomes import Stopwatch, payloads

AT_ONCE, GIVE_UP_SECONDS = 1000, 30


def main(jobs):
    connection = redis.Redis(port=int(os.environ["BENCH_REDIS_PORT"]))
    queue = rq.Queue(connection=connection)
    finished = queue.finished_job_registry
    sent = payloads(jobs)
    before = finished.count
    watch = Stopwatch()
    enqueued = []
    for first in range(0, jobs, AT_ONCE):
        enqueued += queue.enqueue_many([rq.Queue.prepare_data(rq_jobs.echo, args=(payload,))
                                        for payload in sent[first:first + AT_ONCE]])
    deadline = time.monotonic() + GIVE_UP_SECONDS
    while finished.count - before < jobs:
        if time.monotonic() > deadline:
            sys.exit(f"only {finished.count - before} of {jobs} have finished")
        time.sleep(0.005)
    watch.say(jobs)
    for payload, job in zip(sent, enqueued):
        job.refresh()
        if job.result != payload:
            sys.exit("an outcome is not its payload")


if __name__ == "__main__":
    main(int(sys.argv[1]))
