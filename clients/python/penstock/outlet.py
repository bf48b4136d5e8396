"""The way out to the sink. What is lost when a connection breaks is sent again over the next one:
results all of them, from what is kept; of pieces of results none, see below.
"""

import zmq
from zmq.utils.monitor import recv_monitor_message

from . import sockets
from .kept import Kept

HELD_BYTES_MAX = 16 << 20
RETRY_SECONDS = 0.05
_UP = zmq.EVENT_HANDSHAKE_SUCCEEDED
_DOWN = zmq.EVENT_DISCONNECTED


class Outlet:
    """Used by the loop's thread only. `kept`: what is to be sent again."""

    def __init__(self, context):
        self.kept = Kept()
        self._context = context
        self._endpoint = self._socket = self._monitor = None
        self._up = False
        self._owes = False    # what is kept has not been sent over this connection
        self._pieces = _Pieces()

    def dial(self, endpoint, linger):
        """linger: milliseconds for what is still to leave for another sink."""
        if endpoint == self._endpoint:
            return
        self.close(linger)
        # A socket that queued by itself for a sink that isn't there would send what is kept twice,
        # and new results ahead of old ones.
        socket = sockets.open_socket(self._context, zmq.PUSH)
        socket.immediate = True
        # Before it dials: else the first connection may come unseen.
        self._monitor = socket.get_monitor_socket(_UP | _DOWN)
        self._socket = sockets.connect(socket, endpoint)
        self._endpoint = endpoint

    def watched(self):
        """What to poll for reading."""
        return [] if self._monitor is None else [self._monitor]

    def wake_at(self, moment):
        return moment + RETRY_SECONDS if self._up and self._owes else None

    def heed(self):
        """Whether the connection has come or gone."""
        while self._monitor is not None and self._monitor.poll(0):
            event = recv_monitor_message(self._monitor)["event"]
            self._up = self._owes = event == _UP
            if not self._up:
                self._pieces.broke()

    def send(self, pieces, results):
        """pieces: (the attempt or None, frame), which leave before the results. results: (frame,
        epoch, numbers, attempts)."""
        for frame, epoch, numbers, _ in results:
            self.kept.add(frame, epoch, numbers)
        for attempt, frame in pieces:
            self._pieces.add(attempt, frame)
        if self._up and (self._owes or results or pieces):
            self._leave(results)
        self._pieces.ended(attempt for _, _, _, attempts in results for attempt in attempts)

    def _leave(self, results):
        # The look at the events also makes libzmq notice a connection that has just come.
        if not self._socket.get(zmq.EVENTS) & zmq.POLLOUT:
            self._owes = True
            return
        self.heed()  # once more: a handler may have held this thread up since, for any time
        if not self._up:
            return
        results = self.kept.frames() if self._owes else [frame for frame, *_ in results]
        self._owes = False
        try:
            for frame in self._pieces.take() + results:
                self._socket.send(frame, zmq.DONTWAIT)
        except zmq.Again:
            self._owes = True  # it has just broken, and the next one will come

    def close(self, linger):
        if self._socket is not None:
            self._socket.disable_monitor()
            self._monitor.close(linger=0)
            self._socket.close(linger=linger)
            self._pieces.broke()
        self._endpoint = self._socket = self._monitor = None
        self._up = self._owes = False


class _Pieces:
    """Pieces of results, and progress, until there is a connection. Once a piece of an attempt may
    have been lost, the later ones of it are dropped: a text that ends early is better than one with
    a hole in its middle."""

    def __init__(self):
        self._held = []
        self._bytes = 0
        self._sent = set()     # attempts that run, with pieces that have been sent
        self._torn = set()     # attempts that run, with pieces that may be lost

    def add(self, attempt, frame):
        if attempt in self._torn:
            return
        if self._bytes + len(frame) > HELD_BYTES_MAX:
            if attempt is not None:
                self._torn.add(attempt)
            return
        self._held.append((attempt, frame))
        self._bytes += len(frame)

    def take(self):
        frames = [frame for _, frame in self._held]
        self._sent.update(attempt for attempt, _ in self._held if attempt is not None)
        self._held, self._bytes = [], 0
        return frames

    def broke(self):
        self._torn |= self._sent
        self._sent.clear()
        self._held = [each for each in self._held if each[0] not in self._torn]
        self._bytes = sum(len(frame) for _, frame in self._held)

    def ended(self, attempts):
        if self._sent or self._torn:
            for attempt in attempts:
                self._sent.discard(attempt)
                self._torn.discard(attempt)
