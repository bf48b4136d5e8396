"""What docs/STORE.md says to type, typed: its questions to a store whose history is known, and its
backup and restore while somebody keeps the sink busy."""

import json
import re
import shutil
import subprocess
import threading
import unittest

from house import ROOT, House, until

JOBS = 50_000
DOCUMENT = (ROOT / "docs" / "STORE.md").read_text()


def block(language, behind):
    """The first one of that language behind these words of the document."""
    return re.search(rf"```{language}\n(.*?)```", DOCUMENT[DOCUMENT.index(behind):], re.DOTALL)[1]


def job(id, **payload):
    return {"kind": "note", "id": id, "payload": {"say": id, **payload}}


class StoreDocument(unittest.TestCase):
    def shell(self, house, command, seconds=120):
        done = subprocess.run(["sh", "-ec", command], cwd=house.folder, capture_output=True,
                              text=True, timeout=seconds, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""), command)
        return done.stdout

    def ask_file(self, house, question):
        """The rows that the question behind these words brings."""
        read = block("sh", "## Reading it").replace("-box", "-json").strip()
        said = self.shell(house, f'{read} "{block("sql", question).strip()}"')
        return json.loads(said) if said else []

    def submit(self, house, *jobs):
        for one in jobs:
            status, said, _ = house.ask("POST", "/v1/jobs", one)
            self.assertEqual(status, 202, said)

    def is_running(self, house, id):
        return house.ask("GET", f"/v1/jobs/{id}", or_none=True)[1].get("state") == "running"

    def lose(self, house, id, *processes):
        """Somebody has begun the job when these are killed; (its worker's name, by the sink)."""
        self.submit(house, job(id, seconds=2))
        until(lambda: self.is_running(house, id), 20, f"{id} runs")
        worker = house.ask("GET", f"/v1/jobs/{id}")[1]["worker"]
        for process in processes:
            process.kill()
        for process in processes:
            process.start()
        house.wait_until_ready()
        self.assertEqual(house.outcome(id, 60)["state"], "succeeded")
        return worker

    def test_the_five_questions(self):
        with House(durable=True) as house:
            worker = house.worker(slots=1)
            self.submit(house, job("report-17"), job("broken", fail="no paper"))
            for id in ("report-17", "broken"):
                house.outcome(id)
            with_worker = self.lose(house, "orphan", worker)
            with_ventilator = self.lose(house, "twice-orphan", house.ventilator, worker)
            worker.kill()
            until(lambda: not house.worker_names(), 20, "the worker is gone")
            self.submit(house, job("waiting-1"), job("waiting-2"))
            report, = self.ask_file(house, "What happened to this job?")
            self.assertEqual((report["id"], report["state"], report["kind"]),
                             ("report-17", "succeeded", "note"))
            counted = {row["state"]: row["jobs"] for row in self.ask_file(house, "How many are there")}
            self.assertEqual(counted, {"succeeded": 3, "failed": 1, "open": 2})
            failed, = self.ask_file(house, "What failed in the last hour")
            self.assertEqual((failed["code"], failed["message"], failed["jobs"]),
                             ("told-to", "no paper", 1))
            lost = {(row["id"], row["worker"], row["attempts"])
                    for row in self.ask_file(house, "Which workers lost jobs")}
            self.assertEqual(lost, {("orphan", with_worker, 1), ("twice-orphan", with_ventilator, 1)})
            waiting = [row["id"] for row in self.ask_file(house, "What has been open the longest?")]
            self.assertEqual(waiting, ["waiting-1", "waiting-2"])

    def test_a_copy_is_made_beside_a_busy_sink_and_what_was_there_is_back(self):
        with House(durable=True) as house, Writers(house) as writers:
            house.worker()
            house.penstock("echoes", "worker", "--ventilator", house.door, "--slots", "2")
            until(lambda: writers.accepted >= JOBS, 120, "there is something to copy")
            self.submit(house, job("early"))
            early = house.outcome("early")
            before = writers.accepted
            self.shell(house, block("sh", "A copy of a running sink's store"))
            until(lambda: writers.accepted > before, 30, "the sink was busy all the time")
            writers.stop()
            self.submit(house, job("late"))
            house.outcome("late")
            shutil.copy(house.folder / "copy.db", house.folder / "kept.db")
            for process in house.processes:
                process.kill()  # what they still had open would come back otherwise
            self.shell(house, block("sh", "To restore"))
            for process in house.processes:
                process.start()
            house.wait_until_ready()
            self.assertEqual(house.ask("GET", "/v1/jobs/early")[1], early)
            self.assertEqual(house.ask("GET", "/v1/jobs/late")[0], 404)
            self.assertGreaterEqual(self.jobs_in(house, "kept.db"), JOBS)
            self.assertEqual(self.jobs_in(house, "jobs.db"), self.jobs_in(house, "kept.db"))
            until(lambda: self.open_jobs(house) == 0, 120, "what was open then is done")

    def jobs_in(self, house, file):
        return int(self.shell(house, f"sqlite3 -readonly {file} 'SELECT count(*) FROM jobs'"))

    def open_jobs(self, house):
        return house.ask("GET", "/v1/stats")[1]["open_jobs"]


class Writers:
    """Keep the sink committing: two who submit in bulk, one after the other's answer."""

    def __init__(self, house):
        self._house, self._left = house, threading.Event()
        self._threads = [threading.Thread(target=self._submit, args=(i,)) for i in range(2)]
        self._accepted = [0, 0]

    @property
    def accepted(self):
        return sum(self._accepted)

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        self._left.set()
        for thread in self._threads:
            thread.join()

    def _submit(self, who):
        body = json.dumps([{"kind": "echo", "payload": "x" * 100}] * 500).encode()
        while not self._left.is_set():
            if self._house.ask("POST", "/v1/jobs/bulk", body, or_none=True)[0] == 202:
                self._accepted[who] += 500


if __name__ == "__main__":
    unittest.main()
