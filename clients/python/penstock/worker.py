"""A worker: handlers by kind, `slots` calls at a time.

    import penstock

    worker = penstock.Worker()

    @worker.startup
    def load():
        global model
        model = load_model()

    @worker.kind("resize")
    def resize(payload):
        return {"width": payload["width"] // 2}

    @worker.batch("classify", max=16, wait=0.02)
    def classify(jobs):
        return model.predict([job.payload for job in jobs])

    if __name__ == "__main__":
        worker.run(slots=4)
"""

import os
import signal
import threading

from . import handlers, process
from .errors import StartError

try:
    import msgpack  # noqa: F401
    import zmq  # noqa: F401
except ImportError as error:
    raise ImportError(
        f"the worker needs {error.name}: apt-get install python3-zmq python3-msgpack (for "
        "/usr/bin/python3), or pip install pyzmq msgpack") from error

from . import wire
from .loop import Loop
from .runner import Runner

DEFAULT_VENTILATOR = "tcp://127.0.0.1:5555"
SLOTS_MAX = 10_000
PRIORITY_MAX = 9


class Worker:
    """Register handlers, then `run()` once. `name` is made once and stays over re-joins.

    A handler takes the payload; or the `Job`, if its only parameter is named `job`; or both,
    payload first. What it returns is the result: any msgpack value (None, bool, int, float, str,
    bytes, list, dict). Whatever it raises, or returns of exceptions, fails the attempt with the
    code `handler-error`; `penstock.Fail` names another. Plain functions run on threads, one for
    each slot that is in use; `async def` handlers all run on the event loop of one thread.
    """

    def __init__(self):
        self.name = process.new_name()
        self._handlers = {}
        self._startup = []
        self._loop = None
        self._stopped = False

    # ---- registering

    def kind(self, name):
        """Decorator: this function handles jobs of kind `name`, each in a call of its own."""
        return self._register(name, handlers.single)

    def batch(self, name, max, wait=0.0):
        """Decorator: this function handles up to `max` jobs of kind `name` in one call, which takes
        one slot. It gets a list of jobs and returns a list with one value for each: an exception
        among them fails its job and none of the others. wait: seconds that the oldest job may wait
        for the batch to become full; with 0 a batch is whatever waits when a slot is free. Batches
        are formed where all jobs of the kind wait, so few workers don't mean small batches."""
        return self._register(name, lambda function: handlers.batch(function, max, wait))

    def _register(self, name, make):
        if not isinstance(name, str) or not wire.NAME.match(name):
            raise ValueError(f"a kind is 1-128 characters of [A-Za-z0-9._-], not {name!r}")

        def register(function):
            if name in self._handlers:
                raise ValueError(f"two handlers for kind {name!r}")
            self._handlers[name] = make(function)
            return function
        return register

    def startup(self, function):
        """Decorator: called once per process, without arguments, before the worker joins: no job
        comes until it has returned. An `async def` runs on the event loop of the async handlers.
        What it raises ends `run`."""
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

    def run(self, ventilator=None, slots=None, kinds=None, labels=(), control=None,
            min_priority=None):
        """Joins, and works until SIGTERM, SIGINT, `stop()` or the ventilator ends it by a drain:
        what runs is finished, what waits is handed back. A second signal ends the process at once.

        ventilator: "tcp://host:port", any port of it (default: PENSTOCK_VENTILATOR or
        tcp://127.0.0.1:5555). slots: calls at a time (default: PENSTOCK_SLOTS or 1); async handlers
        bear hundreds. kinds: only these of the registered ones. labels: what this worker offers to
        jobs that need it. control: the ventilator's control endpoint, where it isn't the port
        beside its door. min_priority: takes no jobs below it (default: PENSTOCK_MIN_PRIORITY or 0).

        It waits for a ventilator that is not there, and says so. Raises StartError for arguments
        that can't work, and whatever a startup function raises.
        """
        slots = _number("slots", slots, 1, 1, SLOTS_MAX)
        min_priority = _number("min_priority", min_priority, 0, 0, PRIORITY_MAX)
        control = control or wire.control_of(
            ventilator or os.environ.get("PENSTOCK_VENTILATOR") or DEFAULT_VENTILATOR)
        kinds = self._chosen(kinds)
        batching = [(kind, handler.max, handler.wait) for kind, handler in self._handlers.items()
                    if kind in kinds and handler.takes_batches]
        runner = Runner(self._handlers)
        try:
            for function in self._startup:
                runner.start_up(function)
            self._loop = Loop(
                self.name, control, slots, runner,
                lambda jobs, epoch: wire.join(self.name, kinds, slots, labels, jobs, epoch,
                                              min_priority, batching))
            self._serve()
        finally:
            runner.close()

    def _serve(self):
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


def _number(name, given, default, least, most):
    text = given if given is not None else os.environ.get(f"PENSTOCK_{name.upper()}", default)
    try:
        number = int(text)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise StartError(f"{name} must be a number from {least} to {most}, not {text!r}")
    return number
