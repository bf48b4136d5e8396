"""Runs calls: on a slot's thread, or on the event loop's. Nothing that a handler does gets out of
here but as the outcome of its jobs."""

import asyncio
import logging
import os
import traceback

from . import wire
from .coroutines import Coroutines
from .errors import Fail
from .handlers import calls_of
from .process import now
from .values import OPAQUE, Opaque

log = logging.getLogger("penstock")


class Runner:
    """handlers: Handler by kind. `run`, `start`, `told` are what Slots asks for."""

    def __init__(self, handlers):
        self._handlers = handlers
        self._coroutines = Coroutines(self._begin, self._end)
        self._finished = None
        self._given = {}  # of async calls: the jobs that the handler got, and what befell the rest

    def on_finished(self, finished):
        """`finished(call, outcomes)` is called when an async call has ended."""
        self._finished = finished

    def calls_of(self, jobs, together):
        return calls_of(self._handlers.get(jobs[0].kind), jobs, together) if jobs else []

    def start_up(self, function):
        said = function()
        if asyncio.iscoroutine(said):
            self._coroutines.run(said)  # where its kind's handlers will run

    def close(self):
        self._coroutines.close()

    # ---- on a slot's thread

    def run(self, call):
        """The outcomes of a call's jobs."""
        jobs, outcomes = _open(call)
        if jobs:
            try:
                said = call.handler.call(jobs)
            except BaseException as error:  # SystemExit too: a handler must not end its worker
                said = error
            outcomes += _outcomes(call.handler, jobs, said)
        return outcomes

    # ---- on the event loop's

    def start(self, call):
        self._coroutines.start(call)

    def told(self, call):
        self._coroutines.told(call)

    def _begin(self, call):
        given = self._given[id(call)] = _open(call)
        return _nothing() if not given[0] else _await(call.handler, given[0])

    def _end(self, call, said):
        jobs, outcomes = self._given.pop(id(call))
        if jobs:
            outcomes += _outcomes(call.handler, jobs, said)
        self._finished(call, outcomes)


async def _await(handler, jobs):
    return await handler.call(jobs)


async def _nothing():
    return None


def _open(call):
    """Decodes payloads. Returns the jobs that can be run, and outcomes of those that can't."""
    moment = now()
    jobs, outcomes = [], []
    for job in call.jobs:
        job.started_at = moment
        try:
            if call.handler is None:
                raise Fail("unknown-kind", f"this worker has no handler for {job.kind}")
            job.payload = wire.unpack(job.encoded)
            job.encoded = b""
            jobs.append(job)
        except wire.WireError as error:
            outcomes.append(wire.failed(job, 0, "bad-payload", str(error), False))
        except Fail as failure:
            outcomes.append(_failed(job, 0, failure))
    return jobs, outcomes


def _outcomes(handler, jobs, said):
    """What a handler returned, or the exception that ended it, as outcomes of its jobs."""
    seconds = now() - jobs[0].started_at
    if isinstance(said, BaseException):
        values = [said] * len(jobs)
    else:
        try:
            values = handler.values(jobs, said)
        except Fail as failure:
            values = [failure] * len(jobs)
    return [_outcome(job, seconds, value) for job, value in zip(jobs, values)]


def _outcome(job, seconds, value):
    if isinstance(value, BaseException):
        return _failed(job, seconds, value)
    try:
        encoded = wire.pack(value)
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        return wire.failed(job, seconds, "bad-result",
                           f"the handler's result is no msgpack value: {error}", False)
    if len(encoded) > wire.PAYLOAD_BYTES_MAX:
        return wire.failed(job, seconds, "result-too-large",
                           f"{len(encoded)} bytes; at most {wire.PAYLOAD_BYTES_MAX}", False)
    if isinstance(value, Opaque):
        content_type = value.content_type
    else:
        content_type = OPAQUE if isinstance(value, (bytes, bytearray)) else ""
    return wire.succeeded(job, seconds, content_type, encoded)


def _failed(job, seconds, error):
    if isinstance(error, Fail):
        return wire.failed(job, seconds, error.code, error.message, error.retryable)
    if job.cancelled:
        return wire.failed(job, seconds, "cancelled", _describe(error), False)
    log.warning("job %s (%s, attempt %d) failed", job.id, job.kind, job.attempt, exc_info=error)
    return wire.failed(job, seconds, "handler-error", _describe(error), True)


def _describe(error):
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        last = frames[-1]
        text += f" ({os.path.basename(last.filename)}:{last.lineno} in {last.name})"
    return text
