"""What the logs of a run say: the client's, and those of the workers. They grow while it goes on."""

import pathlib
from dataclasses import dataclass, field


class Tail:
    """The whole lines that have come to a file since the last look."""

    def __init__(self, path):
        self.path, self._at = pathlib.Path(path), 0

    def lines(self):
        try:
            with open(self.path, "rb") as file:
                file.seek(self._at)
                data = file.read()
        except FileNotFoundError:
            return []
        whole = data[:data.rfind(b"\n") + 1]
        self._at += len(whole)
        return whole.decode().splitlines()


@dataclass
class Run:
    id: str
    job: int
    attempt: int
    how: str = ""       # ok, failed, cancelled; "": nobody knows, its worker was killed


@dataclass
class History:
    tried: dict = field(default_factory=dict)    # job -> (id or -, key or -)
    took: dict = field(default_factory=dict)     # job -> the ids it was answered with
    accepted: set = field(default_factory=set)   # ids
    refused: set = field(default_factory=set)    # jobs
    unknown: set = field(default_factory=set)    # jobs
    seen: dict = field(default_factory=dict)     # id -> the outcomes that were seen
    looks: int = 0
    lines: int = 0      # of the client
    cancelled: set = field(default_factory=set)  # ids whose cancellation was answered as their outcome
    strange: list = field(default_factory=list)
    runs: dict = field(default_factory=dict)     # nonce -> Run
    done: set = field(default_factory=set)       # ids that a worker has finished

    def hear_client(self, line):
        self.lines += 1
        word, *rest = line.split(" ")
        if word == "try":
            self.tried[int(rest[0])] = (rest[1], rest[2])
        elif word == "took":
            self.took.setdefault(int(rest[0]), set()).add(rest[1])
            self.accepted.add(rest[1])
        elif word == "seen":
            self.looks += 1
            self.seen.setdefault(rest[0], set()).add(rest[1])
        elif word == "cancelled":
            self.cancelled.add(rest[0])
        elif word in ("refused", "unknown"):
            getattr(self, word).add(int(rest[0]))
        else:
            self.strange.append(line)

    def hear_worker(self, line):
        word, nonce, *rest = line.split(" ")
        if word == "run":
            self.runs[nonce] = Run(rest[0], int(rest[1]), int(rest[2]))
        else:
            run = self.runs[nonce]
            run.how = rest[0]
            if run.how == "ok" or (run.how == "failed" and run.attempt >= 3):
                self.done.add(run.id)

    def in_flight(self):
        """Accepted, and no worker has finished it. What ended without a run is still among them."""
        return len(self.accepted) - len(self.done & self.accepted)


class Logs:
    """A History that follows its files."""

    def __init__(self, client, workers):
        self.history = History()
        self._client = Tail(client)
        self._workers = [Tail(path) for path in workers]

    def read(self):
        for line in self._client.lines():
            self.history.hear_client(line)
        for tail in self._workers:
            for line in tail.lines():
                self.history.hear_worker(line)
        return self.history
