"""A real pipeline in processes of its own. Fails where build/release/penstock has not been built;
PENSTOCK names another binary."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import unittest

import penstock
from tests.fakes import until

HERE = pathlib.Path(__file__).resolve().parent
BINARY = pathlib.Path(os.environ.get("PENSTOCK", HERE.parents[2] / "build/release/penstock"))


def free_ports():
    """A door with the four ports after it, and one for HTTP."""
    first = int(os.environ.get("PENSTOCK_TEST_PORTS", 10_001 + os.getpid() % 400 * 10))
    for door in range(first, first + 4_990, 10):
        probes = [socket.socket() for _ in range(6)]
        try:
            for i, probe in enumerate(probes):
                probe.bind(("127.0.0.1", door + i))
            return door, door + 5
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise AssertionError("no free ports")


class HouseCase(unittest.TestCase):
    """`app`: the source of app.py, whose `worker` is started once the pipeline is up."""

    app = ""

    @classmethod
    def setUpClass(cls):
        if not BINARY.exists():
            raise AssertionError(f"{BINARY} is not built: run ./run or ./test first")
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        (cls.path / "app.py").write_text(cls.app)
        cls.door, http = free_ports()
        cls.http = f"127.0.0.1:{http}"
        cls.url = f"http://{cls.http}"
        cls.processes = []
        cls.addClassCleanup(cls.end)
        cls.start_house()
        cls.client = penstock.Client(cls.url, retries=5)
        until(cls.answers, "a gateway that answers")
        cls.worker = cls.start_worker()
        until(lambda: len(cls.client.workers()) == 1, "a worker that has joined")

    @classmethod
    def start_house(cls):
        cls.start(BINARY, "up", "--workers", "0", "--http", cls.http,
                  "--bind", f"127.0.0.1:{cls.door}")

    @classmethod
    def answers(cls):
        try:
            return cls.client.workers() is not None
        except penstock.PenstockError:
            return False

    @classmethod
    def end(cls):
        for process in reversed(cls.processes):
            process.kill()
            process.wait()
        if hasattr(cls, "client"):
            cls.client.close()
        cls.folder.cleanup()

    @classmethod
    def start(cls, *command):
        with open(cls.path / f"{len(cls.processes)}.log", "wb") as log:
            cls.processes.append(subprocess.Popen(
                [str(part) for part in command], cwd=cls.path, stdout=log, stderr=log,
                env={**os.environ, "PYTHONPATH": str(HERE.parent)}))
        return cls.processes[-1]

    @classmethod
    def start_worker(cls, *options, slots=2):
        return cls.start(sys.executable, "-m", "penstock", "worker", "app:worker", "--slots",
                         str(slots), "--ventilator", f"tcp://127.0.0.1:{cls.door}", *options)

    def log_of(self, process):
        return (self.path / f"{self.processes.index(process)}.log").read_text()

    def state_of(self, id):
        return self.client.status(id)["state"]
