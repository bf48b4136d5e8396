"""The threads that run handlers, and what waits for them.

A job that waits may have been given to another worker once this process has been silent for too
long. So the loop says until when jobs may be started (`allow_until`); after that, nothing starts
until it says so again, even if the loop has not yet noticed that the process had slept.
"""

import collections
import threading

from .process import now


class Slots:
    """`run(job)` is called on `count` threads and returns an outcome; it must not raise.
    `done(outcome)` is called when a job stops running, and must be quick.
    Every method may be called from any thread."""

    def __init__(self, count, run, done):
        self._run = run
        self._done = done
        self._changed = threading.Condition()
        self._waiting = collections.deque()
        self._running = {}
        self._allowed_until = 0.0
        for i in range(count):
            # Daemons: a second SIGTERM ends the process whatever a handler does.
            threading.Thread(target=self._work, name=f"slot-{i + 1}", daemon=True).start()

    def offer(self, jobs):
        with self._changed:
            self._waiting.extend(jobs)
            self._changed.notify(len(jobs))

    def allow_until(self, moment):
        with self._changed:
            late = now() > self._allowed_until
            self._allowed_until = moment
            if late and self._waiting:
                self._changed.notify_all()

    def hand_back(self):
        """Takes away, and returns, the jobs that had not started."""
        with self._changed:
            jobs = list(self._waiting)
            self._waiting.clear()
            return jobs

    def running(self):
        with self._changed:
            return list(self._running.values())

    def cancel(self, number, id):
        """`id` as text or as the 16 bytes of a UUID. Tells a running job. Takes away, and returns,
        a waiting one; else None."""
        with self._changed:
            for job in self._running.values():
                if job.number == number and id in (job.id, job.wire_id):
                    job.cancel()
            for job in self._waiting:
                if job.number == number and id in (job.id, job.wire_id):
                    self._waiting.remove(job)
                    return job
        return None

    def _work(self):
        while True:
            job = self._take()
            outcome = self._run(job)
            with self._changed:  # together: a job is always in the one list or the other
                del self._running[id(job)]
                self._done(outcome)

    def _take(self):
        with self._changed:
            while not self._waiting or now() > self._allowed_until:
                self._changed.wait()
            job = self._waiting.popleft()
            self._running[id(job)] = job
            return job
