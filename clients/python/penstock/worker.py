"""A worker: handlers by kind, `slots` of them at a time on threads.

    import penstock

    worker = penstock.Worker()

    @worker.startup
    def load():
        global model
        model = load_model()

    @worker.kind("resize")
    def resize(payload):
        return {"width": payload["width"] // 2}

    if __name__ == "__main__":
        worker.run(slots=4)
"""

import inspect
import logging
import os
import signal
import threading
import traceback

from . import process
from .errors import Fail, StartError

try:
    import msgpack  # noqa: F401
    import zmq  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"the worker needs {error.name}: apt-get install python3-zmq python3-msgpack (for "
        "/usr/bin/python3), or pip install pyzmq msgpack") from error

from . import wire
from .loop import Loop

DEFAULT_VENTILATOR = "tcp://127.0.0.1:5555"
OPAQUE = "application/octet-stream"

log = logging.getLogger("penstock")


class Worker:
    """Register handlers, then `run()` once. `name` is made once and stays over re-joins.

    A handler takes the payload; or the `Job`, if its only parameter is named `job`; or both,
    payload first. What it returns is the result: any msgpack value (None, bool, int, float, str,
    bytes, list, dict). Whatever it raises fails the attempt with the code `handler-error`;
    `penstock.Fail` names another. Handlers of several jobs run at the same time on threads.
    """

    def __init__(self):
        self.name = process.new_name()
        self._handlers = {}
        self._startup = []
        self._loop = None
        self._stopped = False

    # ---- registering

    def kind(self, name):
        """Decorator: this function handles jobs of kind `name`."""
        if not isinstance(name, str) or not wire.NAME.match(name):
            raise ValueError(f"a kind is 1-128 characters of [A-Za-z0-9._-], not {name!r}")

        def register(handler):
            if name in self._handlers:
                raise ValueError(f"two handlers for kind {name!r}")
            self._handlers[name] = _caller(handler)
            return handler
        return register

    def startup(self, function):
        """Decorator: called once per process, without arguments, before the worker joins: no job
        comes until it has returned. What it raises ends `run`."""
        self._startup.append(function)
        return function

    @property
    def kinds(self):
        return sorted(self._handlers)

    @property
    def joined(self):
        """How many times it has joined so far."""
        return self._loop.joined if self._loop else 0

    # ---- running

    def run(self, ventilator=None, slots=None, kinds=None, labels=(), control=None):
        """Joins, and works until SIGTERM, SIGINT, `stop()` or the ventilator ends it by a drain:
        what runs is finished, what waits is handed back. A second signal ends the process at once.

        ventilator: "tcp://host:port", any port of it (default: PENSTOCK_VENTILATOR or
        tcp://127.0.0.1:5555). slots: jobs at a time (default: PENSTOCK_SLOTS or 1). kinds: only
        these of the registered ones. labels: what this worker offers. control: the ventilator's
        control endpoint, where it isn't the port beside its door.

        It waits for a ventilator that is not there, and says so. Raises StartError for arguments
        that can't work, and whatever a startup function raises.
        """
        slots = _slots(slots)
        control = control or wire.control_of(
            ventilator or os.environ.get("PENSTOCK_VENTILATOR") or DEFAULT_VENTILATOR)
        kinds = self._chosen(kinds)
        for function in self._startup:
            function()
        self._loop = Loop(
            self.name, control, slots, self._run_job,
            lambda running, epoch: wire.join(self.name, kinds, slots, labels, running, epoch))
        if self._stopped:
            self._loop.drain()
        restore = self._catch_signals()
        try:
            self._loop.run()
        finally:
            restore()

    def stop(self):
        """Drains, as SIGTERM does. From any thread."""
        self._stopped = True
        if self._loop is not None:
            self._loop.drain()

    def _chosen(self, kinds):
        if not self._handlers:
            raise StartError('no handlers: decorate at least one function with @worker.kind("...")')
        unknown = sorted(set(kinds or ()) - set(self._handlers))
        if unknown:
            raise StartError(
                f"no handler for {', '.join(unknown)}; there are {', '.join(self.kinds)}")
        return sorted(set(kinds)) if kinds else self.kinds

    def _catch_signals(self):
        if threading.current_thread() is not threading.main_thread():
            return lambda: None  # Python handles signals in the main thread only

        def on_signal(number, frame):
            for each in before:  # the second one ends the process
                signal.signal(each, signal.SIG_DFL)
            self.stop()

        before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
        for number in before:
            signal.signal(number, on_signal)

        def restore():
            for number, handler in before.items():
                signal.signal(number, handler)
        return restore

    # ---- on a slot's thread

    def _run_job(self, job):
        """Runs one job; returns its outcome for the outbox. Never raises."""
        job.started_at = process.now()
        try:
            content_type, value = self._value_of(job)
            return (job.epoch, content_type,
                    wire.succeeded_row(job, job.running_seconds, value))
        except Fail as failure:
            failed = (failure.code, failure.message, failure.retryable)
        except BaseException as error:  # SystemExit too: a handler must not end its worker
            if job.cancelled:
                return (job.epoch, "", wire.failed_row(
                    job, job.running_seconds, "cancelled", _describe(error), False))
            log.warning("job %s (%s, attempt %d) failed", job.id, job.kind, job.attempt,
                        exc_info=error)
            failed = ("handler-error", _describe(error), True)
        return (job.epoch, "", wire.failed_row(job, job.running_seconds, *failed))

    def _value_of(self, job):
        call = self._handlers.get(job.kind)
        if call is None:
            raise Fail("unknown-kind", f"this worker has no handler for {job.kind}")
        try:
            job.payload = wire.unpack(job.encoded)
        except wire.WireError as error:
            raise Fail("bad-payload", str(error), retryable=False) from error
        job.encoded = b""
        value = call(job)
        try:
            encoded = wire.pack(value)
        except (TypeError, ValueError, OverflowError, RecursionError) as error:
            raise Fail("bad-result", f"the handler's result is no msgpack value: {error}",
                       retryable=False) from error
        if len(encoded) > wire.PAYLOAD_BYTES_MAX:
            raise Fail("result-too-large",
                       f"{len(encoded)} bytes; at most {wire.PAYLOAD_BYTES_MAX}", retryable=False)
        return (OPAQUE if isinstance(value, (bytes, bytearray)) else ""), encoded


def _caller(handler):
    """How to call it with a job. Raises TypeError for a function that is no handler."""
    if inspect.iscoroutinefunction(handler):
        raise TypeError(f"{handler.__name__} is async; a handler runs on a thread of its own, so "
                        "call asyncio.run inside a plain function")
    names = [p.name for p in inspect.signature(handler).parameters.values()
             if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]
    if names == ["job"]:
        return handler
    if len(names) == 1:
        return lambda job: handler(job.payload)
    if len(names) == 2:
        return lambda job: handler(job.payload, job)
    raise TypeError(f"{getattr(handler, '__name__', handler)} must take (payload), (job) or "
                    f"(payload, job), not ({', '.join(names)})")


def _describe(error):
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    if frames:
        last = frames[-1]
        text += f" ({os.path.basename(last.filename)}:{last.lineno} in {last.name})"
    return text


def _slots(slots):
    text = slots if slots is not None else os.environ.get("PENSTOCK_SLOTS", "1")
    try:
        number = int(text)
    except ValueError:
        number = 0
    if not 1 <= number <= 1_000:
        raise StartError(f"slots must be a number from 1 to 1000, not {text!r}")
    return number
