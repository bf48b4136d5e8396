"""Celery's worker imports this; the client submits. Broker and backend: one Redis."""

import os
import sys

import celery

PORT = os.environ["BENCH_REDIS_PORT"]
app = celery.Celery("celery_app", broker=f"redis://127.0.0.1:{PORT}/0",
                    backend=f"redis://127.0.0.1:{PORT}/1")


@app.task
def echo(payload):
    return payload


def main(jobs):
    from outcomes import Stopwatch, payloads
    sent = payloads(jobs)
    watch = Stopwatch()
    results = [echo.delay(payload) for payload in sent]
    for payload, result in zip(sent, results):
        if result.get(timeout=30) != payload:
            sys.exit("an outcome is not its payload")
    watch.say(jobs)


if __name__ == "__main__":
    # The module under its own name, as the worker knows it: else its task is __main__.echo.
    import celery_app
    celery_app.main(int(sys.argv[1]))
