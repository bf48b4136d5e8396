"""A sink that goes and comes back, and a ventilator that does: what the worker sends again."""

import time
import unittest
from unittest import mock

import zmq

from penstock import loop, outlet
from penstock.outlet import Outlet, _Pieces
from tests.cases import WorkerCase
from tests.fakes import receive, until


class OutletTest(WorkerCase):
    def setUp(self):
        super().setUp()
        self.pipeline.settles = False

    def ids(self, count):
        return [self.pipeline.result()[1][0] for _ in range(count)]

    def restart_sink(self):
        self.pipeline.close_sink()
        self.pipeline.open_sink()

    def has_no_result(self):
        """One that comes after all that might be sent again."""
        self.pipeline.give((99, "last", 0))
        self.assertEqual(self.ids(1), ["last"])

    # ---- the sink goes and comes

    def test_what_is_not_settled_is_sent_again_in_order(self):
        self.start_joined()
        for number in range(5):
            self.pipeline.give((number, f"j{number}", number))
            self.assertEqual(self.ids(1), [f"j{number}"])
        self.restart_sink()
        self.assertEqual(self.ids(5), ["j0", "j1", "j2", "j3", "j4"])
        self.restart_sink()
        self.assertEqual(self.ids(5), ["j0", "j1", "j2", "j3", "j4"])

    def test_what_is_settled_is_not(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0))
        self.pipeline.give((2, "b", 0))
        self.ids(2)
        self.pipeline.say({"type": "settled", "jobs": [1, 1]})
        self.pipeline.give((3, "c", 0), settled=[2, 1])
        self.ids(1)
        self.restart_sink()
        self.assertEqual(self.ids(1), ["c"])
        self.has_no_result()

    def test_what_ended_while_there_was_no_sink_is_sent_once(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0))
        self.ids(1)
        self.pipeline.settle("a")
        self.pipeline.close_sink()
        self.pipeline.give((2, "b", 0), kind="wait")
        self.pipeline.told("heartbeat", lambda beat: beat["running"] == [2])
        self.gate.set()
        self.pipeline.told("heartbeat", lambda beat: beat["running"] == [])
        self.pipeline.open_sink()
        self.assertEqual(self.ids(1), ["b"])
        self.has_no_result()

    def test_hostile_words_about_it_forget_nothing(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0))
        self.ids(1)
        with self.assertLogs("penstock", "WARNING"):
            self.pipeline.say({"type": "settled", "jobs": [1]})
            self.pipeline.give((2, "b", 0), settled={"1": 1})
            self.assertEqual(self.ids(1), ["b"])
        self.restart_sink()
        self.assertEqual(self.ids(2), ["a", "b"])

    def tells_two_pieces(self):
        @self.worker.kind("tell")
        def tell(job):
            job.partial(1)
            self.entered.set()
            self.gate.wait(10)
            job.partial(2)

    def test_of_an_attempt_that_had_said_a_piece_to_another_sink_no_more_come(self):
        self.tells_two_pieces()
        self.start_joined()
        self.pipeline.give((1, "a", 0), kind="tell")
        self.assertEqual(receive(self.pipeline.sink, "a piece")["value"], 1)
        other = self.pipeline.context.socket(zmq.PULL)
        port = other.bind_to_random_port("tcp://127.0.0.1")
        self.pipeline.lanes[0].close(linger=0)
        self.pipeline.grant(sink=f"tcp://127.0.0.1:{port}")
        until(lambda: self.worker.joined == 2, "joined again")
        self.gate.set()
        self.assertEqual(receive(other, "the result")["type"], "result")

    def test_of_an_attempt_that_had_said_a_piece_no_more_pieces_come(self):
        self.tells_two_pieces()
        self.start_joined()
        self.pipeline.give((1, "a", 0), kind="tell")
        self.assertEqual(receive(self.pipeline.sink, "a piece")["value"], 1)
        self.assertTrue(self.entered.wait(10))
        with mock.patch.object(_Pieces, "broke", autospec=True, side_effect=_Pieces.broke) as broke:
            self.restart_sink()
            until(lambda: broke.called, "that the connection broke")
        self.gate.set()
        self.assertEqual(receive(self.pipeline.sink, "the result")["type"], "result")
        self.gate.set()
        self.pipeline.give((2, "b", 0), kind="tell")
        self.assertEqual([receive(self.pipeline.sink, "again").get("value") for _ in range(2)],
                         [1, 2])

    # ---- the ventilator goes and comes

    def test_what_runs_is_named_with_its_token(self):
        self.start_joined(said={"epoch": 3})
        self.pipeline.give((21, "a", 0), kind="wait", epoch=3)
        self.assertTrue(self.entered.wait(10))
        self.pipeline.lanes[0].close(linger=0)
        join = self.pipeline.grant(epoch=4)
        self.assertTrue(join["outbox"])
        self.assertEqual((join["running"], join["runs"]), ([21], [["a", 3, 1, 21]]))
        beat = self.pipeline.told("heartbeat", lambda beat: beat["epoch"] == 4)
        self.assertEqual(beat["running"], [])  # 21 of this one is another job
        self.pipeline.lanes[1].close(linger=0)
        join = self.pipeline.grant(epoch=4)
        self.assertEqual((join["running"], join["runs"]), ([], [["a", 3, 1, 21]]))
        self.gate.set()
        frame, row = self.pipeline.result()
        self.assertEqual((frame["epoch"], row[:2]), (3, ["a", 1]))

    def test_numbers_of_a_new_ventilator_are_of_other_jobs(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0), (2, "b", 0))
        self.ids(2)
        self.pipeline.lanes[0].close(linger=0)
        self.pipeline.grant(epoch=2)
        self.pipeline.say({"type": "settled", "jobs": [1, 2]})
        self.pipeline.give((3, "c", 0), epoch=2)
        self.ids(1)
        self.restart_sink()
        self.assertEqual(self.ids(3), ["a", "b", "c"])
        self.pipeline.say({"type": "settled", "jobs": [3, 1]})
        self.pipeline.give((4, "d", 0), epoch=2)
        self.ids(1)
        self.restart_sink()
        self.assertEqual(self.ids(1), ["d"])

    def test_what_no_join_named_goes_with_what_is_settled_behind_it(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0))
        self.ids(1)
        self.pipeline.lanes[0].close(linger=0)
        self.pipeline.grant()
        self.pipeline.give((2, "b", 0))
        self.ids(1)
        self.pipeline.settle("b")
        self.pipeline.give((3, "c", 0))
        self.ids(1)
        self.restart_sink()
        self.assertEqual(self.ids(1), ["c"])

    def test_a_ventilator_that_comes_back_is_asked_within_two_seconds(self):
        self.start()
        asked = [self.pipeline.refuse("starting") and time.monotonic() for _ in range(4)]
        self.assertLess(max(b - a for a, b in zip(asked, asked[1:])), 2)

    # ---- draining

    def test_it_leaves_when_its_results_are_recorded(self):
        with mock.patch.object(loop, "SETTLE_SECONDS", 60):
            self.start_joined()
            self.pipeline.give((1, "a", 0))
            self.ids(1)
            self.worker.stop()
            self.pipeline.told("bye")
            self.pipeline.told("heartbeat")
            self.assertTrue(self.running.thread.is_alive())
            self.pipeline.settle("a")
            self.assertTrue(self.running.ended())

    def test_it_leaves_at_last_when_nobody_says_so(self):
        self.start_joined()
        self.pipeline.give((1, "a", 0))
        self.ids(1)
        self.worker.stop()
        self.assertTrue(self.running.ended())

    def test_a_sink_that_comes_back_meanwhile_gets_its_results(self):
        with mock.patch.object(loop, "SETTLE_SECONDS", 60):
            self.start_joined()
            self.pipeline.give((1, "a", 0))
            self.ids(1)
            self.pipeline.close_sink()
            self.worker.stop()
            self.pipeline.told("bye")
            self.pipeline.open_sink()
            self.assertEqual(self.ids(1), ["a"])
            self.pipeline.settle("a")
            self.assertTrue(self.running.ended())


