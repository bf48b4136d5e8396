"""What was registered for a kind, and how it is called with jobs."""

import inspect
import math

from .errors import Fail

BATCH_MAX = 10_000
WAIT_MAX = 3_600.0


class Handler:
    """`style` says what the function takes: "payload", "job", "both", or "batch" (a list of jobs).
    A batch handler has `max` jobs at most in one call, and `wait`: seconds that the oldest of them
    may wait for the others."""

    __slots__ = ("function", "takes_batches", "is_async", "max", "wait", "call")

    def __init__(self, function, style, max=1, wait=0.0):
        self.function = function
        self.takes_batches = style == "batch"
        self.is_async = inspect.iscoroutinefunction(function)
        self.max = max
        self.wait = wait
        # What the function says of these jobs; of an async one, something to be awaited.
        self.call = {
            "batch": function,
            "payload": lambda jobs: function(jobs[0].payload),
            "job": lambda jobs: function(jobs[0]),
            "both": lambda jobs: function(jobs[0].payload, jobs[0]),
        }[style]

    def values(self, jobs, said):
        """One value or exception for each job."""
        if not self.takes_batches:
            return [said]
        name = _name(self.function)
        if isinstance(said, (str, bytes, bytearray, dict)) or not hasattr(said, "__len__"):
            raise Fail("bad-result", f"{name} must return a list with one value for each of "
                       f"{len(jobs)} jobs, not {type(said).__name__}", retryable=False)
        if len(said) != len(jobs):
            raise Fail("wrong-reply-count",
                       f"{name} returned {len(said)} values for {len(jobs)} jobs", retryable=False)
        return list(said)


class Call:
    """Jobs that run together: one, or those of a batch. It takes one slot."""

    __slots__ = ("handler", "jobs", "task")

    def __init__(self, handler, jobs):
        self.handler = handler  # None: this worker has none for the kind
        self.jobs = jobs
        self.task = None

    @property
    def is_async(self):
        return self.handler is not None and self.handler.is_async

    @property
    def cancelled(self):
        """Nobody waits for any of it."""
        return all(job.cancelled for job in self.jobs)


def calls_of(handler, jobs, together):
    """How these jobs of one message are run."""
    if together and handler is not None and handler.takes_batches:
        return [Call(handler, jobs)]
    return [Call(handler, [job]) for job in jobs]


def single(function):
    """A handler of one job at a time. Raises TypeError for a function that is none."""
    names = _required(function)
    if names == ["job"]:
        return Handler(function, "job")
    if len(names) == 1:
        return Handler(function, "payload")
    if len(names) == 2:
        return Handler(function, "both")
    raise TypeError(f"{_name(function)} must take (payload), (job) or (payload, job), not "
                    f"({', '.join(names)})")


def batch(function, max, wait):
    """A handler of a list of jobs. Raises TypeError or ValueError."""
    if not isinstance(max, int) or not 1 <= max <= BATCH_MAX:
        raise ValueError(f"max must be a number of jobs from 1 to {BATCH_MAX}, not {max!r}")
    if not isinstance(wait, (int, float)) or not math.isfinite(wait) or not 0 <= wait <= WAIT_MAX:
        raise ValueError(f"wait must be seconds from 0 to {WAIT_MAX:.0f}, not {wait!r}")
    names = _required(function)
    if len(names) != 1:
        raise TypeError(f"{_name(function)} must take (jobs), a list, not ({', '.join(names)})")
    return Handler(function, "batch", max, float(wait))


def _required(function):
    return [p.name for p in inspect.signature(function).parameters.values()
            if p.default is p.empty and p.kind in (p.POSITIONAL_ONLY, p.POSITIONAL_OR_KEYWORD)]


def _name(function):
    return getattr(function, "__name__", str(function))
