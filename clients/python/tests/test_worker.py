import threading
import time
import unittest
import uuid

import msgpack

import penstock
from penstock import loop, wire
from tests.cases import WorkerCase
from tests.fakes import receive, until


class WorkerTest(WorkerCase):

    # ---- joining

    def test_join_says_what_this_worker_is(self):
        join = self.start_joined(slots=3, labels=["gpu"])
        self.assertEqual(join["kinds"], ["echo", "wait"])
        self.assertEqual((join["slots"], join["labels"]), (3, ["gpu"]))
        self.assertTrue(join["batch"] and join["heartbeats"])
        self.assertEqual((join["running"], join["epoch"]), ([], 0))
        self.assertRegex(join["worker"], r"\A[A-Za-z0-9._-]{1,128}\Z")

    def test_only_the_chosen_kinds_are_joined(self):
        self.assertEqual(self.start_joined(kinds=["wait"])["kinds"], ["wait"])

    def test_the_control_works_as_address_too(self):
        self.pipeline.port += 1
        self.start()
        self.pipeline.port -= 1
        self.assertTrue(self.pipeline.grant())

    def test_startup_runs_once_and_before_the_join(self):
        calls = []

        @self.worker.startup
        def load():
            self.entered.set()
            self.gate.wait(10)
            calls.append(1)
        self.start()
        self.assertTrue(self.entered.wait(10))
        self.assertFalse(self.pipeline.control.poll(50))
        self.gate.set()
        self.pipeline.grant()
        self.pipeline.lanes[0].close()
        self.pipeline.grant()
        self.assertEqual(calls, [1])

    def test_a_failing_startup_ends_the_run(self):
        @self.worker.startup
        def load():
            raise OSError("no such model")
        self.start()
        self.assertTrue(self.running.ended())
        self.assertIsInstance(self.running.error, OSError)

    def test_a_refused_join_is_tried_again(self):
        self.start()
        self.pipeline.refuse("starting")
        self.pipeline.grant()
        self.pipeline.give((1, "a", 5))
        self.assertEqual(self.pipeline.value(), 5)

    def test_a_heartbeat_follows_the_join_at_once(self):
        began = time.monotonic()
        self.start_joined()
        beat = self.pipeline.told("heartbeat")
        self.assertLess(time.monotonic() - began, loop.HEARTBEAT_SECONDS)
        self.assertEqual((beat["worker"], beat["running"]), (self.worker.name, []))
        self.assertGreater(beat["rss"], 1 << 20)
        self.assertGreater(beat["cpu"], 0)

    # ---- running jobs

    def test_values_come_back_as_they_went(self):
        self.start_joined()
        values = [None, True, -7, 1 << 63, 0.5, "wörd", b"\x00\xff", [1, "a"], {"k": {"n": [b"b"]}}]
        self.pipeline.give(*((i, f"j{i}", value) for i, value in enumerate(values)))
        rows = dict(self.pipeline.result()[1][::3] for _ in values)
        self.assertEqual([msgpack.unpackb(rows[f"j{i}"]) for i in range(len(values))], values)

    def test_a_result_carries_the_fencing_token(self):
        self.start_joined(said={"epoch": 7})
        id = uuid.uuid4().bytes
        self.pipeline.give((4, id, 1), epoch=7)
        frame, row = self.pipeline.result()
        self.assertEqual((frame["epoch"], frame["worker"]), (7, self.worker.name))
        self.assertEqual(row[:2], [id, 1])
        self.assertGreaterEqual(row[2], 0)

    def test_a_plain_job_message_is_understood_too(self):
        self.start_joined()
        self.pipeline.say({"type": "job", "id": "x", "kind": "echo", "attempt": 2, "epoch": 1,
                           "number": 9, "timeout": 5.0, "payload": {"a": 1}})
        self.assertEqual(self.pipeline.result()[1][:2], ["x", 2])

    def test_bytes_come_back_with_a_content_type(self):
        self.start_joined()
        self.pipeline.give((1, "a", b"png"), content_type="image/png")
        self.assertEqual(self.pipeline.result()[0]["content_type"], "application/octet-stream")

    def test_bytes_that_say_what_they_are_come_back_as_that(self):
        @self.worker.kind("paint")
        def paint(payload):
            return penstock.Opaque(b"png", "image/png")
        self.start_joined()
        self.pipeline.give((1, "a", None), kind="paint")
        result = self.pipeline.result()[0]
        self.assertEqual(result["content_type"], "image/png")
        self.assertEqual(wire.unpack(result["rows"][0][3]), b"png")

    def test_a_content_type_must_fit_into_a_header(self):
        for wrong in ("", "png", "image/png\r\nX: y", "a/" + "b" * 128):
            with self.assertRaises(ValueError):
                penstock.Opaque(b"", wrong)

    def test_a_handler_sees_its_job(self):
        @self.worker.kind("look")
        def look(payload, job):
            return [payload, job.id, job.kind, job.attempt, job.content_type, job.timeout]
        self.start_joined()
        id = uuid.uuid4()
        self.pipeline.give((1, id.bytes, 3), kind="look", content_type="text/x")
        self.assertEqual(self.pipeline.value(), [3, str(id), "look", 1, "text/x", 60.0])

    def test_slots_jobs_run_at_a_time(self):
        together = threading.Barrier(3)

        @self.worker.kind("meet")
        def meet(payload):
            together.wait(10)
        self.start_joined(slots=3)
        self.pipeline.give((1, "a", 0), (2, "b", 0), (3, "c", 0), kind="meet")
        self.assertEqual([self.pipeline.value() for _ in range(3)], [None] * 3)

    def test_heartbeats_name_what_runs_and_not_what_waits(self):
        self.start_joined()
        self.pipeline.give((11, "a", 0), (12, "b", 0), kind="wait")
        self.pipeline.told("heartbeat", lambda beat: beat["running"] == [11])
        self.gate.set()
        self.pipeline.told("heartbeat", lambda beat: beat["running"] == [])

    def test_progress_goes_to_the_sink(self):
        @self.worker.kind("slow")
        def slow(job):
            job.progress(0.25, "a quarter")
            self.gate.wait(10)
        self.start_joined()
        self.pipeline.give((1, "a", 0), kind="slow")
        said = receive(self.pipeline.sink, "progress")
        self.assertEqual(said, {"type": "progress", "id": "a", "attempt": 1, "progress": 0.25,
                                "note": "a quarter"})

    # ---- failing

    def failure(self, handler, payload=None):
        self.worker.kind("bad")(handler)
        self.start_joined()
        self.pipeline.give((1, "a", payload), kind="bad")
        row = self.pipeline.result()[1]
        self.assertIsNone(row[3])
        return row[4:]

    def test_an_exception_is_a_handler_error(self):
        def bad(payload):
            raise KeyError("width")
        with self.assertLogs("penstock", "WARNING"):
            code, message, retryable = self.failure(bad)
        self.assertEqual((code, retryable), ("handler-error", True))
        self.assertRegex(message, r"KeyError: 'width' \(test_worker.py:\d+ in bad\)")

    def test_system_exit_ends_the_attempt_and_not_the_worker(self):
        def bad(payload):
            raise SystemExit(3)
        with self.assertLogs("penstock", "WARNING"):
            self.assertEqual(self.failure(bad)[0], "handler-error")
        self.pipeline.give((2, "b", 5))
        self.assertEqual(self.pipeline.value(), 5)

    def test_fail_names_the_reason(self):
        def bad(payload):
            raise penstock.Fail("no-such-image", "gone", retryable=False)
        self.assertEqual(self.failure(bad), ["no-such-image", "gone", False])

    def test_a_result_that_is_no_msgpack_value(self):
        code, message, retryable = self.failure(lambda payload: {"x": object()})
        self.assertEqual((code, retryable), ("bad-result", False))
        self.assertIn("object", message)

    def test_a_payload_that_is_not_msgpack(self):
        self.start_joined()
        self.pipeline.say({"type": "job", "epoch": 1, "kind": "echo", "timeout": 1.0,
                           "rows": [[1, "a", 1, b"\xdd\xff\xff\xff\xff"]]})
        self.assertEqual(self.pipeline.result()[1][4], "bad-payload")

    def test_hostile_frames_are_skipped(self):
        self.start_joined()
        with self.assertLogs("penstock", "WARNING"):
            for frame in (b"", b"\xdd\xff\xff\xff\xff", b"\xc1", b"\x92\1\2", b"\x91" * 3000):
                self.pipeline.lanes[-1].send(frame)
            for row in ([1], [1, b"x", 1, b"a"], [1, "x", 1, "text"], 7):
                self.pipeline.say({"type": "job", "epoch": 1, "kind": "echo", "rows": [row]})
            self.pipeline.say({"type": "cancel", "number": 1, "id": [b"x"]})
            self.pipeline.say({"type": "news of a later version"})
            self.pipeline.give((2, "b", 5))
            self.assertEqual(self.pipeline.value(), 5)

    # ---- cancelling

    def test_a_running_job_sees_its_cancellation(self):
        @self.worker.kind("long")
        def long(job):
            self.entered.set()
            until(lambda: job.cancelled, "cancelled")
            raise penstock.Cancelled()
        self.start_joined()
        id = uuid.uuid4()
        self.pipeline.give((3, id.bytes, 0), kind="long")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.say({"type": "cancel", "number": 3, "id": str(id)})
        self.assertEqual(self.pipeline.result()[1][4::2], ["cancelled", False])

    def test_a_waiting_job_that_is_cancelled_never_runs(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0), (2, "b", 0), kind="wait")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.say({"type": "cancel", "number": 2, "id": "b"})
        self.assertEqual(self.pipeline.result()[1][:5:4], ["b", "cancelled"])
        self.gate.set()
        self.assertEqual(self.pipeline.value(), "a")

    # ---- draining

    def drain_hands_back_and_finishes(self, ask):
        self.start_joined()
        self.pipeline.give((31, "a", 0), (32, "b", 0), kind="wait")
        self.assertTrue(self.entered.wait(10))
        ask()
        self.assertEqual(self.pipeline.told("bye"),
                         {"type": "bye", "worker": self.worker.name, "waiting": [32]})
        self.pipeline.give((33, "c", 0))  # was under way
        self.assertEqual(self.pipeline.told("bye")["waiting"], [33])
        self.gate.set()
        self.assertEqual(self.pipeline.value(), "a")
        self.assertTrue(self.running.ended())

    def test_stop_drains(self):
        self.drain_hands_back_and_finishes(self.worker.stop)

    def test_the_ventilator_can_ask_to_drain(self):
        self.drain_hands_back_and_finishes(lambda: self.pipeline.say({"type": "drain"}))

    def test_many_jobs_all_come_back_once(self):
        self.start_joined(slots=4)
        for first in range(0, 5000, 100):
            self.pipeline.give(*((i, f"j{i}", i) for i in range(first, first + 100)))
        seen = [msgpack.unpackb(self.pipeline.result()[1][3]) for _ in range(5000)]
        self.assertEqual(sorted(seen), list(range(5000)))


