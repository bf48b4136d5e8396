"""What is asked, by whom, and what the best would be."""

import dataclasses

from server import seconds_of

CHORDS = {"seven": range(0, 7), "three": range(7, 10)}  # which requests belong to which
REQUESTS = sum(len(numbers) for numbers in CHORDS.values())
SLOTS = (1, 2, 4, 8, 16)

# Of their study, as a reduction of the total time against one process of prefork.
THEIRS_WITH_TWO = 0.38   # prefork, 2 processes
THEIRS_AT_BEST = 0.871   # gevent, 16


@dataclasses.dataclass(frozen=True)
class Series:
    """One way to have N requests under way."""
    name: str
    kind: str
    app: str             # a worker of app.py; "": `penstock worker --kinds http`
    one_process: bool    # N slots in one process, or N processes of one slot
    alone: str           # the name of the configuration with 1 slot

    def configurations(self, slots):
        return [Configuration(self, n) for n in slots]


SERIES = (
    Series("C++ processes", "http", "", False, "cpp-1"),
    Series("C++ one process", "http", "", True, "cpp-1"),
    Series("Python processes", "ask", "blocking", False, "python-1"),
    Series("Python threads", "ask", "blocking", True, "python-1"),
    Series("Python asyncio", "ask-async", "asynchronous", True, "python-asyncio-1"),
)


@dataclasses.dataclass(frozen=True)
class Configuration:
    series: Series
    slots: int           # of all its processes together
    round: int = 1       # the same may be measured several times

    @property
    def name(self):
        """With one slot two series are the same thing, and are measured once."""
        if self.slots == 1:
            return self.series.alone
        name = self.series.name.lower().replace("c++", "cpp").replace("one process", "http")
        return f"{name.replace(' ', '-')}-{self.slots}"

    @property
    def record(self):
        """The name of one round in all records."""
        return self.name if self.round == 1 else f"{self.name}.{self.round}"

    @property
    def processes(self):
        return 1 if self.series.one_process else self.slots

    @property
    def slots_each(self):
        return self.slots // self.processes


def durations(seed, low, high):
    """Seconds of each request, as the service will take them."""
    return [seconds_of(seed, number, low, high) for number in range(REQUESTS)]


def bound(seconds):
    """The reduction that no number of slots can exceed."""
    return 1 - max(seconds) / sum(seconds)


def at_best(seconds, slots):
    """The shortest total of any order on so many slots, by trying them."""
    if slots >= len(seconds):
        return max(seconds)
    ordered = sorted(seconds, reverse=True)
    best = never_idle(seconds, slots)
    loads = [0.0] * slots

    def place(i):
        nonlocal best
        if i == len(ordered):
            best = min(best, max(loads))
            return
        tried = set()
        for slot in range(slots):
            if loads[slot] in tried or loads[slot] + ordered[i] >= best:
                continue
            tried.add(loads[slot])
            before = loads[slot]
            loads[slot] += ordered[i]
            place(i + 1)
            loads[slot] = before
    place(0)
    return best


def never_idle(seconds, slots):
    """The longest total that can be if no slot is free while a request waits, whatever the order
    (Graham 1966). Whoever takes longer left a slot free, or made the requests themselves slower."""
    if slots >= len(seconds):
        return max(seconds)
    return sum(seconds) / slots + (1 - 1 / slots) * max(seconds)


def submit(client, service, configuration, database):
    """Both chords, each a group of requests with a callback. Returns the callbacks' ids. Only the
    configuration's own workers have the label that its requests need."""
    import penstock
    callbacks = []
    for chord, numbers in CHORDS.items():
        more = {"result": "body"} if configuration.series.kind == "http" else {}
        callbacks.append(penstock.new_id())
        client.group([{"kind": configuration.series.kind, "needs": [configuration.name],
                       "payload": {"url": f"{service}/ask/{configuration.record}/{n}", **more}}
                      for n in numbers],
                     then={"kind": "summary", "id": callbacks[-1],
                           "payload": {"configuration": configuration.record, "chord": chord,
                                       "database": str(database)}})
    return callbacks
