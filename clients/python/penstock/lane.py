"""The way in: joins the ventilator, then pulls jobs from the lane that it was given.

A lane lives for exactly one connection. When that breaks, or nothing came for three ping periods,
the lane is closed and the owner joins again.
"""

import zmq

from . import sockets, wire

JOIN_SECONDS = 2.0      # one question; then a new socket asks again
PINGS_MISSED = 3
READ_AT_ONCE = 100      # messages per turn, so that results and heartbeats get theirs
_BROKEN = zmq.EVENT_DISCONNECTED | zmq.EVENT_CLOSED


class Lane:
    """Used by the loop's thread only. `inward` and `outward` are zmq contexts: pushes live in their
    own, so that they can be flushed while the lane is still open.

    While open: `endpoint`, `sink` (to be dialled for results), `epoch`, `window`.
    """

    def __init__(self, inward, outward, control):
        self.control = control
        self._inward = inward
        self._outward = outward
        self._request = self._pull = self._monitor = self._door = None
        self._left = ()
        self._until = 0.0
        self.epoch = 0

    # ---- joining

    @property
    def joining(self):
        return self._request is not None

    @property
    def open(self):
        return self._pull is not None

    def ask(self, join_frame, moment):
        self._close()
        self._request = sockets.dial(self._inward, zmq.REQ, self.control, reconnect_ivl_max=0)
        self._request.send(join_frame, zmq.DONTWAIT)
        self._until = moment + JOIN_SECONDS

    def answer(self, moment):
        """The ventilator's answer, a map; None while it is awaited. Raises WireError, also when the
        time is up."""
        if self._request.poll(0):
            answers = wire.messages_of(self._request.recv())
            if not answers:
                raise wire.WireError("an empty answer")
            self.stop_asking()
            return answers[0]
        if moment >= self._until:
            self.stop_asking()
            raise wire.WireError("no answer")
        return None

    def stop_asking(self):
        if self._request is not None:
            self._request.close()
            self._request = None

    def enter(self, answer, moment):
        """Dials the lane of this answer. Raises WireError."""
        self._let_go()  # whoever grants a lane has heard what runs here
        try:
            self.endpoint = wire.as_reached_from(answer["endpoint"], self.control)
            self.sink = wire.as_reached_from(answer["sink"], self.control)
            self.epoch = answer["epoch"]
            self.window = answer.get("window", 1)
            self._silence = PINGS_MISSED * max(float(answer.get("ping", 5.0)), 0.05)
            self._pull = sockets.open_socket(self._inward, zmq.PULL)
            self._pull.reconnect_ivl = -1
            self._pull.ipv6 = "[" in self.endpoint
            self._monitor = self._pull.get_monitor_socket(_BROKEN)
            self._pull.connect(self.endpoint)
            door = wire.as_reached_from(answer["door"], self.control)
            self._door = sockets.dial(self._outward, zmq.PUSH, door)
        except (KeyError, TypeError, ValueError, zmq.ZMQError) as error:
            self.close()
            raise wire.WireError(f"a lane that can't be dialled ({error!r})") from error
        self._until = moment + self._silence

    # ---- open

    def watched(self):
        """What to poll for reading."""
        return [s for s in (self._request, self._pull, self._monitor) if s is not None]

    def wake_at(self):
        return self._until if self.joining or self.open else None

    def read(self, moment):
        """The messages that have come; what can't be read is skipped and comes back as WireError
        objects in their place."""
        found = []
        for _ in range(READ_AT_ONCE):
            try:
                parts = self._pull.recv_multipart(zmq.DONTWAIT)
            except zmq.Again:
                break
            self._until = moment + self._silence
            try:
                found.extend(wire.messages_of(parts[0]))
            except wire.WireError as error:
                found.append(error)
        return found

    def cut(self):
        """True once the connection has ended, or could not be made."""
        return bool(self._monitor.poll(0))

    def silent(self, moment):
        return moment >= self._until

    def tell(self, frame):
        """To the ventilator's door."""
        try:
            self._door.send(frame, zmq.DONTWAIT)
        except zmq.Again:
            pass  # only when the context ends

    # ---- the end

    def flush(self, milliseconds):
        """Closes the way to the door once what was told has left, or the time is up."""
        if self._door is not None:
            self._door.close(linger=milliseconds)
            self._door = None

    def leave(self):
        """Keeps the connection until a lane is granted: its end would make the ventilator give what
        runs here to others, and blame it, before it hears that it still runs. A refusal, or no
        answer, says nothing of that."""
        self._left = (self._pull, self._monitor)
        self._pull = self._monitor = None
        self._close()

    def close(self):
        self._let_go()
        self._close()

    def _let_go(self):
        if self._left:
            self._left[0].disable_monitor()
        for socket in self._left:
            socket.close(linger=0)
        self._left = ()

    def _close(self):
        if self._pull is not None and self._monitor is not None:
            self._pull.disable_monitor()
        for socket in (self._request, self._pull, self._monitor, self._door):
            if socket is not None:
                socket.close(linger=0)
        self._request = self._pull = self._monitor = self._door = None
