"""kill -9 of the sink and of the ventilator while a worker runs: each job runs once."""

import signal
import unittest

import penstock
from tests.fakes import until
from tests.house import BINARY, HouseCase

APP = """
import os, time, penstock
worker = penstock.Worker()

def say(job):
    with open("marks", "ab", buffering=0) as file:
        file.write(f"{job.id}\\n".encode())

@worker.kind("mark")
def mark(payload, job):
    say(job)
    time.sleep(payload)
    return job.attempt

@worker.kind("fail")
def fail(payload, job):
    say(job)
    time.sleep(payload)
    raise penstock.Fail("as-asked", "", retryable=False)

@worker.kind("hold")
def hold(payload, job):
    say(job)
    while not os.path.exists("release"):
        time.sleep(0.005)
    if payload == "fail":
        raise penstock.Fail("as-asked", "", retryable=False)
"""


class RecoveryTest(HouseCase):
    """The roles are processes of their own."""

    app = APP

    @classmethod
    def start_house(cls):
        cls.start_sink()
        cls.start_ventilator()
        cls.start(BINARY, "gateway", "--http", cls.http, "--ventilator",
                  f"tcp://127.0.0.1:{cls.door}", "--sink", f"tcp://127.0.0.1:{cls.door + 2}")

    @classmethod
    def start_sink(cls):
        cls.sink = cls.start(BINARY, "sink", "--bind", f"127.0.0.1:{cls.door + 2}",
                             "--store", "jobs.db", "--sync", "normal")

    @classmethod
    def start_ventilator(cls):
        cls.ventilator = cls.start(BINARY, "ventilator", "--bind", f"127.0.0.1:{cls.door}",
                                   "--sink", f"tcp://127.0.0.1:{cls.door + 2}")

    def setUp(self):
        (self.path / "marks").write_bytes(b"")
        (self.path / "release").unlink(missing_ok=True)

    def marks(self):
        return (self.path / "marks").read_text().split()

    def state_of(self, id):
        try:
            return super().state_of(id)
        except penstock.Unavailable:
            return None  # the sink is being started

    def kill(self, process):
        process.kill()
        process.wait()

    def all_ended_and_ran_once(self, ids, state="succeeded", of=None):
        for id in ids:
            until(lambda: self.state_of(id) == state, f"{id} is {state}", deadline=30)
        marks = self.marks()
        self.assertEqual((len(marks), len(set(marks))), (of or len(ids),) * 2)
        self.assertLessEqual(set(ids), set(marks))

    def kill_the_sink_at(self, so_many):
        for least in so_many:
            until(lambda: len(self.marks()) >= least, f"{least} have begun", deadline=30)
            self.kill(self.sink)
            self.start_sink()

    def test_the_sink(self):
        ids = self.client.bulk(("mark", 0.01) for _ in range(600)).ids
        self.kill_the_sink_at((50, 150, 250, 350, 450))
        self.all_ended_and_ran_once(ids)

    def test_the_sink_while_jobs_fail(self):
        ids = self.client.bulk(("fail", 0.01) for _ in range(600)).ids
        self.kill_the_sink_at((50, 150, 250, 350, 450))
        self.all_ended_and_ran_once(ids, "failed")

    def test_results_that_are_there_before_the_ventilator(self):
        fails, succeeds = (self.client.submit("hold", what) for what in ("fail", "succeed"))
        until(lambda: len(self.marks()) == 2, "both run")
        self.ventilator.send_signal(signal.SIGSTOP)
        try:
            self.kill(self.sink)
            (self.path / "release").touch()
            self.start_sink()
            until(lambda: self.state_of(succeeds) == "succeeded", "the sink has read what was kept")
        finally:
            self.ventilator.send_signal(signal.SIGCONT)
        self.all_ended_and_ran_once([fails], "failed", of=2)

    def test_a_ventilator_that_was_stopped_for_longer_than_three_pings(self):
        id = self.client.submit("hold", "")
        until(self.marks, "it runs")
        joined = self.log_of(self.worker).count("joined as")
        said = self.log_of(self.worker).count("fallen silent")
        self.ventilator.send_signal(signal.SIGSTOP)
        try:
            until(lambda: self.log_of(self.worker).count("fallen silent") > said,
                  "the worker has left its lane", deadline=30)
        finally:
            self.ventilator.send_signal(signal.SIGCONT)
        until(lambda: self.log_of(self.worker).count("joined as") > joined, "it joined again")
        (self.path / "release").touch()
        self.all_ended_and_ran_once([id])
        self.assertEqual(self.client.status(id).get("deaths", 0), 0)

    def test_the_ventilator(self):
        # For longer than it waits for a worker to name what it runs.
        ids = [self.client.submit("mark", 5.0)]
        until(self.marks, "it runs")
        # Known to run, so that the next ventilator waits for its worker.
        until(lambda: self.state_of(ids[0]) == "running", "the sink knows that it runs")
        self.kill(self.ventilator)
        self.start_ventilator()
        self.all_ended_and_ran_once(ids)
        until(lambda: len(self.client.workers()) == 1, "the same worker, joined again")


if __name__ == "__main__":
    unittest.main()
