"""What a handler sees of its job."""

from . import wire
from .process import now


class Job:
    """One attempt at one job. A handler may use it from its own thread only.

    kind, attempt (from 1), payload (decoded), content_type ("" unless the payload is opaque bytes),
    timeout (seconds that this attempt may take).
    """

    __slots__ = ("kind", "attempt", "payload", "content_type", "timeout", "wire_id", "number",
                 "epoch", "encoded", "started_at", "_cancelled", "_report")

    def __init__(self, row, batch, report):
        self.number, self.wire_id, self.attempt, self.encoded = row[:4]
        self.kind = batch["kind"]
        self.epoch = batch["epoch"]
        self.timeout = batch.get("timeout", 3600.0)
        self.content_type = batch.get("content_type", "")
        self.payload = None
        self.started_at = 0.0
        self._cancelled = False
        self._report = report

    @property
    def id(self):
        """The id that the submitter has."""
        return wire.id_text(self.wire_id)

    @property
    def cancelled(self):
        """True once somebody cancelled this job: stop soon, with `raise penstock.Cancelled()`."""
        return self._cancelled

    @property
    def running_seconds(self):
        """How long this attempt has been running."""
        return now() - self.started_at

    def progress(self, share, note=""):
        """Tell whoever watches: share from 0 to 1, and a few words. Sent at most 10 times a second;
        of several in between the last one counts."""
        share = float(share)
        if not 0 <= share <= 1:
            raise ValueError(f"progress is from 0 to 1, not {share}")
        self._report(self, share, note)

    def cancel(self):
        """For the worker itself: the lane said so."""
        self._cancelled = True


def jobs_of(batch, report):
    """The jobs of a `job` message, one map or rows. Raises WireError."""
    try:
        rows = batch.get("rows")
        if rows is None:
            rows = [[batch.get("number", 0), batch["id"], batch["attempt"],
                     wire.pack(batch.get("payload"))]]
        jobs = [Job(row, batch, report) for row in rows]
    except (KeyError, TypeError, ValueError) as error:
        raise wire.WireError(f"a job message that can't be read: {error!r}") from error
    for job in jobs:
        if not isinstance(job.encoded, bytes):
            raise wire.WireError("the payload of a row must be bin")
        if not (isinstance(job.wire_id, str)
                or isinstance(job.wire_id, bytes) and len(job.wire_id) == 16):
            raise wire.WireError("an id must be text, or the 16 bytes of a UUID")
    return jobs
