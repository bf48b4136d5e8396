"""Penstock in Python: `Client` submits jobs over HTTP, `Worker` runs them.

The client needs only the standard library. The worker needs pyzmq and msgpack, which are imported
when `penstock.Worker` is first used.
"""

from .errors import (
    ApiError,
    Cancelled,
    Conflict,
    Fail,
    Gone,
    Invalid,
    JobFailed,
    NotFinished,
    NotFound,
    OutcomeUnknown,
    PenstockError,
    Unavailable,
    Unreachable,
)
from . import aio
from .aio import AsyncClient
from .client import Bulk, Client, Waited
from .groups import Chain, Group
from .ids import new_id
from .streams import Event, Piece
from .values import Opaque

__all__ = [
    "ApiError", "AsyncClient", "Bulk", "Cancelled", "Chain", "Client", "Conflict", "Event", "Fail", "Gone",
    "Group", "Invalid", "Job", "JobFailed", "NotFinished", "NotFound", "Opaque",
    "OutcomeUnknown", "PenstockError", "Piece", "Unavailable", "Unreachable", "Waited", "Worker", "aio", "new_id",
]

__version__ = "0.1.0"


def __getattr__(name):
    if name == "Worker":
        from .worker import Worker
        return Worker
    if name == "Job":
        from .job import Job
        return Job
    raise AttributeError(f"module 'penstock' has no attribute {name!r}")
