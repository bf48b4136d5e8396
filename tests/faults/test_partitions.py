"""Roles that stop, links that break, in both directions or in one: every accepted job has exactly one
outcome, and ran once where nobody had a reason to run it again."""

import collections
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
        self.assertEqual(self.during(self.stop_for(self.house.worker_a, 3))[0], {})

    def test_link_down_for_3_s(self):
        for host in ("ventilator", "sink", "gateway", "worker-a"):
            with self.subTest(host):
                self.assertEqual(self.during(self.down_for(host, 3))[0], {})

    def test_link_down_for_12_s(self):
        """Longer than TCP waits: connections end, and what may not have arrived is sent again."""
        for host in ("sink", "ventilator", "worker-a"):
            with self.subTest(host):
                again, _ = self.during(self.down_for(host, 12), patience=90)
                self.assertLessEqual(len(again), 8, again)  # what was under way, no more

    def test_one_way(self):
        for at, from_ in (("sink", "worker-a"), ("worker-a", "sink"), ("ventilator", "worker-a"),
                          ("worker-a", "ventilator"), ("ventilator", "sink"),
                          ("sink", "ventilator"), ("sink", "gateway"), ("gateway", "sink")):
            with self.subTest(f"{at} hears nothing of {from_}"):
                self.assertEqual(self.during(self.one_way_for(at, from_, 3))[0], {})

    def test_half_open(self):
        """A worker that is killed while its link is down: nobody hears that its connections ended.
        The next one, on the same host and address, is not taken for it."""
        worker = self.house.worker_a

        def fault():
            self.network.link("worker-a", up=False)
            worker.kill()
            time.sleep(1)
            self.network.link("worker-a", up=True)
            worker.start()

        again, _ = self.during(fault, patience=90)
        self.assertLessEqual(len(again), 2)  # its slots

    def test_flapping(self):
        def fault():
            for i in range(50):
                self.network.link("ventilator", up=i % 2)
                time.sleep(0.1)
            self.network.link("ventilator", up=True)

        self.assertEqual(self.during(fault)[0], {})


class Fenced(unittest.TestCase):
    def test_a_ventilator_that_was_replaced_while_it_was_stopped(self):
        need_root(self, "it gives each role a network namespace of its own")
        with Network() as network, SpreadHouse(network) as house:
            ids = [f"job-{i}" for i in range(60)]
            for id in ids:
                body = {"kind": "note", "id": id, "payload": {"say": id, "seconds": 0.3}}
                self.assertEqual(house.ask("POST", "/v1/jobs", body)[0], 202)
            house.until(lambda: len(house.started()) >= 4, 20, "jobs run")
            old = house.ventilator
            old.send(signal.SIGSTOP)
            house.ventilator_on("second")
            house.worker_on("second", ventilator="second")
            half = ids[len(ids) // 2:]
            for id in half:  # while the old one sleeps
                self.assertEqual(house.outcome(id, 60)["state"], "succeeded")
            old.send(signal.SIGCONT)
            found = [house.outcome(id, 60) for id in ids]
            self.assertEqual({(job["state"], job["result"]) for job in found},
                             {("succeeded", id) for id in ids})
            house.until(lambda: not old.alive or "fenced" in old.said(), 20, "it is told so")
            time.sleep(1)  # in which nothing that it does may change an outcome
            self.assertEqual([house.outcome(id) for id in ids], found)
            runs = collections.Counter(id for id, *_ in house.started())
            self.assertEqual(set(runs), set(ids))
            again = [id for id, count in runs.items() if count > 1]
            self.assertLessEqual(len(again), 8, again)  # what two workers of two slots had


if __name__ == "__main__":
    unittest.main()
