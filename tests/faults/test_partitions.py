"""Roles that stop, links that break, in both directions or in one: every accepted job has exactly one
outcome, and ran once where nobody had a reason to run it again."""

import collections
import itertools
import signal
import threading
import time
import unittest

from house import need_root, until
from network import Network, SpreadHouse

EVERY = 0.03  # seconds between two submissions
PAIRS = (("gateway", "ventilator"), ("gateway", "sink"), ("ventilator", "sink"),
         ("ventilator", "worker-a"), ("sink", "worker-a"))


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
            id = f"{self._name}{i}"
            body = {"kind": "note", "id": id, "payload": {"say": id, "seconds": 0.02}}
            status, *_ = self._house.ask("POST", "/v1/jobs", body, patience=4, or_none=True)
            if status == 202:
                self.accepted.append(id)
                i += 1


Seen = collections.namedtuple("Seen", "again began_meanwhile")


class Partitions(unittest.TestCase):
    faults = itertools.count(1)  # each has jobs of its own: a name that was used is no new job

    @classmethod
    def setUpClass(cls):
        need_root(cls("test_sink_stopped"), "it gives each role a network namespace of its own")
        cls.network = Network()
        cls.network.__enter__()
        cls.addClassCleanup(cls.network.__exit__)
        cls.house = SpreadHouse(cls.network)
        cls.addClassCleanup(cls.house.__exit__, None)
        cls.house.__enter__()
        until(lambda: len(cls.house.worker_names()) >= 2, 40, "both workers are there")

    def during(self, fault, patience=60):
        """Jobs come and are run before, during and after the fault. Which of them ran how often, if
        more than once, and how many runs began while it lasted."""
        name = f"fault-{next(self.faults)}-"
        self.assertEqual(self.began(name), [], "these are old jobs")
        with Client(self.house, name) as client:
            until(lambda: len(client.accepted) >= 10 and len(self.began(name)) >= 5, 30,
                  "jobs are accepted and run before")
            before = len(self.began(name))
            fault()
            meanwhile = len(self.began(name)) - before
            accepted, ran = len(client.accepted), len(self.began(name))
            until(lambda: len(client.accepted) >= accepted + 10
                  and len(self.began(name)) >= ran + 10, patience, "jobs are accepted and run after")
        for id in client.accepted:
            found = self.house.outcome(id, patience)
            self.assertEqual((found["state"], found["result"]), ("succeeded", id))
        runs = collections.Counter(self.began(name))
        self.assertLessEqual(set(client.accepted), set(runs))
        return Seen({id: count for id, count in runs.items() if count > 1}, meanwhile)

    def began(self, name):
        """The ids of what began, once for each run."""
        return [id for id, *_ in self.house.started() if id.startswith(name)]

    def assert_each_ran_once(self, fault):
        self.assertEqual(self.during(fault).again, {})

    def assert_each_ran_once_and_others_went_on(self, fault, again=0):
        """Nobody but one worker has the fault, so the other one begins jobs while it lasts. `again` is how
        many may run again."""
        seen = self.during(fault)
        self.assertLessEqual(len(seen.again), again, seen.again)
        self.assertGreater(seen.began_meanwhile, 5)

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

    def flap(self, host):
        """Down for less than TCP waits before it sends again, so that some of it gets through."""
        def fault():
            for _ in range(6):
                self.network.link(host, up=False)
                time.sleep(0.1)
                self.network.link(host, up=True)
                time.sleep(0.2)
        return fault

    def assert_a_cut_does_no_harm(self, *ways):
        """Each way is a host, and another one of which it hears nothing."""
        dropped = []

        def fault():
            for at, from_ in ways:
                self.network.drop(at, from_)
            time.sleep(2)
            dropped.extend(self.network.dropped(at) for at, _ in ways)
            for at, _ in ways:
                self.network.heal(at)

        if "worker-a" in ways[0]:
            # What the ventilator had sent goes elsewhere after 1.5 s of silence. It may yet arrive, and be
            # begun before the word that it isn't wanted any more.
            again = 4 if "ventilator" in ways[0] else 0
            self.assert_each_ran_once_and_others_went_on(fault, again)
        else:
            self.assert_each_ran_once(fault)
        self.assertGreater(sum(dropped), 0, "nobody said anything that the cut could stop")

    def test_ventilator_stopped(self):
        self.assert_each_ran_once(self.stop_for(self.house.ventilator, 3))

    def test_sink_stopped(self):
        self.assert_each_ran_once(self.stop_for(self.house.sink, 3))

    def test_gateway_stopped(self):
        self.assert_each_ran_once(self.stop_for(self.house.gateway, 3))

    def test_worker_stopped(self):
        self.assert_each_ran_once_and_others_went_on(self.stop_for(self.house.worker_a, 3))

    def test_link_down_for_3_s(self):
        for host in ("ventilator", "sink", "gateway"):
            with self.subTest(host):
                self.assert_each_ran_once(self.down_for(host, 3))
        with self.subTest("worker-a"):
            self.assert_each_ran_once_and_others_went_on(self.down_for("worker-a", 3))

    def test_link_down_for_12_s(self):
        """Longer than TCP waits: connections end, and what may not have arrived is sent again."""
        for host in ("sink", "ventilator", "worker-a"):
            with self.subTest(host):
                again = self.during(self.down_for(host, 12), patience=90).again
                self.assertLessEqual(len(again), 8, again)  # what was under way, no more

    def test_one_way(self):
        for one, other in PAIRS:
            for at, from_ in ((one, other), (other, one)):
                with self.subTest(f"{at} hears nothing of {from_}"):
                    self.assert_a_cut_does_no_harm((at, from_))

    def test_two_way(self):
        """Neither hears the other, and everybody else hears both."""
        for one, other in PAIRS:
            with self.subTest(f"{one} and {other}"):
                self.assert_a_cut_does_no_harm((one, other), (other, one))

    def test_half_open_worker(self):
        """A worker is killed, and its host's word that its connections have ended reaches nobody. The
        next one, on the same host and address, is not taken for it."""
        worker, both = self.house.worker_a, []

        def fault():
            self.network.drop_farewells("worker-a")
            old = worker.pid
            worker.kill()
            worker.start()
            until(lambda: self.is_known(worker.pid), 30, "the new one has joined")
            both.append(self.is_known(old))
            self.network.heal("worker-a")

        again = self.during(fault, patience=90).again
        self.assertEqual(both, [True], "nothing was half open: the ventilator knew of the death")
        self.assertLessEqual(len(again), 2)  # its slots

    def is_known(self, pid):
        return any(f"-{pid}-" in name for name in self.house.worker_names())

    def test_half_open(self):
        """A peer has connections to the dead one while the next one works."""
        with self.subTest("gateway"):
            self.assert_each_ran_once(
                self.half_open(self.house.gateway, "ventilator", "the sink is there"))
        with self.subTest("ventilator"):
            again = self.during(self.half_open(self.house.ventilator, "gateway", "sink_here")).again
            self.assertLessEqual(len(again), 8, again)  # what was under way, no more

    def half_open(self, role, peer, says):
        def fault():
            self.network.drop_farewells(role.name)
            old, said = self.network.connections(peer, role.name), role.said().count(says)
            role.again()
            until(lambda: role.said().count(says) > said, 30, "the next one works")
            kept = old & self.network.connections(peer, role.name)
            self.network.heal(role.name)
            self.assertTrue(kept, "nothing was half open: the peer knew of the death")
        return fault

    def test_flapping(self):
        for host in ("ventilator", "sink", "gateway"):
            with self.subTest(host):
                self.assert_each_ran_once(self.flap(host))
        with self.subTest("worker-a"):
            self.assert_each_ran_once_and_others_went_on(self.flap("worker-a"))


