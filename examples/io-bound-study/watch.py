"""Watches processes from outside, a few times a second: CPU, memory, connections, from /proc."""

import os
import pathlib
import threading
import time

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
ESTABLISHED = "01"


class Watch:
    """processes: called at each look for (name, pid) of those that live. port: of the service;
    connections to it are counted apart. every: seconds between looks."""

    def __init__(self, processes, port, every):
        self._processes, self._port, self._every = processes, port, every
        self._end = threading.Event()
        self._began = time.time()
        self._busy = busy_cores()
        self._thread = threading.Thread(target=self._look_on, daemon=True)
        self.series = {}   # name -> {"at": [s], "cpu": [s], "rss": [MiB], ...}
        self.machine = {"at": [], "busy": [], "ours": []}  # core seconds since the watch began
        self._thread.start()

    def since(self, moment):
        """Seconds since the watch began, of a time since 1970."""
        return moment - self._began

    def others(self, start, end):
        """Of all cores, the share that others had between the looks around these moments."""
        looks = self.machine["at"]
        first = max((i for i, at in enumerate(looks) if at <= start), default=0)
        last = min((i for i, at in enumerate(looks) if at >= end), default=len(looks) - 1)
        if first >= last:
            return 0.0
        took = [self.machine[of][last] - self.machine[of][first] for of in ("busy", "ours")]
        seconds = self.machine["at"][last] - self.machine["at"][first]
        return max(0.0, (took[0] - took[1]) / seconds / os.cpu_count())

    def close(self):
        self._end.set()
        self._thread.join()

    def _look_on(self):
        following = time.monotonic()
        while not self._end.wait(max(0.0, following - time.monotonic())):
            self._look()
            following = max(following + self._every, time.monotonic())

    def _look(self):
        at = round(self.since(time.time()), 3)  # one time for all of a look: they can be added up
        established = connections_of(self._port)
        for name, pid in self._processes():
            try:
                stat = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
                statm = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
                pages, shared = int(statm[1]), int(statm[2])
                sockets = sockets_of(pid)
            except (OSError, IndexError):
                continue  # it has just gone
            if not pages:
                continue  # it ends just now: what it had is given back
            series = self.series.setdefault(name, {
                "pid": pid, "at": [], "cpu": [], "rss": [], "own": [], "connections": [],
                "to_service": []})
            mine = [established[s] for s in sockets if s in established]
            series["at"].append(at)
            series["cpu"].append((int(stat[11]) + int(stat[12])) / TICKS)
            series["rss"].append(round(pages * PAGE / 2**20, 2))
            series["own"].append(round((pages - shared) * PAGE / 2**20, 2))  # of no file
            series["connections"].append(len(mine))
            series["to_service"].append(sum(mine))
        self.machine["at"].append(at)
        self.machine["busy"].append(round(busy_cores() - self._busy, 2))
        self.machine["ours"].append(round(sum(s["cpu"][-1] for s in self.series.values()), 2))


def busy_cores():
    """Core seconds since it started: user, nice, system, interrupts and what the host took."""
    fields = [int(f) for f in pathlib.Path("/proc/stat").read_text().split("\n")[0].split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICKS


def connections_of(port):
    """{inode: whether it goes to `port`} of the established TCP connections."""
    out = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            lines = pathlib.Path(table).read_text().splitlines()[1:]
        except OSError:
            continue  # no IPv6
        for line in lines:
            fields = line.split()
            if fields[3] == ESTABLISHED:
                out[fields[9]] = int(fields[2].rpartition(":")[2], 16) == port
    return out


def sockets_of(pid):
    """Inodes."""
    folder = f"/proc/{pid}/fd"
    out = []
    for fd in os.listdir(folder):
        try:
            to = os.readlink(f"{folder}/{fd}")
        except OSError:
            continue
        if to.startswith("socket:["):
            out.append(to[8:-1])
    return out