class ConnectionTest(unittest.TestCase):
    """An outlet alone, and a sink."""

    def setUp(self):
        self.context = zmq.Context()
        self.addCleanup(self.context.destroy, linger=0)
        self.port = 0
        self.open_sink()
        self.outlet = Outlet(self.context)
        self.outlet.kept.enter(1)
        self.outlet.dial(f"tcp://127.0.0.1:{self.port}", 0)
        self.addCleanup(self.outlet.close, 0)
        self.joins()

    def open_sink(self):
        self.sink = self.context.socket(zmq.PULL)
        self.joined = self.sink.get_monitor_socket(zmq.EVENT_HANDSHAKE_SUCCEEDED)
        until(self.bind, "the port of the sink before")

    def bind(self):
        try:
            self.sink.bind(f"tcp://127.0.0.1:{self.port or '*'}")
        except zmq.ZMQError:
            return False
        self.port = self.sink.getsockopt_string(zmq.LAST_ENDPOINT).rpartition(":")[2]
        return True

    def joins(self):
        self.assertTrue(self.joined.poll(10_000))
        until(lambda: self.outlet._socket.poll(0, zmq.POLLOUT), "a connection")

    def send(self, frame, number):
        self.outlet.send([], [(frame, 1, [number], [])])

    def received(self, count):
        frames = []
        while len(frames) < count and self.sink.poll(10_000):
            frames.append(self.sink.recv())
        return frames

    def test_a_connection_that_came_unheard_gets_what_may_be_lost_first(self):
        self.outlet.heed()
        self.send(b"a", 1)
        self.assertEqual(self.received(1), [b"a"])
        self.joined.close()
        self.sink.close(linger=0)
        self.open_sink()
        self.joins()
        self.send(b"b", 2)  # the loop was held up since it heeded
        self.assertEqual(self.received(2), [b"a", b"b"])


class PiecesTest(unittest.TestCase):
    def test_what_was_never_sent_is_whole(self):
        pieces = _Pieces()
        pieces.add("a", b"1")
        pieces.broke()
        pieces.add("a", b"2")
        self.assertEqual(pieces.take(), [b"1", b"2"])

    def test_after_a_break_nothing_follows_until_the_result(self):
        pieces = _Pieces()
        pieces.add("a", b"1")
        pieces.take()
        pieces.add("a", b"2")
        pieces.add("b", b"3")
        pieces.broke()
        pieces.add("a", b"4")
        self.assertEqual(pieces.take(), [b"3"])
        pieces.ended(["a"])
        pieces.add("a", b"5")
        self.assertEqual(pieces.take(), [b"5"])

    def test_too_many_of_them_end_early(self):
        with mock.patch.object(outlet, "HELD_BYTES_MAX", 3):
            pieces = _Pieces()
            for frame in (b"11", b"22", b"3"):
                pieces.add("a", frame)
            self.assertEqual(pieces.take(), [b"11"])


if __name__ == "__main__":
    unittest.main()
