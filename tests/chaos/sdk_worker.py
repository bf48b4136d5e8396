"""A worker by the Python package, on threads or on an event loop, that writes down what it does."""

import asyncio
import logging
import sys

import penstock

from diary import Diary


def main(control, slots, log, name, style):
    diary = Diary(log, name)
    worker = penstock.Worker()

    def begin(payload, job):
        return diary.begin(job.id, payload["job"], job.attempt)

    def end(payload, job, nonce):
        if job.attempt <= payload["fails"]:
            diary.end(nonce, "failed")
            raise penstock.Fail("chaos", nonce)
        diary.end(nonce, "ok")
        return nonce

    def on_thread(payload, job):
        nonce = begin(payload, job)
        if job.cancellation.wait(payload["ms"] / 1000):
            diary.end(nonce, "cancelled")
            raise penstock.Fail("cancelled", nonce, retryable=False)
        return end(payload, job, nonce)

    async def on_event_loop(payload, job):
        nonce = begin(payload, job)
        try:
            await asyncio.sleep(payload["ms"] / 1000)
        except asyncio.CancelledError:
            diary.end(nonce, "cancelled")
            raise
        return end(payload, job, nonce)

    worker.kind("chaos")(on_thread if style == "threads" else on_event_loop)
    worker.run(control=control, slots=int(slots))


if __name__ == "__main__":
    logging.basicConfig(format="%(asctime)s %(message)s", level=logging.INFO)
    main(*sys.argv[1:])
