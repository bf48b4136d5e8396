"""Batches, async handlers, cancellation, and what is told ahead of a result."""

import asyncio
import threading
import unittest
import uuid

import msgpack

import penstock
from tests.cases import WorkerCase
from tests.fakes import receive, until


class BatchTest(WorkerCase):
    def batch(self, handler, **limits):
        self.worker.batch("many", **{"max": 16, **limits})(handler)
        return self.start_joined()

    def give(self, *payloads, **said):
        rows = ((i, f"j{i}", payload) for i, payload in enumerate(payloads, 1))
        self.pipeline.give(*rows, kind="many", together=True, **said)

    def test_join_says_how_jobs_are_batched(self):
        join = self.batch(len, max=10, wait=0.02)
        self.assertEqual(join["batching"], [{"kind": "many", "max": 10, "wait": 0.02}])

    def test_only_chosen_kinds_are_batched(self):
        self.worker.batch("many", max=2)(len)
        self.assertNotIn("batching", self.start_joined(kinds=["echo"]))

    def test_jobs_that_came_together_are_one_call(self):
        calls = []

        def many(jobs):
            calls.append([job.payload for job in jobs])
            return [job.payload * 10 for job in jobs]
        self.batch(many)
        self.give(1, 2, 3)
        self.assertEqual(self.pipeline.values(3), {"j1": 10, "j2": 20, "j3": 30})
        self.assertEqual(calls, [[1, 2, 3]])

    def test_a_batch_takes_one_slot(self):
        both = threading.Barrier(2)

        def many(jobs):
            both.wait(10)
            return [None] * len(jobs)
        self.worker.batch("many", max=9)(many)
        self.start_joined(slots=2)
        self.give(1, 2, 3)
        self.give(4, 5, 6)
        self.assertEqual([self.pipeline.value() for _ in range(6)], [None] * 6)

    def test_jobs_that_came_apart_are_calls_of_one(self):
        self.batch(lambda jobs: [len(jobs)] * len(jobs))
        self.pipeline.give((1, "a", 0), (2, "b", 0), kind="many")
        self.assertEqual(self.pipeline.values(2), {"a": 1, "b": 1})

    def test_jobs_of_a_kind_without_a_batch_handler_run_one_by_one(self):
        self.start_joined()
        self.pipeline.give((1, "a", 5), (2, "b", 6), together=True)
        self.assertEqual(self.pipeline.values(2), {"a": 5, "b": 6})

    def test_a_job_that_fails_does_not_fail_its_neighbours(self):
        self.batch(lambda jobs: [1, penstock.Fail("no-luck", "as asked"), 3])
        self.give(0, 0, 0)
        self.assertEqual(self.pipeline.values(3), {"j1": 1, "j2": "no-luck", "j3": 3})

    def test_a_value_that_is_no_msgpack_fails_its_own_job(self):
        self.batch(lambda jobs: [object(), 2])
        self.give(0, 0)
        self.assertEqual(self.pipeline.values(2), {"j1": "bad-result", "j2": 2})

    def test_what_the_call_raises_fails_all_of_it(self):
        def many(jobs):
            raise MemoryError("on the device")
        self.batch(many)
        with self.assertLogs("penstock", "WARNING"):
            self.give(0, 0)
            self.assertEqual(self.pipeline.values(2), {"j1": "handler-error", "j2": "handler-error"})

    def test_a_wrong_number_of_values_fails_all_of_it(self):
        for said, code in (([1], "wrong-reply-count"), ([1, 2, 3], "wrong-reply-count"),
                           ("ab", "bad-result"), (None, "bad-result"), ({1: 2, 3: 4}, "bad-result")):
            with self.subTest(said=said):
                worker = BatchTest()
                worker.setUp()
                try:
                    worker.batch(lambda jobs: said)
                    worker.give(0, 0)
                    rows = [worker.pipeline.result()[1] for _ in range(2)]
                finally:
                    worker.tearDown()
                self.assertEqual([row[4::2] for row in rows], [[code, False]] * 2)

    def test_a_payload_that_can_not_be_read_fails_its_own_job(self):
        self.batch(lambda jobs: [job.payload for job in jobs])
        self.pipeline.say({"type": "job", "epoch": 1, "kind": "many", "together": True, "rows": [
            [1, "a", 1, b"\xc1"], [2, "b", 1, b"\x07"]]})
        self.assertEqual(self.pipeline.values(2), {"a": "bad-payload", "b": 7})

    def test_heartbeats_name_every_job_of_the_call(self):
        def many(jobs):
            self.gate.wait(10)
            return [None] * len(jobs)
        self.batch(many)
        self.give(0, 0, 0)
        self.pipeline.told("heartbeat", lambda beat: beat["running"] == [1, 2, 3])

    def test_one_job_of_a_waiting_batch_is_cancelled(self):
        self.worker.batch("many", max=9)(lambda jobs: [len(jobs)] * len(jobs))
        self.start_joined()
        self.pipeline.give((9, "first", 0), kind="wait")
        self.assertTrue(self.entered.wait(10))
        self.give(0, 0, 0)
        self.pipeline.say({"type": "cancel", "number": 2, "id": "j2"})
        self.assertEqual(self.pipeline.values(1), {"j2": "cancelled"})
        self.gate.set()
        self.assertEqual(self.pipeline.values(3), {"first": "first", "j1": 2, "j3": 2})

    def test_one_job_of_a_running_batch_is_cancelled(self):
        def many(jobs):
            self.entered.set()
            until(lambda: jobs[1].cancelled, "cancelled")
            return [penstock.Cancelled() if job.cancelled else job.id for job in jobs]
        self.batch(many)
        self.give(0, 0)
        self.assertTrue(self.entered.wait(10))
        self.pipeline.say({"type": "cancel", "number": 2, "id": "j2"})
        self.assertEqual(self.pipeline.values(2), {"j1": "j1", "j2": "cancelled"})

    def test_an_async_handler_may_take_batches(self):
        async def many(jobs):
            return await asyncio.gather(*(asyncio.sleep(0, job.payload + 1) for job in jobs))
        self.batch(many)
        self.give(1, 2)
        self.assertEqual(self.pipeline.values(2), {"j1": 2, "j2": 3})


