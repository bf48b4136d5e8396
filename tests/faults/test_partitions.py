"""Roles that stop, links that break, in both directions or in one: every accepted job has exactly one
outcome, and ran once where nobody had a reason to run it again."""

import collections
import os
import signal
import threading
import time
import unittest

from network import Network, SpreadHouse
from processes import need_root

EVERY = 0.03  # seconds between two submissions


class Client(threading.Thread):
    """Submits the whole time; an id that got no certain answer is submitted again."""

    def __init__(self, house, name):
        super().__init__()
        self._house, self._name = house, name
        self._left = threading.Event()
        self.accepted = []

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self._left.set()
        self.join()

    def run(self):
        i = 0
        while not self._left.wait(EVERY):
            id = f"{self._name}-{i}"
            body = {"kind": "note", "id": id, "payload": {"say": id, "seconds": 0.02}}
            status, *_ = self._house.ask("POST", "/v1/jobs", body, patience=4, or_none=True)
            if status == 202:
                self.accepted.append(id)
                i += 1


class Partitions(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        need_root(cls("test_sink_stopped"), "it gives each role a network namespace of its own")
        cls.network = Network()
        cls.network.__enter__()
        cls.addClassCleanup(cls.network.__exit__)
        cls.house = SpreadHouse(cls.network)
        cls.addClassCleanup(cls.house.__exit__, None)
        cls.house.__enter__()
        cls.wait_for_workers()

    @classmethod
    def wait_for_workers(cls):
        cls.house.until(lambda: len((cls.house.ask("GET", "/v1/workers", or_none=True)[1] or {})
                                    .get("workers", [])) >= 2, 40, "both workers are there")

    def during(self, fault, patience=60):
        """Jobs come before, during and after; (their attempts by id, how many)."""
        name = self.id().rsplit(".", 1)[1].removeprefix("test_")
        with Client(self.house, name) as client:
            self.house.until(lambda: len(client.accepted) >= 10, 30, "jobs are accepted before")
            fault()
            before = len(client.accepted)
            self.house.until(lambda: len(client.accepted) >= before + 10, patience,
                             "jobs are accepted after")
        for id in client.accepted:
            found = self.house.outcome(id, patience)
            self.assertEqual((found["state"], found["result"]), ("succeeded", id))
        runs = collections.Counter(id for id, *_ in self.house.started() if id.startswith(name))
        self.assertLessEqual(set(client.accepted), set(runs))
        return {id: count for id, count in runs.items() if count > 1}, len(client.accepted)

    def stop_for(self, process, seconds):
        def fault():
            process.send(signal.SIGSTOP)
            time.sleep(seconds)
            process.send(signal.SIGCONT)
        return fault

    def down_for(self, host, seconds):
        def fault():
            self.network.link(host, up=False)
            time.sleep(seconds)
            self.network.link(host, up=True)
        return fault

    def one_way_for(self, at, from_, seconds):
        def fault():
            self.network.drop(at, from_)
            time.sleep(seconds)
            self.network.heal(at)
        return fault

    def test_ventilator_stopped(self):
        self.assertEqual(self.during(self.stop_for(self.house.ventilator, 3))[0], {})

    def test_sink_stopped(self):
        self.assertEqual(self.during(self.stop_for(self.house.sink, 3))[0], {})

    def test_gateway_stopped(self):
        self.assertEqual(self.during(self.stop_for(self.house.gateway, 3))[0], {})

    def test_worker_stopped(self):
        again, _ = self.during(self.stop_for(self.house.worker_a, 3))
        self.assertLessEqual(len(again), 2)  # no more than its slots

    def test_link_down_for_3_s(self):
        for host in ("ventilator", "sink", "gateway", "worker-a"):
            with self.subTest(host):
                self.assertEqual(self.during(self.down_for(host, 3))[0], {})


if __name__ == "__main__":
    unittest.main()
