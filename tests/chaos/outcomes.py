"""What became of jobs, as text that can be compared: asked over HTTP, asked at the sink, and read
from its file."""

import contextlib
import json
import sqlite3
import urllib.request
import uuid

import msgpack
import zmq

FINAL = ("succeeded", "failed", "cancelled", "expired", "quarantined")
AT_ONCE = 500           # questions in one frame
PATIENCE = 60_000       # milliseconds, from one answer to the next


class Silent(Exception):
    """The sink does not answer."""


def outcome_of(state, value, failure):
    """`succeeded:VALUE`, `failed:CODE:MESSAGE`, ... without spaces; None: it has none yet."""
    if state not in FINAL:
        return None
    if state == "succeeded":
        said = str(value)
    else:
        said = f"{(failure or {}).get('code')}:{(failure or {}).get('message')}"
    return f"{state}:{said}".replace(" ", "_")


def answers(socket):
    """Those of one frame: what is ready together may come together."""
    said = msgpack.unpackb(socket.recv_multipart()[-1], strict_map_key=False)
    return said if isinstance(said, list) else [said]


def _exchange(socket, question):
    socket.send_multipart([b"", msgpack.packb(question)])
    missing, said = len(question) if isinstance(question, list) else 1, []
    while len(said) < missing:
        if not socket.poll(PATIENCE):
            raise Silent(f"{missing - len(said)} questions of {missing} have no answer")
        said += answers(socket)
    return said


def at_sink(status, ids):
    """The outcome by id of these and of every other job that it knows; None: no outcome."""
    with zmq.Context() as context, context.socket(zmq.DEALER) as socket:
        socket.linger = 0
        socket.connect(status)
        everything = set(ids)
        cursor = None
        while cursor != 0:
            page, = _exchange(socket, {"type": "list", "limit": 1000, "cursor": cursor or 0})
            everything.update(_text(job["id"]) for job in page["jobs"])
            cursor = page["cursor"]
        found = {}
        ordered = sorted(everything)
        for start in range(0, len(ordered), AT_ONCE):
            asked = ordered[start:start + AT_ONCE]
            questions = [{"type": "status", "request": i, "id": id, "values": True}
                         for i, id in enumerate(asked)]
            for answer in _exchange(socket, questions):
                if answer["found"] == "found":
                    job = answer["job"]
                    found[asked[answer["request"]]] = outcome_of(
                        job["state"], job.get("value"), job.get("error"))
        return found


def explained(gateway, ids):
    """What the pipeline says of why these are not final, as text by id."""
    said = {}
    for id in ids:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{gateway}/v1/jobs/{id}/explain", timeout=5) as answer:
                said[id] = json.load(answer).get("text", "")
        except (OSError, ValueError) as error:
            said[id] = f"no explanation: {error}"
    return said


def in_file(path):
    """The outcomes that the sink's file has of each id: a list, which should have one element. A
    job without any has an empty one."""
    found = {}
    with contextlib.closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as store:
        rows = store.execute(
            "SELECT jobs.id, outcomes.state, outcomes.value, outcomes.code, outcomes.message"
            " FROM jobs LEFT JOIN outcomes USING (job)")
        for id, state, value, code, message in rows:
            said = msgpack.unpackb(value) if value is not None else None
            outcomes = found.setdefault(_text(id), [])
            if state is not None:
                outcomes.append(outcome_of(state, said, {"code": code, "message": message}))
    return found


def _text(id):
    return str(uuid.UUID(bytes=id)) if isinstance(id, bytes) else id
