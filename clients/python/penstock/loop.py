"""The one thread of a worker that owns sockets: it joins, pulls, hands to the slots, pushes results
and heartbeats, re-joins and drains. Handlers never run here, so they can't hold up a heartbeat
(only Python's global lock can, and then the rules below for oversleeping apply).
"""

import logging
import math

import zmq

from . import wire
from .job import jobs_of
from .lane import Lane
from .kept import pairs_of
from .outbox import Outbox
from .outlet import Outlet
from .pauses import backoff
from .process import cpu_seconds, now, rss_bytes
from .slots import Slots

HEARTBEAT_SECONDS = 0.5
# Silent for longer, and the ventilator has moved the jobs that this worker had not started.
OVERSLEPT_SECONDS = 1.5
# The pauses after joins that were refused, or whose lane lasted for less than that.
PAUSE_SECONDS, PAUSE_SECONDS_MOST = 0.2, 2.0
LASTED_SECONDS = 1.0
WARN_SECONDS = 3.0         # of vain joining before the first complaint, and ten times as long after
FLUSH_MILLISECONDS = 1_000
# A worker that has nothing to do any more waits so long to hear that its results are recorded.
SETTLE_SECONDS = 5.0

log = logging.getLogger("penstock")


class Loop:
    """`runner` runs calls. `join_frame(jobs, epoch)` makes the join. `run` belongs to one
    thread, `drain` may be called from anywhere."""

    def __init__(self, name, control, slots, runner, join_frame):
        self.name = name
        self.joined = 0  # how many times
        self._join_frame = join_frame
        self._outbox = Outbox()
        self._runner = runner
        self._slots = Slots(slots, runner.run, runner.start, runner.told, self._outbox.add)
        runner.on_finished(self._slots.finished)
        self._inward, self._outward = zmq.Context(), zmq.Context()
        self._lane = Lane(self._inward, self._outward, control)
        self._outlet = Outlet(self._outward)
        self._epoch = 0
        self._join_at = self._joined_at = self._vain_since = now()
        self._vain = 0  # joins in a row without a lane that lasted
        self._warn_at = self._vain_since + WARN_SECONDS
        self._beat_at = 0.0
        self._asked_to_drain = self._draining = False
        self._leave_at = None  # when it has been waiting for too long

    def drain(self):
        """Finish what runs, hand back what waits, return from `run`. Safe in a signal's handler."""
        self._asked_to_drain = True
        self._outbox.wake()

    def run(self):
        try:
            while not self._finished(now()):
                self._turn()
        finally:
            self._end()

    # ---- one turn

    def _turn(self):
        self._wait()
        moment = now()
        self._outbox.woken()
        self._outlet.heed()  # before anything that may be forgotten by what the lane says
        if self._asked_to_drain and not self._draining:
            self._start_draining()
        if self._lane.open:
            self._serve(moment)
        elif not self._draining:
            self._join(moment)
        self._send(moment)

    def _send(self, moment):
        self._outlet.send(*self._outbox.taken(self.name, moment))

    def _wait(self):
        poller = zmq.Poller()
        for socket in self._lane.watched() + self._outlet.watched():
            poller.register(socket, zmq.POLLIN)
        poller.register(self._outbox.waking, zmq.POLLIN)
        moment = now()
        due = [moment + HEARTBEAT_SECONDS]
        if self._lane.open:
            due.append(self._beat_at + HEARTBEAT_SECONDS)
        elif not self._lane.joining and not self._draining:
            due.append(self._join_at)
        due += [at for at in (self._lane.wake_at(), self._outbox.wake_at(),
                              self._outlet.wake_at(moment), self._leave_at) if at is not None]
        poller.poll(math.ceil(max(0.0, min(due) - moment) * 1000))

    def _finished(self, moment):
        if not self._draining or self._slots.running() or not self._outbox.empty():
            return False
        if self._leave_at is None:
            self._leave_at = moment + SETTLE_SECONDS
        if self._outlet.kept and moment < self._leave_at:
            return False  # they may have been read and not been recorded
        return True

    # ---- joined

    def _serve(self, moment):
        silent = moment - self._beat_at
        if silent > OVERSLEPT_SECONDS:
            return self._leave(f"this process was held up for {silent:.1f} s", moment,
                               self._lane.leave)
        if self._lane.cut():
            return self._leave("the connection broke", moment)
        for message in self._lane.read(moment):
            self._obey(message, moment)
        if self._lane.silent(moment):
            return self._leave("the ventilator has fallen silent", moment, self._lane.leave)
        if moment >= self._beat_at + HEARTBEAT_SECONDS:
            self._beat(moment)

    def _obey(self, message, moment):
        if isinstance(message, wire.WireError):
            log.warning("a message from the ventilator was skipped: %s", message)
        elif message["type"] == "job":
            self._take(message, moment)
        elif message["type"] == "cancel":
            job = self._slots.cancel(message.get("number"), message.get("id"))
            if job is not None:
                job.started_at = moment
                self._outbox.add([wire.failed(job, 0, "cancelled", "it had not started", False)])
        elif message["type"] == "settled":
            self._forget(message, "jobs")
        elif message["type"] == "drain":
            log.info("the ventilator asks to drain")
            self.drain()

    def _take(self, message, moment):
        if not isinstance(message.get("epoch"), int) or message["epoch"] < self._epoch:
            return  # from a ventilator that has been replaced
        self._forget(message, "settled")
        try:
            jobs = jobs_of(message, moment, self._outbox)
        except wire.WireError as error:
            log.warning("jobs from the ventilator were skipped: %s", error)
            return
        if self._draining:
            self._lane.tell(wire.bye(self.name, [job.number for job in jobs]))
        else:
            self._slots.offer(self._runner.calls_of(jobs, message.get("together") is True))

    def _forget(self, message, key):
        try:
            self._outlet.kept.settled(pairs_of(message, key))
        except ValueError as error:
            log.warning("a message from the ventilator is wrong: %s", error)

    def _beat(self, moment):
        self._beat_at = moment
        self._slots.allow_until(moment + OVERSLEPT_SECONDS)
        self._lane.tell(wire.heartbeat(self.name, self._slots.running(), self._epoch,
                                       cpu_seconds(), rss_bytes()))

    def _leave(self, reason, moment, leave=None):
        """The ventilator has given, or will give, what waits here to other workers; what runs here
        runs on, and its results go to the sink as ever. leave: how, if it may still be there."""
        dropped = self._slots.hand_back()
        (leave or self._lane.close)()
        self._vain_since = moment
        self._warn_at = moment + WARN_SECONDS
        if moment - self._joined_at >= LASTED_SECONDS:
            self._vain, self._join_at = 0, moment
        else:
            self._rest(moment)
        log.warning("lane closed: %s; %d jobs that had not started are left to others%s", reason,
                    len(dropped), "" if self._draining else ", joining again")

    # ---- joining

    def _join(self, moment):
        if not self._lane.joining:
            if moment < self._join_at:
                return
            join = self._join_frame(self._slots.running(), self._epoch)
            self._send(moment)  # what has ended is not named
            self._outlet.kept.ask()
            self._lane.ask(join, moment)
        answer = None
        try:
            answer = self._lane.answer(moment)
            if answer is not None:
                self._enter(answer, moment)
        except wire.WireError as error:
            if answer is not None:  # who does not answer is asked again at once: he may just have begun
                self._rest(moment)
            self._complain(str(error), moment)

    def _rest(self, moment):
        self._join_at = moment + backoff(self._vain, PAUSE_SECONDS, PAUSE_SECONDS_MOST)
        self._vain += 1

    def _enter(self, answer, moment):
        if answer["type"] != "lane":
            raise wire.WireError(answer.get("message") or f"answered {answer['type']!r} to a join")
        if answer.get("error"):
            raise wire.WireError(f"refused: {answer['error']}")
        if not isinstance(answer.get("epoch"), int) or answer["epoch"] < self._epoch:
            raise wire.WireError("it is an older ventilator, of an epoch that has ended")
        self._lane.enter(answer, moment)
        self._epoch = self._lane.epoch
        self._outlet.kept.enter(self._epoch)
        self._outlet.dial(self._lane.sink, FLUSH_MILLISECONDS)
        self._joined_at = moment
        self.joined += 1
        self._beat(moment)
        log.info("joined as %s: lane %s, window %s", self.name, self._lane.endpoint,
                 self._lane.window)

    def _complain(self, why, moment):
        if moment < self._warn_at:
            return
        self._warn_at = moment + 10 * WARN_SECONDS
        log.warning("not joined for %.0f s: the ventilator at %s: %s. Still trying; start "
                    "`penstock up` or `penstock ventilator` there, or name another with "
                    "--ventilator.", moment - self._vain_since, self._lane.control, why)

    # ---- leaving for good

    def _start_draining(self):
        self._draining = True
        waiting = self._slots.hand_back()
        log.info("draining: %d jobs run on, %d go back", len(self._slots.running()), len(waiting))
        if self._lane.open:
            self._lane.tell(wire.bye(self.name, [job.number for job in waiting]))
        else:
            self._lane.stop_asking()

    def _end(self):
        # Results first, the lane last: its end makes the ventilator ask what became of its jobs,
        # and by then the sink should have read the results.
        self._outlet.close(FLUSH_MILLISECONDS)
        self._lane.flush(1_000)
        self._outward.term()
        self._lane.close()
        self._inward.term()
        self._slots.close()
        self._outbox.close()