class AsyncTest(WorkerCase):
    def test_hundreds_run_at_once_on_one_thread(self):
        threads, here, everybody = set(), [], asyncio.Event()

        @self.worker.kind("meet")
        async def meet(payload):
            threads.add(threading.current_thread())
            here.append(payload)
            if len(here) == 300:
                everybody.set()
            await everybody.wait()
            return payload
        self.start_joined(slots=300)
        self.pipeline.give(*((i, f"j{i}", i) for i in range(300)), kind="meet")
        self.assertEqual(len(self.pipeline.values(300)), 300)
        self.assertEqual(len(threads), 1)

    def test_no_more_than_slots_of_them(self):
        running, most = [], []

        @self.worker.kind("count")
        async def count(payload):
            running.append(1)
            most.append(len(running))
            await asyncio.sleep(0.001)
            running.pop()
        self.start_joined(slots=7)
        self.pipeline.give(*((i, f"j{i}", i) for i in range(100)), kind="count")
        self.pipeline.values(100)
        self.assertEqual(max(most), 7)

    def test_cancellation_reaches_the_await(self):
        cleaned = threading.Event()

        @self.worker.kind("long")
        async def long(payload):
            self.entered.set()
            try:
                await asyncio.sleep(60)
            finally:
                cleaned.set()
        self.start_joined()
        self.pipeline.give((3, "a", 0), kind="long")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.say({"type": "cancel", "number": 3, "id": "a"})
        self.assertEqual(self.pipeline.result()[1][4::2], ["cancelled", False])
        self.assertTrue(cleaned.is_set())

    def test_a_success_in_spite_of_the_cancellation_is_one(self):
        @self.worker.kind("stubborn")
        async def stubborn(payload):
            self.entered.set()
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                return "done anyway"
        self.start_joined()
        self.pipeline.give((3, "a", 0), kind="stubborn")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.say({"type": "cancel", "number": 3, "id": "a"})
        self.assertEqual(self.pipeline.value(), "done anyway")

    def test_cancelling_twice_does_not_break_into_the_clean_up(self):
        cleaning, cleaned = threading.Event(), []

        @self.worker.kind("long")
        async def long(payload):
            self.entered.set()
            try:
                await asyncio.sleep(60)
            finally:
                cleaning.set()
                while not self.gate.is_set():
                    await asyncio.sleep(0.001)
                cleaned.append(payload)
        self.start_joined(slots=2)
        self.pipeline.give((3, "a", 7), kind="long")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.say({"type": "cancel", "number": 3, "id": "a"})
        self.assertTrue(cleaning.wait(10))
        self.pipeline.say({"type": "cancel", "number": 3, "id": "a"})
        self.pipeline.give((4, "b", 0))  # read after the second cancel
        self.assertEqual(self.pipeline.values(1), {"b": 0})
        self.gate.set()
        self.assertEqual(self.pipeline.values(1), {"a": "cancelled"})
        self.assertEqual(cleaned, [7])

    def test_a_batch_is_cancelled_when_nobody_waits_for_any_of_it(self):
        @self.worker.batch("long", max=2)
        async def long(jobs):
            self.entered.set()
            await asyncio.sleep(60)
        self.start_joined()
        self.pipeline.give((1, "a", 0), (2, "b", 0), kind="long", together=True)
        self.assertTrue(self.entered.wait(10))
        self.pipeline.say({"type": "cancel", "number": 1, "id": "a"})
        self.pipeline.give((3, "c", 0))  # waits: there is one slot, and it is taken
        self.assertFalse(self.pipeline.sink.poll(50))
        self.pipeline.say({"type": "cancel", "number": 2, "id": "b"})
        self.assertEqual(self.pipeline.values(3), {"a": "cancelled", "b": "cancelled", "c": 0})

    def test_an_exception_fails_the_attempt_and_an_exit_does_not_end_the_worker(self):
        @self.worker.kind("bad")
        async def bad(payload):
            raise (SystemExit if payload else KeyError)("x")
        self.start_joined()
        with self.assertLogs("penstock", "WARNING"):
            self.pipeline.give((1, "a", 0), (2, "b", 1), kind="bad")
            self.assertEqual(self.pipeline.values(2), {"a": "handler-error", "b": "handler-error"})
        self.pipeline.give((3, "c", 5))
        self.assertEqual(self.pipeline.value(), 5)

    def test_an_async_startup_runs_where_the_handlers_do(self):
        loops = []

        @self.worker.startup
        async def load():
            loops.append(asyncio.get_running_loop())

        @self.worker.kind("look")
        async def look(payload):
            return asyncio.get_running_loop() is loops[0]
        self.start_joined()
        self.pipeline.give((1, "a", 0), kind="look")
        self.assertIs(self.pipeline.value(), True)

    def test_plain_and_async_handlers_share_the_slots(self):
        @self.worker.kind("quick")
        async def quick(payload):
            return payload
        self.start_joined()
        self.pipeline.give((1, "a", 0), kind="wait")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.give((2, "b", 0), kind="quick")
        self.assertFalse(self.pipeline.sink.poll(50))
        self.gate.set()
        self.assertEqual(self.pipeline.values(2), {"a": "a", "b": 0})


