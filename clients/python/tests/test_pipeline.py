"""Client and worker against the real thing."""

import unittest

import penstock
from tests.fakes import until
from tests.house import HouseCase

APP = """
import asyncio, os, time, penstock
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

calls = 0

@worker.batch("many", max=10, wait=0.05)
def many(jobs):
    global calls
    calls += 1
    return [penstock.Fail("odd", "as asked", False) if job.payload == 13 else [calls, len(jobs)]
            for job in jobs]

@worker.kind("doze")
async def doze(path):
    try:
        await asyncio.sleep(60)
    except asyncio.CancelledError:
        open(path, "w").close()
        raise

@worker.kind("count")
def count(job):
    for i in range(job.payload):
        job.progress(i / job.payload)
        job.partial({"i": i})
    return "done"

@worker.kind("sum")
def sum_of(payload):
    return sum(payload)

@worker.kind("bad")
def bad(payload):
    raise penstock.Fail("no-luck", "as asked", retryable=False)
"""


class PipelineTest(HouseCase):
    app = APP

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

    def test_jobs_that_wait_are_called_together(self):
        self.client.set_kind("many", paused=True)
        ids = self.client.bulk(("many", i) for i in range(25)).ids
        self.client.set_kind("many", paused=None)
        ended = [self.client.wait(id, timeout=10)["state"] for id in ids]
        self.assertEqual([i for i, state in enumerate(ended) if state != "succeeded"], [13])
        sizes = {}
        for i, id in enumerate(ids):
            if i != 13:
                call, size = self.client.result(id)
                sizes[call] = size
        self.assertEqual(sorted(sizes.values()), [5, 10, 10])

    def test_a_timeout_reaches_the_await(self):
        path = self.path / "woken"
        id = self.client.submit("doze", str(path), timeout=0.2)
        view = self.client.wait(id, timeout=10)
        self.assertEqual((view["state"], view["error"]["code"]), ("failed", "timeout"))
        until(path.exists, "the handler was cancelled")
        self.assertEqual(self.client.run("add", {"a": 1, "b": 1}, timeout=10), 2)

    def test_a_worker_for_high_priorities(self):
        self.start_worker("--kinds", "bad", "--labels", "odd", "--min-priority", "7")
        until(lambda: len(self.client.workers()) == 2, "a second worker")
        view = next(w for w in self.client.workers() if w["labels"] == ["odd"])
        self.assertEqual((view["kinds"], view["min_priority"]), (["bad"], 7))
        worker = self.processes.pop()
        worker.kill()
        worker.wait()
        until(lambda: len(self.client.workers()) == 1, "its death to be seen")

    # ---- what is ahead of the result

    def test_partials_and_the_result(self):
        pieces = self.client.partials(self.client.submit("count", 30))
        self.assertEqual([piece.value["i"] for piece in pieces], list(range(30)))
        self.assertEqual(pieces.result, "done")

    def test_events_of_a_job(self):
        release = self.path / "go on"
        id = self.client.submit("hold", str(release))
        whats = []
        for event in self.client.events(id):
            whats.append(event.what)
            if event.what == "progress" or event.data.get("progress"):
                release.touch()
        self.assertEqual((whats[0], whats[-1]), ("job", "job"))
        self.assertEqual(event.data["state"], "succeeded")
        self.assertIn("succeeded", whats)

    # ---- many that belong together

    def test_a_group_and_its_callback(self):
        group = self.client.group([("add", {"a": i, "b": i}) for i in range(50)],
                                  then={"kind": "sum", "id": "the-sum"})
        self.assertEqual(list(group.results()), [2 * i for i in range(50)])
        self.assertEqual(self.client.result("the-sum", wait=10), 50 * 49)
        self.assertEqual(group.status()["succeeded"], 50)

    def test_a_group_with_a_failure(self):
        group = self.client.group(["bad", ("add", {"a": 1, "b": 1})],
                                  on_failure={"kind": "double", "id": "told", "payload": None})
        with self.assertRaises(penstock.JobFailed):
            group.result(timeout=10)
        self.assertEqual([view["state"] for view in group.outcomes()], ["failed", "succeeded"])
        told = self.client.result("told", wait=10)
        self.assertEqual((told[0]["error"]["code"], told[1]["state"]), ("no-luck", "succeeded"))

    def test_the_first_success_is_enough(self):
        group = self.client.group([("hold", "/nowhere"), ("double", 4)], mode="first")
        self.assertEqual(group.result(timeout=10), 8)
        self.assertEqual([view["state"] for view in group.outcomes()], ["cancelled", "succeeded"])

    def test_a_chain(self):
        chain = self.client.chain([("double", 4), "double", "double"])
        self.assertEqual(chain.result(timeout=10), 32)

    def test_map(self):
        results = self.client.map("double", range(1200), piece=500, ahead=2)
        self.assertEqual(list(results), [2 * i for i in range(1200)])

    def test_wait_retry_purge(self):
        ids = [self.client.submit("bad", tags=["thrown"]) for _ in range(3)]
        self.assertEqual(len(self.client.wait_all(ids, timeout=10).done), 3)
        again = self.client.retry(ids[0])
        self.assertEqual(self.client.wait(again, timeout=10)["retry_of"], ids[0])
        self.assertEqual(len(self.client.retry_many(ids)), 3)
        self.client.wait_all([view["id"] for view in self.client.list(tag="thrown")], timeout=10)
        self.assertEqual(self.client.purge(tag="thrown", dry_run=True), 7)
        self.assertEqual(self.client.purge(tag="thrown"), 7)
        self.assertEqual(list(self.client.list(tag="thrown")), [])

    def test_cancel_many_and_explain(self):
        ids = self.client.bulk({"kind": "add", "needs": ["gpu"], "tags": ["never"]}
                               for _ in range(20)).ids
        # The client hears that it is stored before the ventilator does.
        until(lambda: self.client.explain(ids[0])["why"] == "no-worker", "no worker has that label")
        self.assertEqual(self.client.wait_any(ids, timeout=0.01), ([], ids))
        self.assertEqual(self.client.cancel_many(tag="never"), 20)
        self.assertEqual(len(self.client.wait_all(ids, timeout=10).done), 20)

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
