"""Other job systems, doing the job that Penstock does in bench/run: one file each.

The job: `jobs` payloads of 100 distinct bytes, submitted by one client, echoed by 2 workers; the
clock runs from the first submit until the submitter's side knows all outcomes. A peer says in
`ends` where it can't do that, and in `durability` what it was set to.
"""

import importlib
import json
import os
import pkgutil
import socket
import subprocess
import time

from house import Failed
from pipeline import get_status

HERE = os.path.dirname(os.path.abspath(__file__))
PYTHON = "/usr/bin/python3"  # the distribution's: its packages are not in another one
START_SECONDS, RUN_SECONDS = 40, 40
OUTCOMES = "all outcomes have reached the submitter"


class Peer:
    """What bench/run wants of each. A new object for each round; its house ends what it starts."""

    key = name = ""
    packages = ()  # of Debian
    versions_of = ()  # of these packages versions are shown
    programs = ()  # built: bench-peer-NAME
    first_jobs, most_jobs = 1_000, 1_000_000  # of the warm-up; the rest follows from its speed
    durability = ends = lacks = ""

    def __init__(self, programs, house, first_port):
        self.at, self.house, self.port = programs, house, first_port

    def start(self):
        """Server and workers, until they can take jobs."""
        raise NotImplementedError

    def run(self, jobs):
        """{"jobs_s": ...} of so many jobs."""
        return self.line_of("client", self.client(jobs))

    def client(self, jobs):
        return [self.program(), "client", "--port", self.port, "--jobs", jobs]

    # ---- for those that implement it ----

    def program(self):
        return f"{self.at.bench}peer-{self.programs[0]}"

    def start_workers(self):
        for i in range(2):
            self.start_one(f"worker-{i}", [self.program(), "worker", "--port", self.port])

    def start_one(self, what, argv, **environment):
        """Its name in plots is `what`."""
        return self.house.start(f"peer-{self.key}-{what}", argv, cwd=f"{HERE}/programs",
                                environment=environment, shown_as=what)

    def line_of(self, what, argv, **environment):
        process = self.start_one(what, argv, **environment)
        line = process.line(RUN_SECONDS)
        process.wait(RUN_SECONDS)
        return json.loads(line)

    def start_redis(self):
        self.start_one("redis", ["redis-server", "--port", self.port, "--bind", "127.0.0.1",
                                 "--dir", self.house.directory(), "--save", "",
                                 "--appendonly", "no"])
        self.wait_for_port(self.port)

    def wait_for_port(self, port):
        wait_until(lambda: listens(port), f"{self.name} to listen")

    def wait_for_http(self, port, path):
        wait_until(lambda: listens(port) and get_status(port, path) == 200,
                   f"{self.name} to answer {path}")


def all_peers():
    """Their classes, in the order of their files' names."""
    found = []
    for module in sorted(m.name for m in pkgutil.iter_modules([HERE]) if not m.ispkg):
        loaded = importlib.import_module(f"peers.{module}")
        if hasattr(loaded, "PEER"):
            found.append(loaded.PEER)
    return found


def wait_until(condition, what, seconds=START_SECONDS):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        try:
            if condition():
                return
        except OSError:
            pass
        time.sleep(0.02)
    raise Failed(f"waited {seconds} s in vain for {what}")


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def package_version(name):
    """'1.12-2' or ''."""
    done = subprocess.run(["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", name],
                          capture_output=True, text=True, check=False)
    status, _, version = done.stdout.partition(" ")
    return version if status == "installed" else ""


def is_packaged(name):
    """Whether the distribution has it at all. Reads apt's lists: nothing is fetched."""
    done = subprocess.run(["apt-cache", "policy", name], capture_output=True, text=True,
                          check=False)
    return "Candidate: (none)" not in done.stdout and "Candidate:" in done.stdout
