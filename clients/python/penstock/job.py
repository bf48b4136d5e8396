"""What a handler sees of its job."""

import threading

from . import wire
from .errors import Cancelled
from .process import now


class Job:
    """One attempt at one job. A handler may use it from its own thread only; `cancellation` may be
    waited for anywhere.

    kind, attempt (from 1), payload (decoded), content_type ("" unless the payload is opaque bytes),
    timeout (seconds that this attempt may take).
    """

    __slots__ = ("kind", "attempt", "payload", "content_type", "timeout", "wire_id", "number",
                 "epoch", "encoded", "queued_us", "received_at", "started_at", "_cancelled",
                 "_cancellation", "_outbox")

    def __init__(self, row, batch, moment, outbox):
        self.number, self.wire_id, self.attempt, self.encoded = row[:4]
        self.kind = batch["kind"]
        self.epoch = batch["epoch"]
        self.timeout = batch.get("timeout", 3600.0)
        self.content_type = batch.get("content_type", "")
        self.queued_us = batch.get("queued", 0)
        self.payload = None
        self.received_at = self.started_at = moment
        self._cancelled = False
        self._cancellation = None
        self._outbox = outbox

    @property
    def id(self):
        """The id that the submitter has."""
        return wire.id_text(self.wire_id)

    # ---- stopping early

    @property
    def cancelled(self):
        """True once somebody cancelled this job, or its time is up: nobody waits for its result."""
        return self._cancelled

    def check(self):
        """Raises `penstock.Cancelled` once nobody waits for the result."""
        if self._cancelled:
            raise Cancelled()

    @property
    def cancellation(self):
        """A threading.Event, set once nobody waits for the result: `job.cancellation.wait(0.5)`
        sleeps and is woken."""
        if self._cancellation is None:
            event = threading.Event()
            self._cancellation = event  # first this, then the look: `cancel` does the reverse
            if self._cancelled:
                event.set()
        return self._cancellation

    def cancel(self):
        """For the worker itself: the lane said so."""
        self._cancelled = True
        if self._cancellation is not None:
            self._cancellation.set()

    @property
    def running_seconds(self):
        """How long this attempt has been running."""
        return now() - self.started_at

    @property
    def seconds_left(self):
        """Until this attempt's time is up, as far as this worker can tell."""
        return self.timeout - (now() - self.received_at)

    # ---- telling ahead of the result

    def progress(self, share, note=""):
        """Tell whoever watches: share from 0 to 1, and a few words. Sent at most 10 times a second;
        of several in between the last one counts."""
        share = float(share)
        if not 0 <= share <= 1:
            raise ValueError(f"progress is from 0 to 1, not {share}")
        self._outbox.report(self, share, note)

    def partial(self, value):
        """A piece of the result, ahead of it: any msgpack value. Whoever streams the result reads
        it at once. They arrive in order, before the result; 1 MiB of a job is kept. Raises what
        msgpack raises, or ValueError for more than 16 MiB."""
        encoded = wire.pack(value)
        if len(encoded) > wire.PAYLOAD_BYTES_MAX:
            raise ValueError(f"a partial result of {len(encoded)} bytes; at most "
                             f"{wire.PAYLOAD_BYTES_MAX}")
        self._outbox.say(self, wire.partial(self.wire_id, self.attempt, encoded))


def jobs_of(batch, moment, outbox):
    """The jobs of a `job` message, one map or rows. Raises WireError."""
    try:
        rows = batch.get("rows")
        if rows is None:
            rows = [[batch.get("number", 0), batch["id"], batch["attempt"],
                     wire.pack(batch.get("payload"))]]
        if not isinstance(batch.get("queued", 0), int):
            raise ValueError("`queued` must be a number")
        jobs = [Job(row, batch, moment, outbox) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise wire.WireError(f"a job message that can't be read: {error!r}") from error
    for job in jobs:
        if not isinstance(job.encoded, bytes):
            raise wire.WireError("the payload of a row must be bin")
        if not (isinstance(job.wire_id, str)
                or isinstance(job.wire_id, bytes) and len(job.wire_id) == 16):
            raise wire.WireError("an id must be text, or the 16 bytes of a UUID")
    return jobs
