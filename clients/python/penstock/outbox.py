"""What handlers' threads say, until the loop's thread sends it; and the waking of the loop."""

import collections
import socket

from . import wire

PROGRESS_SECONDS = 0.1  # at most one progress of a job in this time


class Outbox:
    """`add`, `say`, `report` and `wake` may be called from any thread, and from a signal's handler
    (wake); the rest belongs to the loop. `waking` is a socket that the loop polls."""

    def __init__(self):
        self.waking, self._wake = socket.socketpair()
        self.waking.setblocking(False)
        self._wake.setblocking(False)
        self._asked = False
        self._outcomes = collections.deque()
        self._ahead = collections.deque()
        self._progress = {}
        self._progress_at = 0.0

    def add(self, outcomes):
        """outcomes: of attempts that have ended, as wire makes them."""
        self._outcomes.extend(outcomes)
        self.wake()

    def say(self, job, frame):
        """A piece of a job's result: it must leave before the results that are added after it."""
        self._ahead.append(((job.wire_id, job.attempt), frame))
        self.wake()

    def report(self, job, share, note):
        self._progress[job.wire_id] = (job.attempt, share, note)
        self.wake()

    def wake(self):
        if not self._asked:
            self._asked = True
            try:
                self._wake.send(b"!")
            except OSError:
                pass  # full: it will wake. Closed: nobody is left to be woken.

    def woken(self):
        """Call before `frames`: what is added from here on wakes the loop again."""
        try:
            self.waking.recv(4096)
        except BlockingIOError:
            pass
        self._asked = False

    def taken(self, worker, moment):
        """What is to be sent to the sink at this moment: pieces and results, as Outlet.send takes
        them."""
        # The results are taken first and sent last: whatever was said before one of them is sent
        # before it, though handlers go on adding meanwhile.
        outcomes = _all_of(self._outcomes)
        ahead = _all_of(self._ahead)
        if self._progress and moment >= self._progress_at + PROGRESS_SECONDS:
            self._progress_at = moment
            while self._progress:
                id, (attempt, share, note) = self._progress.popitem()
                ahead.append((None, wire.progress(id, attempt, share, note)))
        return ahead, wire.result_frames(worker, outcomes)

    def wake_at(self):
        """When progress that was held back is due, or None."""
        return self._progress_at + PROGRESS_SECONDS if self._progress else None

    def empty(self):
        return not self._outcomes

    def close(self):
        self.waking.close()
        self._wake.close()


def _all_of(queue):
    taken = []
    while queue:
        taken.append(queue.popleft())
    return taken