class Fenced(unittest.TestCase):
    def test_a_ventilator_that_was_replaced_while_it_was_stopped(self):
        need_root(self, "it gives each role a network namespace of its own")
        with Network() as network, SpreadHouse(network) as house:
            ids = [f"job-{i}" for i in range(60)]
            for id in ids:
                body = {"kind": "note", "id": id, "payload": {"say": id, "seconds": 0.3}}
                self.assertEqual(house.ask("POST", "/v1/jobs", body)[0], 202)
            until(lambda: len(house.started()) >= 4, 20, "jobs run")
            old = house.ventilator
            old.send(signal.SIGSTOP)
            house.ventilator_on("second")
            house.worker_on("second", ventilator="second", name="second-worker")
            half = ids[len(ids) // 2:]
            for id in half:  # while the old one sleeps
                self.assertEqual(house.outcome(id, 60)["state"], "succeeded")
            old.send(signal.SIGCONT)
            found = [house.outcome(id, 60) for id in ids]
            self.assertEqual({(job["state"], job["result"]) for job in found},
                             {("succeeded", id) for id in ids})
            until(lambda: "fenced" in old.said(), 20, "it is told so")
            self.assertEqual([house.outcome(id) for id in ids], found)
            runs = collections.Counter(id for id, *_ in house.started())
            self.assertEqual(set(runs), set(ids))
            again = [id for id, count in runs.items() if count > 1]
            self.assertLessEqual(len(again), 8, again)  # what two workers of two slots had


if __name__ == "__main__":
    unittest.main()
