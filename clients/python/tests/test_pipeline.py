"""Client and worker against the real thing. Fails where build/release/penstock has not been built;
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
APP = """
import os, time, penstock
worker = penstock.Worker()

@worker.kind("add")
def add(payload):
    return payload["a"] + payload["b"]

@worker.kind("double")
def double(payload):
    return payload + payload

@worker.kind("hold")
def hold(job):
    job.progress(0.5, "holding")
    while not job.cancelled and not os.path.exists(job.payload):
        time.sleep(0.005)
    if job.cancelled:
        raise penstock.Cancelled()
    return job.attempt

@worker.kind("bad")
def bad(payload):
    raise penstock.Fail("no-luck", "as asked", retryable=False)
"""


def free_ports():
    """A door with the three ports after it, and one for HTTP."""
    for door in range(10_001 + os.getpid() % 400 * 10, 14_990, 10):
        probes = [socket.socket() for _ in range(5)]
        try:
            for i, probe in enumerate(probes):
                probe.bind(("127.0.0.1", door + i))
            return door, door + 4
        except OSError:
            continue
        finally:
            for probe in probes:
                probe.close()
    raise AssertionError("no free ports")


class PipelineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not BINARY.exists():
            raise AssertionError(f"{BINARY} is not built: run ./run or ./test first")
        cls.folder = tempfile.TemporaryDirectory()
        cls.path = pathlib.Path(cls.folder.name)
        (cls.path / "app.py").write_text(APP)
        cls.door, http = free_ports()
        cls.processes = []
        cls.addClassCleanup(cls.end)
        cls.start(BINARY, "up", "--workers", "0", "--http", f"127.0.0.1:{http}",
                  "--bind", f"127.0.0.1:{cls.door}")
        cls.client = penstock.Client(f"http://127.0.0.1:{http}", retries=5)
        until(cls.answers, "a gateway that answers")
        cls.start_worker()
        until(lambda: len(cls.client.workers()) == 1, "a worker that has joined")

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
        cls.client.close()
        cls.folder.cleanup()

    @classmethod
    def start(cls, *command):
        cls.processes.append(subprocess.Popen(
            [str(part) for part in command], cwd=cls.path, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": str(HERE.parent)}))
        return cls.processes[-1]

    @classmethod
    def start_worker(cls):
        return cls.start(sys.executable, "-m", "penstock", "worker", "app:worker", "--slots", "2",
                         "--ventilator", f"tcp://127.0.0.1:{cls.door}")

    def state_of(self, id):
        return self.client.status(id)["state"]

    def test_run(self):
        self.assertEqual(self.client.run("add", {"a": 3, "b": 4}, timeout=10), 7)

    def test_values_of_every_sort(self):
        for value in ("wörd", [1, "a"], 1 << 40, 0.5):
            doubled = self.client.run("double", value, timeout=10)
            self.assertEqual(doubled, value + value)

    def test_bytes(self):
        id = self.client.submit("double", b"\x00\xff")
        self.assertEqual(self.client.result(id, wait=10), b"\x00\xff\x00\xff")

    def test_submitting_twice_makes_one_job(self):
        first = self.client.submit("add", {"a": 1, "b": 1}, idempotency_key="k")
        self.assertEqual(self.client.submit("add", {"a": 1, "b": 1}, idempotency_key="k"), first)
        with self.assertRaises(penstock.Invalid):
            self.client.submit("add", {"a": 1, "b": 2}, idempotency_key="k")

    def test_bulk_and_list(self):
        said = self.client.bulk({"kind": "add", "payload": {"a": i, "b": 0}, "tags": ["bulk"]}
                                for i in range(2500))
        self.assertEqual((len(said.ids), said.errors), (2500, []))
        self.assertEqual([self.client.result(id, wait=10) for id in said.ids], list(range(2500)))
        self.assertEqual({job["id"] for job in self.client.list(tag="bulk")}, set(said.ids))
        self.assertEqual(len(list(self.client.list(tag="bulk", limit=7))), 7)

    def test_a_failure(self):
        with self.assertRaises(penstock.JobFailed) as raised:
            self.client.run("bad", timeout=10)
        self.assertEqual(raised.exception.fields["error"]["code"], "no-luck")

    def test_an_unknown_kind(self):
        with self.assertRaises(penstock.Invalid) as raised:
            self.client.submit("nosuch")
        self.assertEqual(raised.exception.slug, "unknown-kind")

    def test_cancelling_what_runs(self):
        id = self.client.submit("hold", "/nowhere")
        until(lambda: self.client.status(id).get("progress") == 0.5, "progress")
        self.assertEqual(self.client.cancel(id), "telling")
        self.assertEqual(self.client.wait(id, timeout=10)["state"], "cancelled")

    def test_a_killed_worker_loses_nothing(self):
        release = self.path / "release"
        doomed = self.start_worker()
        until(lambda: len(self.client.workers()) == 2, "a second worker")
        ids = [self.client.submit("hold", str(release)) for _ in range(4)]
        until(lambda: all(self.state_of(id) == "running" for id in ids), "all running")
        doomed.kill()
        until(lambda: len(self.client.workers()) == 1, "the death to be seen")
        release.touch()
        attempts = [self.client.result(id, wait=10) for id in ids]
        self.assertEqual(sorted(attempts), [1, 1, 2, 2])


if __name__ == "__main__":
    unittest.main()
