"""Jobs that kill, or hang, whoever runs them: they end, and nobody else suffers for it."""

import json
import subprocess
import threading
import time
import unittest

from processes import PENSTOCK, House

GOOD = 10_000


class Supervisor:
    """Starts workers again that died, until it is left."""

    def __init__(self, workers):
        self._workers, self._left = workers, threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.deaths = 0

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._left.set()
        self._thread.join()

    def _run(self):
        while not self._left.wait(0.05):
            for worker in self._workers:
                if not worker.alive:
                    self.deaths += 1
                    worker.start()


class Poison(unittest.TestCase):
    def submit(self, house, id, **payload):
        status, said, _ = house.ask("POST", "/v1/jobs",
                                    {"kind": "note", "id": id, "payload": payload})
        self.assertEqual(status, 202, said)

    def one_among_many(self, slots):
        with House() as house:
            for _ in range(3):
                house.worker(slots)
            bulk = [{"kind": "note", "id": f"good-{i}", "payload": {}} for i in range(GOOD)]
            bulk.insert(GOOD // 3, {"kind": "note", "id": "poison", "payload": {"die": True}})
            with Supervisor(house.workers) as supervisor:
                status, said, _ = house.ask("POST", "/v1/jobs/bulk", bulk)
                self.assertEqual((status, len(said["ids"])), (202, GOOD + 1), said.get("errors"))
                self.assertEqual(house.outcome("poison", 90)["state"], "quarantined")
                counted = self.states(house, GOOD + 1)
                self.assertEqual(counted, {"succeeded": GOOD, "quarantined": 1})
                runs = [attempt for id, attempt, *_ in house.started() if id == "poison"]
                # Three deaths count. At one before, a job whose result died with the worker may
                # have looked like the one that ran.
                self.assertIn(len(runs), (3, 4))
                self.assertEqual({id for id, *_ in house.ended()},
                                 {f"good-{i}" for i in range(GOOD)})
                again = self.retried(house, "poison")
                self.assertNotEqual(again, "poison")
                self.assertEqual(house.outcome(again, 60)["state"], "quarantined")
                self.assertEqual(house.outcome("poison")["state"], "quarantined")
                poisoned = [id for id, *_ in house.started() if id in ("poison", again)]
            self.assertLessEqual(supervisor.deaths, len(poisoned))
            self.assertLessEqual(len(poisoned), 8)

    def states(self, house, jobs):
        """How many jobs of the house are in which state, when none is open."""
        def counts():
            kinds = house.ask("GET", "/v1/stats")[1]["kinds"]
            row = next(row for row in kinds if row["kind"] == "note")
            return {state: row[state] for state in ("succeeded", "failed", "quarantined",
                                                    "cancelled", "expired") if row.get(state)}
        house.until(lambda: sum(counts().values()) == jobs, 90, "every job has its outcome")
        return counts()

    def retried(self, house, id):
        done = subprocess.run([PENSTOCK, "retry", id, "--gateway", f"http://127.0.0.1:{house.http[0]}",
                               "--json"], capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout.splitlines()[0])["id"]

    def test_one_job_among_ten_thousand_kills_workers_of_one_slot(self):
        self.one_among_many(slots=1)

    def test_one_job_among_ten_thousand_kills_workers_of_eight_slots(self):
        self.one_among_many(slots=8)


class Hanging(unittest.TestCase):
    def test_a_handler_that_keeps_python_busy_runs_once_and_what_waited_there_moves(self):
        with House() as house:
            house.worker()
            house.until(lambda: house.ask("GET", "/v1/workers")[1]["workers"], 20, "it joins")
            warm = [{"kind": "note", "id": f"warm-{i}", "payload": {}} for i in range(200)]
            house.ask("POST", "/v1/jobs/bulk", warm)  # short ones: more is sent than it has slots
            for i in range(200):
                house.outcome(f"warm-{i}")
            bulk = [{"kind": "note", "id": "hog", "payload": {"hold": 5}}]
            bulk += [{"kind": "note", "id": f"behind-{i}", "payload": {}} for i in range(20)]
            house.ask("POST", "/v1/jobs/bulk", bulk)
            house.until(lambda: any(id == "hog" for id, *_ in house.started()), 10, "it runs")
            other = house.worker()
            self.assertTrue(other.alive)
            for i in range(20):
                self.assertEqual(house.outcome(f"behind-{i}")["state"], "succeeded")
            self.assertEqual(house.ask("GET", "/v1/jobs/hog")[1]["state"], "running")
            self.assertEqual(house.outcome("hog")["state"], "succeeded")
            runs = house.started()
            self.assertEqual(len([1 for id, *_ in runs if id == "hog"]), 1, runs[200:])
            began = {id: at for id, _, _, at in runs}
            self.assertLess(max(at for id, at in began.items() if id.startswith("behind")),
                            began["hog"] + 4)

    def test_a_plain_worker_that_is_busy_for_long_runs_its_job_once(self):
        with House() as house:
            house.worker(plain=True)
            house.worker(plain=True)
            house.ask("POST", "/v1/jobs", {"kind": "note", "id": "long", "payload": {"seconds": 20}})
            self.assertEqual(house.outcome("long", 60)["state"], "succeeded")
            self.assertEqual([(id, attempt) for id, attempt, *_ in house.started()], [("long", 1)])


if __name__ == "__main__":
    unittest.main()
