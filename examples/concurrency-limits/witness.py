"""Somebody who only listens: what happened, in the order in which the sink recorded it. What is
said about order and about how many ran at a time comes from here, and from no clock."""

import collections
import http.client
import json
import threading
import urllib.parse

from house import PATIENCE, Trouble

FINAL = frozenset(("succeeded", "failed", "cancelled", "expired", "quarantined"))
OVER = FINAL | {"retrying", "lost"}  # of an attempt

Line = collections.namedtuple("Line", "came overtaken most_at_once ended attempts")
Line.__doc__ = """What became of some jobs. came: their ids, in order. overtaken: by how many that
came later one of them was overtaken, at most. ended: how many ended in which state. attempts: how
many began."""


class Witness:
    def __init__(self, url):
        where = urllib.parse.urlsplit(url)
        self._connection = http.client.HTTPConnection(where.hostname, where.port, timeout=PATIENCE)
        # The gateway answers once it hears everything: nothing after this line is missed.
        self._connection.request("GET", "/v1/events", headers={"Accept": "text/event-stream"})
        self._stream = self._connection.getresponse()
        if self._stream.status != 200:
            raise Trouble(f"/v1/events answered {self._stream.status}: {self._stream.read()!r}")
        self._told, self._missed = [], False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        try:
            for line in self._stream:
                if line.startswith(b"event: missed"):
                    self._missed = True
                elif line.startswith(b"data: "):
                    self._told.append(json.loads(line[6:]))
        except (OSError, ValueError, http.client.HTTPException):
            pass
        self._missed = True  # from here on nobody listens

    def told(self, ids):
        """What was told of these jobs, in order."""
        if self._missed:
            raise Trouble("some events did not come, so nothing can be said about order")
        ids = set(ids)
        return [each for each in list(self._told) if each["id"] in ids]

    def is_running(self, id):
        return any(each["event"] == "running" for each in self.told([id]))

    def have_ended(self, ids):
        return sum(each["event"] in FINAL for each in self.told(ids)) == len(ids)

    def line(self, ids):
        came, started, running, most = [], [], set(), 0
        ended = collections.Counter()
        for each in self.told(ids):
            id, event = each["id"], each["event"]
            if event == "stored":
                came.append(id)
            elif event == "running":
                started.append(id)
                running.add(id)
                most = max(most, len(running))
            elif event in OVER:
                running.discard(id)
                ended[event] += event in FINAL
        return Line(came, overtaken(came, started), most, ended, len(started))


def overtaken(came, started):
    """The most who came later than one job and started earlier."""
    place = {id: number for number, id in enumerate(came)}
    order = [place[id] for id in started]
    return max((sum(before > own for before in order[:at]) for at, own in enumerate(order)),
               default=0)
