"""kill -9 of the sink and of the ventilator while a worker runs: each job runs once."""

import unittest

from tests.fakes import until
from tests.house import BINARY, HouseCase

APP = """
import os, time, penstock
worker = penstock.Worker()

@worker.kind("mark")
def mark(payload, job):
    with open("marks", "ab", buffering=0) as file:
        file.write(f"{job.id}\\n".encode())
    time.sleep(payload)
    return job.attempt
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

    def marks(self):
        return (self.path / "marks").read_text().split()

    def kill(self, process):
        process.kill()
        process.wait()

    def all_succeed_and_ran_once(self, ids):
        for id in ids:
            until(lambda: self.state_of(id) == "succeeded", f"{id} is done", deadline=30)
        self.assertEqual(sorted(self.marks()), sorted(ids))

    def test_the_sink(self):
        ids = self.client.bulk(("mark", 0.01) for _ in range(600)).ids
        for so_many in (50, 150, 250, 350, 450):
            until(lambda: len(self.marks()) >= so_many, f"{so_many} have begun", deadline=30)
            self.kill(self.sink)
            self.start_sink()
        self.all_succeed_and_ran_once(ids)

    def test_the_ventilator(self):
        # For longer than it waits for a worker to name what it runs.
        ids = [self.client.submit("mark", 5.0)]
        until(self.marks, "it runs")
        # Known to run, so that the next ventilator waits for its worker.
        until(lambda: self.state_of(ids[0]) == "running", "the sink knows that it runs")
        self.kill(self.ventilator)
        self.start_ventilator()
        self.all_succeed_and_ran_once(ids)
        until(lambda: len(self.client.workers()) == 1, "the same worker, joined again")


if __name__ == "__main__":
    unittest.main()
