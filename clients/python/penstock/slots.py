"""What waits, what runs, and the threads of handlers that are no coroutines.

A job that waits may have been given to another worker once this process has been silent for too
long. So the loop says until when jobs may be started (`allow_until`); after that, nothing starts
until it says so again, even if the loop has not yet noticed that the process had slept.
"""

import collections
import threading

from .process import now


class Slots:
    """At most `count` calls run at a time. `run(call)` is called on a thread and returns outcomes;
    it must not raise. `start(call)` begins an async one and returns; `finished` is called for it
    later. `told(call)` is called when one of a running call's jobs was cancelled. `done(outcomes)`
    is called when a call stops running. The last three must be quick.
    Every method may be called from any thread."""

    def __init__(self, count, run, start, told, done):
        self._count = count
        self._run, self._start, self._told, self._done = run, start, told, done
        self._changed = threading.Condition()
        self._waiting = collections.deque()
        self._running = {}
        self._ready = collections.deque()  # of the running ones: for the next thread
        self._threads = self._idle = 0
        self._allowed_until = 0.0
        self._closed = False

    def offer(self, calls):
        with self._changed:
            self._waiting.extend(calls)
            self._fill()

    def allow_until(self, moment):
        with self._changed:
            self._allowed_until = moment
            self._fill()

    def hand_back(self):
        """Takes away, and returns, the jobs that had not started."""
        with self._changed:
            jobs = [job for call in self._waiting for job in call.jobs]
            self._waiting.clear()
            return jobs

    def running(self):
        """The jobs that have started."""
        with self._changed:
            return [job for call in self._running.values() for job in call.jobs]

    def cancel(self, number, id):
        """`id` as text or as the 16 bytes of a UUID; number 0 means whichever attempt. Tells a
        running job, once. Takes away, and returns, a waiting one; else None."""
        def is_meant(job):
            return (job.number == number or not number) and id in (job.id, job.wire_id)

        with self._changed:
            for call in self._running.values():
                for job in call.jobs:
                    # A second word would break into what a coroutine does about the first one.
                    if is_meant(job) and not job.cancelled:
                        job.cancel()
                        self._told(call)
            for call in self._waiting:
                for job in call.jobs:
                    if is_meant(job):
                        call.jobs.remove(job)
                        if not call.jobs:
                            self._waiting.remove(call)
                        return job
        return None

    def finished(self, call, outcomes):
        with self._changed:  # together: a job is always in the one list or the other
            self._end(call, outcomes)
            self._fill()

    def close(self):
        """Threads end once they have nothing to do."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    # ---- with the lock held

    def _fill(self, awake=0):
        """Starts what there is room for. awake: threads that will look at `_ready` anyway."""
        while self._waiting and len(self._running) < self._count and now() <= self._allowed_until:
            call = self._waiting.popleft()
            self._running[id(call)] = call
            if call.is_async:
                self._start(call)
                continue
            self._ready.append(call)
            wanted = len(self._ready) - awake
            if wanted > self._idle:
                self._threads += 1
                self._idle += 1  # as far as others are concerned: it comes and looks
                # Daemons: a second SIGTERM ends the process whatever a handler does.
                threading.Thread(target=self._work, name=f"slot-{self._threads}",
                                 daemon=True).start()
            elif wanted > 0:
                self._changed.notify()

    def _end(self, call, outcomes):
        del self._running[id(call)]
        self._done(outcomes)

    # ---- a slot's thread

    def _work(self):
        with self._changed:
            call = self._next_of_idle()
        while call is not None:
            outcomes = self._run(call)
            with self._changed:
                self._end(call, outcomes)
                self._fill(awake=1)
                if self._ready:
                    call = self._ready.popleft()
                else:
                    self._idle += 1
                    call = self._next_of_idle()

    def _next_of_idle(self):
        """The next call, or None when all is over. Ends being idle."""
        while True:
            while not self._ready and not self._closed:
                self._changed.wait()
            if not self._ready:
                return None
            call = self._ready.popleft()
            if now() <= self._allowed_until:
                self._idle -= 1
                return call
            del self._running[id(call)]  # this process has slept since: see above
            self._waiting.appendleft(call)
