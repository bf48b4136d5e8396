"""What ends a lane, and what only looks like it: seen from the ventilator's side."""

import msgpack

from penstock import lane, loop
from tests.cases import WorkerCase
from tests.fakes import receive, until


class LaneTest(WorkerCase):

    # ---- lanes that end

    def test_a_dead_lane_is_left_at_once_and_what_runs_is_kept(self):
        self.start_joined()
        self.pipeline.give((21, "a", 0), (22, "b", 0), kind="wait")
        self.assertTrue(self.entered.wait(10))
        self.pipeline.lanes[0].close(linger=0)
        again = self.pipeline.grant()
        self.assertEqual((again["running"], again["epoch"]), ([21], 1))
        self.assertEqual(again["worker"], self.worker.name)
        self.gate.set()
        self.assertEqual(self.pipeline.value(), "a")
        self.pipeline.give((23, "c", 5))  # and not b, which was left to others
        self.assertEqual(self.pipeline.value(), 5)

    def test_a_silent_lane_is_left(self):
        self.start_joined(said={"ping": 0.1})
        self.pipeline.grant()
        until(lambda: self.worker.joined == 2, "the second join")

    def test_pings_keep_a_lane(self):
        self.start_joined(said={"ping": 0.2})
        until(lambda: self.worker.joined, "joined")
        for _ in range(20):
            self.pipeline.say({"type": "ping"})
            self.assertFalse(self.pipeline.control.poll(50))

    def test_after_oversleeping_what_had_not_started_is_left(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0), (2, "b", 0), kind="wait")
        self.assertTrue(self.entered.wait(10))
        true_now = loop.now
        with self.assertLogs("penstock", "WARNING") as logged:
            self.patch(loop, "now", lambda: true_now() + 2)
            join = self.pipeline.grant()
        self.assertIn("held up", logged.output[0])
        self.assertEqual(join["running"], [1])
        self.gate.set()
        self.assertEqual(self.pipeline.value(), "a")

    # ---- lanes that may still be there: their end makes the ventilator blame what runs

    def leave_with_a_job_that_runs(self, ping=0.1):
        self.patch(loop, "PAUSE_SECONDS", 0.05)
        self.patch(loop, "LASTED_SECONDS", 0.05)
        self.start_joined(said={"ping": ping})
        self.pipeline.give((1, "a", 0), kind="wait")
        self.assertTrue(self.entered.wait(10))

    def test_a_silent_lane_is_kept_over_refusals_until_there_is_another(self):
        self.leave_with_a_job_that_runs()
        for _ in range(3):
            self.assertEqual(self.pipeline.refuse()["running"], [1])
        self.assertFalse(self.pipeline.lane_ends(0, within=0.2))
        self.assertEqual(self.pipeline.grant()["running"], [1])
        self.assertTrue(self.pipeline.lane_ends(0, within=10))
        self.gate.set()
        self.assertEqual(self.pipeline.value(), "a")

    def test_one_that_was_left_after_oversleeping_likewise(self):
        self.leave_with_a_job_that_runs(ping=5.0)
        true_now = loop.now
        self.patch(loop, "now", lambda: true_now() + 2)
        self.pipeline.refuse()
        self.pipeline.refuse()
        self.assertFalse(self.pipeline.lane_ends(0, within=0.2))

    def test_a_join_that_is_not_answered_ends_no_lane_either(self):
        self.patch(lane, "JOIN_SECONDS", 0.1)
        self.leave_with_a_job_that_runs()
        for _ in range(3):
            receive(self.pipeline.control, "a join")
            self.assertFalse(self.pipeline.lane_ends(0, within=0.2))
            self.pipeline.control.send(msgpack.packb({"type": "lane", "error": "too late"}))

    def test_a_drain_ends_no_lane_of_what_runs(self):
        self.leave_with_a_job_that_runs()
        self.pipeline.refuse()
        with self.assertLogs("penstock", "INFO") as logged:
            self.worker.stop()
            until(lambda: "draining" in "".join(logged.output), "that it drains")
        self.assertFalse(self.pipeline.lane_ends(0, within=0.2))
        self.gate.set()
        self.assertEqual(self.pipeline.value(), "a")
        self.assertTrue(self.pipeline.lane_ends(0, within=10))

    # ---- joining again

    def test_pauses_grow_with_each_refusal_and_begin_anew_after_a_lane_that_lasted(self):
        retries = []
        self.patch(loop, "backoff", lambda retry, first, most: retries.append((retry, first, most)) or 0)
        self.start()
        for _ in range(3):
            self.pipeline.refuse()
        self.pipeline.grant()
        until(lambda: self.worker.joined, "joined")
        self.pipeline.lanes[0].close(linger=0)  # it lasted for less than a second
        self.pipeline.grant()
        until(lambda: self.worker.joined == 2, "joined again")
        self.assertEqual(retries, [(retry, 0.2, 2.0) for retry in range(4)])
        self.patch(loop, "LASTED_SECONDS", 0.0)
        self.pipeline.lanes[1].close(linger=0)
        self.pipeline.refuse()
        self.pipeline.grant()
        self.assertEqual(retries[4:], [(0, 0.2, 2.0)])

    def test_a_join_without_an_answer_is_asked_again_at_once(self):
        self.patch(lane, "JOIN_SECONDS", 0.05)
        rests, asked, ask = [], [], lane.Lane.ask
        self.patch(loop, "backoff", lambda *_: rests.append(1) or 0)
        self.patch(lane.Lane, "ask", lambda *given: asked.append(1) or ask(*given))
        self.start()
        until(lambda: len(asked) > 3, "the fourth question")
        self.assertEqual(rests, [])

    def test_an_empty_answer_is_none(self):
        self.start()
        receive(self.pipeline.control, "a join")
        self.pipeline.control.send(msgpack.packb([]))
        self.pipeline.grant()
        until(lambda: self.worker.joined, "joined")

    def test_jobs_of_an_older_epoch_are_dropped(self):
        self.start_joined(said={"epoch": 5})
        self.pipeline.give((1, "old", 1), epoch=4)
        self.pipeline.give((2, "new", 2), epoch=5)
        self.assertEqual(self.pipeline.value(), 2)

    def test_a_lane_of_an_older_epoch_is_not_entered(self):
        self.start_joined(said={"epoch": 5})
        until(lambda: self.worker.joined, "joined")
        self.pipeline.lanes[0].close(linger=0)
        self.pipeline.grant(epoch=4)
        self.pipeline.grant(epoch=6)
        self.pipeline.give((1, "a", 3), epoch=6)
        self.assertEqual(self.pipeline.value(), 3)
