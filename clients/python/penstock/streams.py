"""Answers that come bit by bit: events, and results ahead of their end. They are asked for again
when the connection breaks, and go on where it broke."""

import collections
import json
import socket
import time
from http.client import HTTPException

from .errors import Unavailable, Unreachable, error_of_outcome
from .http import backoff
from .values import from_json, value_of_view

# Events say something every 15 s. A result may take for ever: then it is asked for again.
SILENCE_SECONDS = 45.0
END = "end"  # the id of the last event of a job or a group

Event = collections.namedtuple("Event", "id what data")
Event.__doc__ = """One thing that happened. what: "stored", "running", "progress", "succeeded", ...; "job" and
"group" where the whole of it is told, as at the beginning and at the end; "missed" where some are
gone. data: a dict. id: where to go on from (`after`)."""

Piece = collections.namedtuple("Piece", "attempt value lost")
Piece.__doc__ = """A partial result. lost: this attempt was lost, and so is what it said: begin anew."""


class _Tries:
    """Counts vain ones in a row."""

    def __init__(self, most):
        self._most = most
        self._vain = 0

    def progress(self):
        self._vain = 0

    def again(self, error):
        """Waits a little; or raises when it was in vain too often."""
        if self._vain >= self._most:
            if isinstance(error, Unavailable):
                raise error
            raise Unreachable(f"the answer broke off: {error or type(error).__name__}") from error
        time.sleep(backoff(self._vain))
        self._vain += 1


def _lines(http, path, query, headers, tries, shows_life):
    """Yields the lines of one answer, empty ones too: a server that has nothing to say sends them to
    say that it is there. shows_life(line): whether that counts as progress; None is the beginning of
    an answer. Returns None at its end, else the error that broke it off."""
    opened = False
    try:
        with http.open(path, query, headers, SILENCE_SECONDS) as answer:
            opened = True
            if shows_life(None):
                tries.progress()
            for line in answer:
                if shows_life(line):
                    tries.progress()
                yield line
    except socket.timeout as error:
        if opened:
            tries.progress()  # a server that answers and has nothing to say is a good one
        return error
    except (OSError, HTTPException, Unavailable) as error:
        return error
    return None


def events(http, path, query, after, endless):
    """Yields each Event of a stream. endless: only a break can end it."""
    tries = _Tries(http.retries)
    while True:
        headers = {"Accept": "text/event-stream"}
        if after is not None:
            headers["Last-Event-ID"] = after
        # Whoever opens the stream is well: where little happens, it breaks before the first event.
        lines = _Answer(_lines(http, path, query, headers, tries, lambda line: True))
        for event in parse_events(lines):
            after = event.id or after
            yield event
        if after == END and not endless:
            return
        tries.again(lines.error or ConnectionError("the stream of events ended"))


class _Answer:
    """The lines of one answer; then `error` says how it ended."""

    def __init__(self, lines):
        self._generator = lines
        self.error = None

    def __iter__(self):
        self.error = yield from self._generator


def answers_of(http, path):
    """Yields an iterable of decoded NDJSON lines for each time that the answer was asked for: each
    begins at the beginning."""
    tries = _Tries(http.retries)
    most = 0
    while True:
        # What was read before is no progress; else an answer that always breaks at the same place
        # would be asked for without end.
        lines = _Answer(_lines(http, path, None, {"Accept": "application/x-ndjson"}, tries,
                               lambda line: line is not None and not line.strip()))

        def decoded(lines=lines):
            nonlocal most
            for number, line in enumerate((line for line in lines if line.strip()), 1):
                if number > most:
                    most = number
                    tries.progress()
                yield json.loads(line)
        yield decoded()
        if lines.error is None:
            return
        tries.again(lines.error)


def members(http, path):
    """Yields each line about a member of a group once."""
    seen = 0
    for answer in answers_of(http, path):
        for number, view in enumerate(answer):
            if number >= seen:
                seen = number + 1
                yield view


class Pieces:
    """Yields each `Piece` of a job's result as it comes. When it has ended, `result` is the result
    itself, and `dropped` how many pieces were too many to be kept; a job that ended without a
    result raises JobFailed in place of the end."""

    def __init__(self, http, path):
        self._http = http
        self._path = path
        self.result = None
        self.dropped = 0

    def __iter__(self):
        attempt = shown = 0  # of the attempt that was read last: how many pieces
        for answer in answers_of(self._http, self._path):
            passed = 0
            for line in answer:
                if "partial" in line:
                    if line["attempt"] < attempt:
                        continue  # told, and lost since
                    if line["attempt"] != attempt:
                        if shown:  # it was lost while nobody listened
                            yield Piece(attempt, None, True)
                        attempt, shown, passed = line["attempt"], 0, 0
                    passed += 1
                    if passed > shown:
                        shown = passed
                        yield Piece(attempt, from_json(line["partial"]), False)
                elif "lost_attempt" in line:
                    if line["lost_attempt"] == attempt and shown:
                        yield Piece(attempt, None, True)
                        shown = 0
                elif "state" in line:
                    if shown and line.get("attempt", attempt) > attempt:
                        yield Piece(attempt, None, True)  # lost likewise, and the next said nothing
                    self._end(line)
                else:
                    self.dropped = line.get("dropped", self.dropped)

    def _end(self, view):
        if view["state"] != "succeeded":
            raise error_of_outcome(view)
        self.result = value_of_view(view)


def parse_events(lines):
    """Server-sent events out of lines of bytes."""
    id, what, data = None, None, []
    for line in lines:
        line = line.rstrip(b"\r").decode("utf-8", "replace")
        if not line:
            if data:
                said = json.loads("\n".join(data))
                yield Event(id, what or said.get("event", "message"), said)
            what, data = None, []
            continue
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "id":
            id = value
        elif name == "event":
            what = value
        elif name == "data":
            data.append(value)