class CancellationTest(WorkerCase):
    def cancel(self, handler):
        self.worker.kind("long")(handler)
        self.start_joined()
        self.pipeline.give((3, "a", 0), kind="long")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.say({"type": "cancel", "number": 3, "id": "a"})
        self.assertEqual(self.pipeline.values(1), {"a": "cancelled"})

    def test_check_raises(self):
        def long(job):
            self.entered.set()
            while True:
                job.check()
        self.cancel(long)

    def test_the_event_wakes_who_waits_for_it(self):
        def long(job):
            waiting = job.cancellation
            self.entered.set()
            if waiting.wait(10):
                raise penstock.Cancelled()
        self.cancel(long)

    def test_the_event_is_set_for_who_asks_late(self):
        def long(job):
            self.entered.set()
            until(lambda: job.cancelled, "cancelled")
            if job.cancellation.is_set():
                raise penstock.Cancelled()
        self.cancel(long)

    def test_a_cancel_without_a_number_means_any_attempt(self):
        def long(job):
            self.entered.set()
            job.cancellation.wait(10)
            job.check()
        self.worker.kind("long")(long)
        self.start_joined()
        id = uuid.uuid4()
        self.pipeline.give((3, id.bytes, 0), kind="long")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.say({"type": "cancel", "id": str(id)})
        self.assertEqual(self.pipeline.values(1), {id.bytes: "cancelled"})


class AheadTest(WorkerCase):
    def test_partials_arrive_in_order_and_before_the_result(self):
        @self.worker.kind("count")
        def count(job):
            for i in range(job.payload):
                job.partial({"i": i})
            return "done"
        self.start_joined()
        self.pipeline.give((1, "a", 500), kind="count")
        said = [receive(self.pipeline.sink, "a partial") for _ in range(501)]
        self.assertEqual(said[0], {"type": "partial", "id": "a", "attempt": 1, "value": {"i": 0}})
        self.assertEqual([m["value"]["i"] for m in said[:500]], list(range(500)))
        self.assertEqual(msgpack.unpackb(said[500]["rows"][0][3]), "done")

    def test_a_partial_that_is_no_msgpack_raises_in_the_handler(self):
        @self.worker.kind("bad")
        def bad(job):
            try:
                job.partial(object())
            except TypeError:
                return "told"
        self.start_joined()
        self.pipeline.give((1, "a", 0), kind="bad")
        self.assertEqual(self.pipeline.value(), "told")

    def test_min_priority_is_said_only_where_there_is_one(self):
        self.assertNotIn("min_priority", self.start_joined())

    def test_min_priority(self):
        self.assertEqual(self.start_joined(min_priority=7)["min_priority"], 7)

    # ---- where the time went

    def test_what_a_batch_waited_is_said_again_in_its_result(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0), queued=1500)
        self.pipeline.give((2, "b", 0))
        self.assertEqual([self.pipeline.result()[0].get("queued") for _ in "ab"], [1500, None])

    def test_a_result_says_how_long_the_job_waited_here(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0), kind="wait")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.give((2, "b", 0))
        self.pipeline.told("heartbeat")
        self.pipeline.told("heartbeat")  # half a second later
        self.gate.set()
        self.pipeline.result()
        self.pipeline.result()
        self.assertGreater(self.pipeline.waited_us, 100_000)


if __name__ == "__main__":
    unittest.main()