class RegisteringTest(unittest.TestCase):
    def test_handlers_that_can_not_work_are_refused(self):
        worker = penstock.Worker()

        for handler in (lambda: 0, lambda a, b, c: 0):
            with self.assertRaises(TypeError):
                worker.kind("k")(handler)
            with self.assertRaises(TypeError):
                worker.batch("k", max=2)(handler)
        for wrong in ({"max": 0}, {"max": 10_001}, {"max": 2.5}, {"max": 2, "wait": -1},
                      {"max": 2, "wait": float("nan")}):
            with self.assertRaises(ValueError):
                worker.batch("k", **wrong)(len)
        with self.assertRaises(ValueError):
            worker.kind("no spaces")
        worker.kind("k")(len)
        with self.assertRaises(ValueError):
            worker.kind("k")(len)

    def test_arguments_that_can_not_work_say_what_to_do(self):
        worker = penstock.Worker()
        with self.assertRaisesRegex(penstock.errors.StartError, "worker.kind"):
            worker.run()
        worker.kind("k")(len)
        for wrong in ({"slots": 0}, {"slots": "many"}, {"ventilator": "here"}, {"kinds": ["no"]},
                      {"min_priority": 10}):
            with self.assertRaises(penstock.errors.StartError):
                worker.run(**wrong)


if __name__ == "__main__":
    unittest.main()
