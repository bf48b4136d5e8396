"""Jobs that kill, or hang, whoever runs them: they end, and nobody else suffers for it."""

import json
import os
import subprocess
import time
import unittest

from house import PENSTOCK, House, until

GOOD = 10_000
BUSY = float(os.environ.get("PENSTOCK_BUSY_SECONDS", "20"))  # 210 by hand
HOLD = float(os.environ.get("PENSTOCK_HOLD_SECONDS", "0"))  # of the global lock, besides


class Supervisor:
    """Starts workers again that died, whenever it is asked to look after them."""

    def __init__(self, workers):
        self._workers, self.deaths = workers, 0

    def look(self):
        for worker in self._workers:
            if not worker.alive:
                self.deaths += 1
                worker.start()

    def until(self, condition, seconds, what):
        return until(lambda: self.look() or condition(), seconds, what)


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
            supervisor = Supervisor(house.workers)
            status, said, _ = house.ask("POST", "/v1/jobs/bulk", bulk)
            self.assertEqual((status, len(said["ids"])), (202, GOOD + 1), said.get("errors"))
            self.until_quarantined(house, supervisor, "poison")
            supervisor.until(lambda: sum(self.states(house).values()) == GOOD + 1, 90,
                             "every job has its outcome")
            self.assertEqual(self.states(house), {"succeeded": GOOD, "quarantined": 1})
            runs = [attempt for id, attempt, *_ in house.started() if id == "poison"]
            # Three deaths count. At one before, a job whose result died with the worker may have
            # looked like the one that ran.
            self.assertIn(len(runs), (3, 4))
            self.assertEqual({id for id, *_ in house.ended()}, {f"good-{i}" for i in range(GOOD)})
            again = self.retried(house, "poison")
            self.assertNotEqual(again, "poison")
            self.until_quarantined(house, supervisor, again)
            self.assertEqual(house.outcome("poison")["state"], "quarantined")
            poisoned = [id for id, *_ in house.started() if id in ("poison", again)]
            self.assertLessEqual(supervisor.deaths, len(poisoned))
            self.assertLessEqual(len(poisoned), 8)

    def until_quarantined(self, house, supervisor, id):
        def state():
            return (house.ask("GET", f"/v1/jobs/{id}", or_none=True)[1] or {}).get("state")
        supervisor.until(lambda: state() not in (None, "queued", "running", "delayed"), 90,
                         f"{id} has its outcome")
        self.assertEqual(state(), "quarantined")

    def states(self, house):
        """How many jobs of the house are in which final state."""
        kinds = house.ask("GET", "/v1/stats")[1]["kinds"]
        row = next(row for row in kinds if row["kind"] == "note")
        return {state: row[state] for state in ("succeeded", "failed", "quarantined", "cancelled",
                                                "expired") if row.get(state)}

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
            until(lambda: house.ask("GET", "/v1/workers")[1]["workers"], 20, "it joins")
            warm = [{"kind": "note", "id": f"warm-{i}", "payload": {}} for i in range(200)]
            house.ask("POST", "/v1/jobs/bulk", warm)  # short ones: more is sent than it has slots
            for i in range(200):
                house.outcome(f"warm-{i}")
            pipe = house.folder / "go"
            os.mkfifo(pipe)
            bulk = [{"kind": "note", "id": "hog", "payload": {"hold": str(pipe)}}]
            bulk += [{"kind": "note", "id": f"behind-{i}", "payload": {}} for i in range(20)]
            house.ask("POST", "/v1/jobs/bulk", bulk)
            until(lambda: any(id == "hog" for id, *_ in house.started()), 10, "it runs")
            house.worker()
            for i in range(20):
                self.assertEqual(house.outcome(f"behind-{i}", 60)["state"], "succeeded")
            self.assertEqual(house.ask("GET", "/v1/jobs/hog")[1]["state"], "running")
            time.sleep(HOLD)
            os.close(os.open(pipe, os.O_WRONLY))
            self.assertEqual(house.outcome("hog")["state"], "succeeded")
            runs = [(id, worker) for id, _, worker, _ in house.started()]
            self.assertEqual(len([1 for id, _ in runs if id == "hog"]), 1, runs[200:])
            self.assertEqual({worker for id, worker in runs if id.startswith("behind")}, {"worker-1"})

    def test_a_plain_worker_that_is_busy_for_long_runs_its_job_once(self):
        with House() as house:
            house.worker(plain=True)
            house.worker(plain=True)
            house.ask("POST", "/v1/jobs", {"kind": "note", "id": "long", "payload": {"seconds": BUSY}})
            self.assertEqual(house.outcome("long", BUSY + 40)["state"], "succeeded")
            self.assertEqual([(id, attempt) for id, attempt, *_ in house.started()], [("long", 1)])


if __name__ == "__main__":
    unittest.main()
