"""The worker's part of the wire (docs/PROTOCOL.md): frames in, frames out, addresses. No sockets.

A frame is one msgpack map, or an array of them. Limits are checked before anything is built.
"""

import re
import uuid

import msgpack

from .errors import StartError

VERSION = 1
PAYLOAD_BYTES_MAX = 16 << 20
FRAME_BYTES_MAX = 65 << 20
ROWS_MAX = 65_536
ELEMENTS_MAX = 4_000_000
ERROR_BYTES_MAX = 4096
# A result frame is closed at the first of these: it keeps the sink's reading even.
RESULT_ROWS_MAX = 1_000
RESULT_BYTES_MAX = 4 << 20
WAITED_SECONDS_MIN = 0.001  # shorter waits in a worker are not worth a word

NAME = re.compile(r"[A-Za-z0-9._-]{1,128}\Z")


class WireError(ValueError):
    """A frame or a value that can't be read."""


def unpack(data, elements=ELEMENTS_MAX):
    """One msgpack value as Python sees it: str is text, bin is bytes. Raises WireError."""
    size = len(data)
    try:
        return msgpack.unpackb(
            data, raw=False, strict_map_key=False,
            max_str_len=size, max_bin_len=size, max_ext_len=size,
            max_array_len=min(size, elements), max_map_len=min(size, elements))
    except Exception as error:  # msgpack raises a dozen kinds; all mean the same here
        raise WireError(f"not msgpack: {error or type(error).__name__}") from error


def pack(value):
    """One encoded msgpack value. Raises TypeError, ValueError or OverflowError as msgpack does."""
    return msgpack.packb(value, use_bin_type=True)


def messages_of(frame):
    """The maps of one frame that have a `type`. Raises WireError."""
    if len(frame) > FRAME_BYTES_MAX:
        raise WireError(f"a frame of {len(frame)} bytes")
    root = unpack(frame, ROWS_MAX)
    found = root if isinstance(root, list) else [root]
    for message in found:
        if not isinstance(message, dict) or not isinstance(message.get("type"), str):
            raise WireError("a message must be a map with `type`, a string")
    return found


def id_text(id):
    """An id of the wire as people write it: UUIDs travel as 16 bytes."""
    return str(uuid.UUID(bytes=id)) if isinstance(id, bytes) else id


def cut(text):
    """At most ERROR_BYTES_MAX bytes of UTF-8, whatever `text` holds."""
    return str(text).encode("utf-8", "replace")[:ERROR_BYTES_MAX].decode("utf-8", "ignore")


def join(worker, kinds, slots, labels, jobs, epoch, min_priority=0, batching=()):
    """jobs: those that it still runs. batching: (kind, max, wait) for each kind of which several
    jobs are one call."""
    said = {
        "type": "join", "version": VERSION, "worker": worker, "kinds": list(kinds), "slots": slots,
        "batch": True, "heartbeats": True, "labels": list(labels),
        "running": numbers_of(jobs, epoch), "epoch": epoch, "outbox": True}
    if jobs:
        said["runs"] = [[job.wire_id, job.epoch, job.attempt, job.number] for job in jobs]
    if min_priority:
        said["min_priority"] = min_priority
    if batching:
        said["batching"] = [{"kind": kind, "max": most, "wait": wait}
                            for kind, most, wait in batching]
    return pack(said)


def heartbeat(worker, jobs, epoch, cpu_seconds, rss_bytes):
    return pack({"type": "heartbeat", "worker": worker, "running": numbers_of(jobs, epoch),
                 "cpu": cpu_seconds, "rss": rss_bytes, "epoch": epoch})


def numbers_of(jobs, epoch):
    # Numbers of another epoch mean other jobs to this ventilator.
    return [job.number for job in jobs if job.epoch == epoch]


def bye(worker, waiting):
    return pack({"type": "bye", "worker": worker, "waiting": waiting})


def progress(id, attempt, share, note):
    return pack({"type": "progress", "id": id, "attempt": attempt, "progress": share,
                 "note": cut(note)})


def partial(id, attempt, encoded):
    """`encoded`: the value, packed already."""
    head = pack({"type": "partial", "id": id, "attempt": attempt})
    return b"\x84" + head[1:] + pack("value") + encoded  # a map of one pair more


# An outcome is what the sink is told of one attempt: (what rows of one frame share, the row, the
# job's number). Shared are the epoch, the content type, and how long the job's batch had waited at
# the ventilator.

def succeeded(job, run_seconds, content_type, value_bytes):
    row = [job.wire_id, job.attempt, int(run_seconds * 1e6), value_bytes]
    return (job.epoch, content_type, job.queued_us), _with_wait(row, job), job.number


def failed(job, run_seconds, code, message, retryable):
    row = [job.wire_id, job.attempt, int(run_seconds * 1e6), None, code, cut(message), retryable]
    return (job.epoch, "", job.queued_us), _with_wait(row, job), job.number


def _with_wait(row, job):
    waited = job.started_at - job.received_at
    if waited >= WAITED_SECONDS_MIN:
        row.append(int(waited * 1e6))
    return row


def result_frames(worker, outcomes):
    """Result frames, each (frame, epoch, numbers, attempts) with one number and one (id, attempt)
    for each row. Rows share a frame with their like."""
    shared = {}
    for share, row, number in outcomes:
        shared.setdefault(share, []).append((row, number))
    frames = []
    for (epoch, content_type, queued_us), rows in shared.items():
        head = {"type": "result", "epoch": epoch, "worker": worker}
        if content_type:
            head["content_type"] = content_type
        if queued_us:
            head["queued"] = queued_us
        for part in _parts(rows):
            rows, numbers = zip(*part)
            frames.append((pack({**head, "rows": rows}), epoch, numbers,
                           [(row[0], row[1]) for row in rows]))
    return frames


def _parts(rows):
    part, size = [], 0
    for row, number in rows:
        part.append((row, number))
        size += len(row[3]) if row[3] is not None else len(row[5])
        if len(part) == RESULT_ROWS_MAX or size >= RESULT_BYTES_MAX:
            yield part
            part, size = [], 0
    if part:
        yield part


def split(endpoint):
    """(host, port) of "tcp://host:port", "host:port" or ":port" (this host). Raises StartError."""
    found = re.fullmatch(r"(?:tcp://)?([^/]*):([0-9]{1,5})", endpoint)
    if not found or not 0 < int(found[2]) < 65536:
        raise StartError(f"{endpoint!r} is no address; one looks like tcp://HOST:PORT")
    return found[1] or "127.0.0.1", int(found[2])


def control_of(endpoint):
    """The ventilator's control from any of its ports: odd is its door, the next is its control."""
    host, port = split(endpoint)
    return f"tcp://{host}:{port + port % 2}"


def as_reached_from(offered, dialled):
    """A wildcard or loopback host in `offered` means the host that was dialled."""
    try:
        (host, port), (via, _) = split(offered), split(dialled)
    except StartError:
        return offered
    local = host in ("*", "0.0.0.0", "[::]", "localhost", "[::1]") or host.startswith("127.")
    return f"tcp://{via if local else host}:{port}"
