"""Workers as processes of their own: the command line, signals, and the worker without an SDK."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import msgpack

from tests.fakes import FakePipeline

HERE = pathlib.Path(__file__).resolve().parent
APP = """
import os, time, penstock
worker = penstock.Worker()

@worker.kind("hold")
def hold(job):
    job.progress(0, "holding")
    while not os.path.exists(job.payload):
        time.sleep(0.005)
    return "done"

@worker.kind("echo")
def echo(payload):
    return payload
"""


class ProcessTest(unittest.TestCase):
    def setUp(self):
        self.pipeline = FakePipeline()
        self.folder = tempfile.TemporaryDirectory()
        self.path = pathlib.Path(self.folder.name)
        (self.path / "app.py").write_text(APP)
        self.release = self.path / "release"
        self.process = None

    def tearDown(self):
        if self.process is not None:
            self.process.kill()
            self.process.communicate()
        self.pipeline.close()
        self.folder.cleanup()

    def start(self, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, *arguments], cwd=self.path, stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONPATH": str(HERE.parent)})

    def start_worker(self, *more):
        self.start("-m", "penstock", "worker", "app:worker", "--ventilator", self.pipeline.address,
                   "--quiet", *more)

    def hold(self):
        self.pipeline.give((1, "a", str(self.release)), (2, "b", "x"), kind="hold")
        self.pipeline.told("heartbeat", lambda beat: beat["running"] == [1])

    def ended(self):
        return self.process.wait(10)

    def test_sigterm_drains(self):
        self.start_worker()
        self.pipeline.grant()
        self.hold()
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.pipeline.told("bye")["waiting"], [2])
        self.release.touch()
        self.assertEqual(self.pipeline.value(), "done")
        self.assertEqual(self.ended(), 0)

    def test_a_second_sigterm_ends_it_at_once(self):
        self.start_worker()
        self.pipeline.grant()
        self.hold()
        self.process.send_signal(signal.SIGTERM)
        self.pipeline.told("bye")
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.ended(), -signal.SIGTERM)

    def test_sigterm_before_there_is_a_ventilator(self):
        (self.path / "app.py").write_text(
            APP + "\n@worker.startup\ndef say(): open('started', 'w')\n")
        self.pipeline.control.close(linger=0)
        self.start_worker()
        while not (self.path / "started").exists():
            self.assertIsNone(self.process.poll())
            time.sleep(0.005)
        time.sleep(0.1)  # the signal's handler is set just after startup
        self.process.send_signal(signal.SIGTERM)
        self.assertEqual(self.ended(), 0)

    def test_a_stopped_process_drops_what_it_had_not_started(self):
        self.start_worker()
        self.pipeline.grant()
        self.hold()
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)  # until then its threads may go on
        self.release.touch()
        time.sleep(2.5)  # longer than a worker may sleep: that is the case
        self.process.send_signal(signal.SIGCONT)
        self.assertEqual(self.pipeline.value(), "done")
        self.assertIn(self.pipeline.grant()["running"], ([1], []))
        self.pipeline.give((3, "c", "last"))
        self.assertEqual(self.pipeline.value(), "last")  # b never ran here

    def test_what_a_worker_offers_is_said_by_flags(self):
        self.start_worker("--slots", "3", "--labels", "gpu,large", "--min-priority", "7")
        join = self.pipeline.grant()
        self.assertEqual((join["slots"], join["labels"], join["min_priority"]),
                         (3, ["gpu", "large"], 7))

    def says(self, *arguments):
        self.start("-m", "penstock", "worker", *arguments)
        said = self.process.communicate(timeout=20)[1].decode()
        self.assertNotEqual(self.process.returncode, 0)
        self.assertNotIn("Traceback", said)
        return said

    def test_errors_at_start_say_what_to_do(self):
        self.assertIn("in the directory that holds nosuch.py", self.says("nosuch:worker"))
        self.assertIn("MODULE:NAME", self.says("app:hold"))
        self.assertIn("from 1 to 1000", self.says("app:worker", "--slots", "0"))
        self.assertIn("tcp://HOST:PORT", self.says("app:worker", "--ventilator", "nowhere"))
        self.assertIn("there are echo, hold", self.says("app:worker", "--kinds", "other"))

    def test_a_mistake_in_the_module_shows_where(self):
        (self.path / "app.py").write_text("import nothing_of_that_name")
        self.start("-m", "penstock", "worker", "app:worker")
        said = self.process.communicate(timeout=20)[1].decode()
        self.assertIn('app.py", line 1', said)

    def test_the_plain_worker(self):
        control = f"tcp://127.0.0.1:{self.pipeline.port + 1}"
        self.start(str(HERE.parent / "examples" / "plain_worker.py"), control)
        join = self.pipeline.grant(ping=0.2)
        self.assertEqual(join, {"type": "join", "kinds": ["add"], "slots": 1, "via": control})
        for number in (1, 2):
            self.pipeline.say({"type": "ping"})
            self.pipeline.say({"type": "job", "id": "x", "kind": "add", "attempt": 1, "epoch": 3,
                               "number": number, "timeout": 5.0, "payload": {"a": 3, "b": 4}})
            self.assertTrue(self.pipeline.sink.poll(10_000))
            self.assertEqual(
                msgpack.unpackb(self.pipeline.sink.recv()),
                {"type": "result", "id": "x", "value": 7, "attempt": 1, "epoch": 3})
            self.pipeline.grant(ping=0.2)  # silence: it joins again


if __name__ == "__main__":
    unittest.main()
