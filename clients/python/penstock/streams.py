"""Answers that come bit by bit: events, and results ahead of their end. They are asked for again
when the connection breaks, from where it broke."""

import collections
import http.client
import json
import time

from .errors import Unavailable, Unreachable, error_of_outcome
from .http import backoff
from .values import from_json, value_of_view

SILENCE_SECONDS = 45.0  # the gateway says something every 15

Event = collections.namedtuple("Event", "id what data")
Event.__doc__ = """One thing that happened. what: "stored", "running", "succeeded", ...; "missed" where
the reader was too slow and some are gone. data: a dict. id: where to go on from (`after`)."""

Piece = collections.namedtuple("Piece", "attempt value lost")
Piece.__doc__ = """A partial result. lost: this attempt was lost, and so is what it said: begin anew."""

BROKEN = (OSError, http.client.HTTPException, Unavailable)


def events(http, path, query, after, endless):
    """Yields each Event of a stream. endless: one that ends was broken off."""
    failures = 0
    while True:
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        try:
            with http.open(path, query, headers, SILENCE_SECONDS) as answer:
                for event in parse_events(answer):
                    failures = 0
                    after = event.id or after
                    yield event
            if not endless:
                return
        except BROKEN as error:
            failures = _once_more(http, failures, error)
        time.sleep(backoff(failures))


def lines_of(http, path, query=None):
    """Yields each line of an NDJSON answer that always begins with the same lines, decoded. After a
    break those that were seen are passed over."""
    seen = failures = 0
    while True:
        try:
            passed = 0
            with http.open(path, query, {"Accept": "application/x-ndjson"},
                           SILENCE_SECONDS) as answer:
                for line in answer:
                    if not line.strip():
                        continue
                    passed += 1
                    if passed > seen:
                        seen, failures = passed, 0
                        yield json.loads(line)
            return
        except BROKEN as error:
            failures = _once_more(http, failures, error)
        time.sleep(backoff(failures))


def _once_more(http, failures, error):
    if failures >= http.retries:
        if isinstance(error, Unavailable):
            raise error
        raise Unreachable(f"the answer broke off: {error or type(error).__name__}") from error
    return failures + 1


class Pieces:
    """Yields each `Piece` of a job's result as it comes. When it has ended, `result` is the result
    itself; a job that ended without one raises JobFailed in place of the end."""

    def __init__(self, lines):
        self._lines = lines
        self.result = None

    def __iter__(self):
        for line in self._lines:
            if "partial" in line:
                yield Piece(line["attempt"], from_json(line["partial"]), False)
            elif "lost_attempt" in line:
                yield Piece(line["lost_attempt"], None, True)
            elif line.get("state") == "succeeded":
                self.result = value_of_view(line)
            elif "state" in line:
                raise error_of_outcome(line)


def parse_events(lines):
    """Server-sent events out of lines of bytes."""
    id, what, data = None, "message", []
    for line in lines:
        line = line.rstrip(b"\r").decode("utf-8", "replace")
        if not line:
            if data:
                yield Event(id, what, json.loads("\n".join(data)))
            what, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "id":
            id = value
        elif name == "event":
            what = value
        elif name == "data":
            data.append(value)
