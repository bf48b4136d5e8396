"""A ventilator and a sink of loopback sockets that the test itself drives; bounded waiting."""

import time

import msgpack
import zmq

DEADLINE = 10.0  # seconds; only a failing test takes that long


def until(condition, what, deadline=DEADLINE):
    """Polls until `condition()` is true-ish and returns what it said."""
    end = time.monotonic() + deadline
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.005)
    raise AssertionError(f"not within {deadline} s: {what}")


def receive(socket, what, deadline=DEADLINE):
    if not socket.poll(deadline * 1000):
        raise AssertionError(f"not within {deadline} s: {what}")
    return msgpack.unpackb(socket.recv(), raw=False)


class FakePipeline:
    """door, control, sink: bound. `lanes`: one PUSH for each join that was granted."""

    settles = True  # whether it says of results that were read that they are recorded

    def __init__(self):
        self.context = zmq.Context()
        self.door = self.context.socket(zmq.PULL)
        self.control = self.context.socket(zmq.REP)
        self.sink = self.context.socket(zmq.PULL)
        self.port = self._bind_pair()
        self.sink_port = self.sink.bind_to_random_port("tcp://127.0.0.1")
        self.lanes = []
        self._ends = []  # of their connections
        self.results = []
        self.numbers = {}

    @property
    def address(self):
        return f"tcp://127.0.0.1:{self.port}"

    def _bind_pair(self):
        for port in range(21_001, 29_999, 2):
            try:
                self.door.bind(f"tcp://127.0.0.1:{port}")
            except zmq.ZMQError:
                continue
            try:
                self.control.bind(f"tcp://127.0.0.1:{port + 1}")
                return port
            except zmq.ZMQError:
                self.door.unbind(f"tcp://127.0.0.1:{port}")
        raise AssertionError("no two free ports")

    def close(self):
        self.context.destroy(linger=0)

    def grant(self, **said):
        """Answers the next join with a lane; returns the join."""
        join = receive(self.control, "a join")
        lane = self.context.socket(zmq.PUSH)
        port = lane.bind_to_random_port("tcp://127.0.0.1")
        self.lanes.append(lane)
        self._ends.append(lane.get_monitor_socket(zmq.EVENT_DISCONNECTED))
        host = "127.0.0.1" if "via" in join else "*"  # who says what it dialled can dial the answer
        self.control.send(msgpack.packb({
            "type": "lane", "error": "", "worker": join.get("worker") or "w1",
            "endpoint": f"tcp://{host}:{port}", "sink": f"tcp://{host}:{self.sink_port}",
            "door": f"tcp://{host}:{self.port}", "window": 8, "epoch": 1, "ping": 5.0, **said}))
        return join

    def lane_ends(self, index, within):
        """Whether the worker ends its connection to it, in so many seconds."""
        return bool(self._ends[index].poll(within * 1000))

    def refuse(self, why="starting"):
        join = receive(self.control, "a join")
        self.control.send(msgpack.packb({"type": "lane", "error": why}))
        return join

    def give(self, *rows, kind="echo", epoch=1, **said):
        """rows: (number, id, payload). One `job` message on the newest lane."""
        batch = {"type": "job", "epoch": epoch, "kind": kind, "timeout": 60.0, **said}
        batch["rows"] = [[number, id, 1, msgpack.packb(payload)] for number, id, payload in rows]
        self.numbers.update((id, number) for number, id, _ in rows)
        self.say(batch)

    def say(self, message):
        self.lanes[-1].send(msgpack.packb(message))

    def settle(self, *ids):
        pairs = [number for id in ids for number in (self.numbers[id], 1)]
        if not self.lanes[-1].closed and self.lanes[-1].poll(0, zmq.POLLOUT):
            self.say({"type": "settled", "jobs": pairs})

    def close_sink(self):
        """Its connections break: what was on the way is gone."""
        self.sink.close(linger=0)

    def open_sink(self):
        self.sink = self.context.socket(zmq.PULL)
        until(self._bind_sink, "the port of the sink before")

    def _bind_sink(self):
        try:
            self.sink.bind(f"tcp://127.0.0.1:{self.sink_port}")
            return True
        except zmq.ZMQError:
            return False  # a socket is closed by a thread of libzmq, some time

    def result(self):
        """The next row of a result: (frame, row). What it says of the wait in the worker, which
        depends on the machine, is taken off: `waited_us` has it."""
        while not self.results:
            frame = receive(self.sink, "a result")
            if frame["type"] == "result":
                self.results += [(frame, row) for row in frame["rows"]]
        frame, row = self.results.pop(0)
        if self.settles and row[0] in self.numbers:
            self.settle(row[0])
        elements = 4 if row[3] is not None else 7
        self.waited_us = row[elements] if len(row) > elements else 0
        return frame, row[:elements]

    def values(self, count):
        """{id: value or error code} of the next results."""
        rows = [self.result()[1] for _ in range(count)]
        return {row[0]: row[4] if row[3] is None else msgpack.unpackb(row[3]) for row in rows}

    def value(self):
        frame, row = self.result()
        assert len(row) == 4, row
        return msgpack.unpackb(row[3], raw=False)

    def told(self, type, matching=lambda message: True):
        """The next such message at the door; others are passed over."""
        end = time.monotonic() + DEADLINE
        while time.monotonic() < end:
            message = receive(self.door, f"{type} at the door")
            if message["type"] == type and matching(message):
                return message
        raise AssertionError(f"no such {type} at the door")
