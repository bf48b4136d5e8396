"""Client and worker against the real thing."""

import unittest

import penstock
from tests.fakes import until
from tests.house import HouseCase

APP = """
import os, time, penstock
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
