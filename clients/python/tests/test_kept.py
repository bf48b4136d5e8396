"""What is kept of results, without sockets."""

import unittest
import weakref

from penstock.kept import FRAME_COST, ROW_COST, Kept, pairs_of


class KeptTest(unittest.TestCase):
    def setUp(self):
        self.kept = Kept()
        self.kept.enter(1)

    def join(self, epoch):
        self.kept.ask()
        self.kept.enter(epoch)

    def add(self, frame, *numbers, epoch=1):
        self.kept.add(frame, epoch, numbers)

    def test_a_frame_is_kept_until_all_of_it_is_settled(self):
        self.add(b"a", 1, 2, 3)
        self.kept.settled([1, 2])
        self.assertEqual(self.kept.frames(), [b"a"])
        self.kept.settled([3, 1])
        self.assertFalse(self.kept)

    def test_frames_stay_in_the_order_in_which_they_were_sent(self):
        for number, frame in enumerate((b"a", b"b", b"c", b"d")):
            self.add(frame, number)
        self.kept.settled([1, 1])
        self.assertEqual(self.kept.frames(), [b"a", b"c", b"d"])

    def test_a_range_may_be_larger_than_all_there_is(self):
        self.add(b"a", 5, 6)
        self.add(b"b", 1 << 63)
        self.kept.settled([6, (1 << 64) - 1, 0, 1 << 63])
        self.assertFalse(self.kept)

    def test_numbers_of_nothing_are_passed_over(self):
        self.add(b"a", 1)
        self.kept.settled([2, 5, 0, 1])
        self.assertEqual(self.kept.frames(), [b"a"])

    def test_of_another_epoch_it_goes_with_the_first_settled_one_behind_it(self):
        self.add(b"old", 7)
        self.join(2)
        self.add(b"kept over", 8, epoch=1)
        self.kept.settled([7, 2])  # other jobs
        self.assertEqual(self.kept.frames(), [b"old", b"kept over"])
        self.add(b"new", 1, 2, epoch=2)
        self.add(b"older still", 9, epoch=1)
        self.kept.settled([2, 1])
        self.assertEqual(self.kept.frames(), [b"new", b"older still"])

    def test_of_a_lane_that_has_ended_likewise(self):
        self.add(b"a", 1)
        self.join(1)
        self.add(b"b", 2)
        self.kept.settled([2, 1])
        self.assertFalse(self.kept)

    def test_what_ended_while_a_join_was_answered_was_named_and_will_be(self):
        self.kept.ask()
        self.add(b"a", 1)
        self.kept.enter(1)
        self.add(b"b", 2)
        self.kept.settled([2, 1])
        self.assertEqual(self.kept.frames(), [b"a"])
        self.kept.settled([1, 1])
        self.assertFalse(self.kept)

    def test_it_may_be_named_on_the_next_lane(self):
        self.add(b"a", 1)
        self.join(1)
        self.kept.settled([1, 1])
        self.assertFalse(self.kept)

    def test_two_attempts_of_a_job_are_settled_one_after_the_other(self):
        self.add(b"first", 1)
        self.add(b"second", 1)
        self.kept.settled([1, 1])
        self.assertEqual(self.kept.frames(), [b"second"])
        self.kept.settled([1, 1])
        self.assertFalse(self.kept)

    def test_the_attempt_of_an_ended_lane_is_not_the_one_that_is_settled(self):
        self.add(b"first", 1)
        self.join(1)
        self.add(b"second", 1)
        self.add(b"third", 3)
        self.kept.settled([1, 1])
        self.assertEqual(self.kept.frames(), [b"third"])

    def test_nor_are_those_that_were_repeated_there(self):
        self.add(b"first", 1)
        self.add(b"again", 1)
        self.join(1)
        self.add(b"second", 1)
        self.add(b"and again", 1)
        self.kept.settled([1, 1, 1, 1])
        self.assertFalse(self.kept)

    def test_too_much_of_it_makes_the_oldest_go_and_is_said_once(self):
        kept = Kept(most=3 * (10 + FRAME_COST + ROW_COST))
        kept.enter(1)
        with self.assertLogs("penstock", "WARNING") as logged:
            for number in range(10):
                kept.add(bytes([number]) * 10, 1, [number])
        self.assertEqual([frame[0] for frame in kept.frames()], [7, 8, 9])
        self.assertEqual(len(logged.output), 1)
        kept.settled([0, 9])
        self.assertEqual([frame[0] for frame in kept.frames()], [9])
        for number in range(10, 12):
            kept.add(bytes(10), 1, [number])
        self.assertEqual(len(kept.frames()), 3)  # what was settled leaves room

    def test_what_goes_for_want_of_room_is_held_by_nobody(self):
        class Frame(bytearray):  # bytes can't be watched
            pass
        kept = Kept(most=100)
        kept.enter(1)
        frame = Frame(100)
        watched = weakref.ref(frame)
        kept.add(frame, 1, [1, 2])
        del frame
        self.assertIsNotNone(watched())
        kept.add(bytes(100), 1, [3])
        self.assertIsNone(watched())

    def test_one_that_is_too_large_alone_is_kept(self):
        kept = Kept(most=10)
        kept.add(bytes(100), 1, [1])
        self.assertEqual(len(kept.frames()), 1)

    def test_what_is_said_must_be_pairs(self):
        self.assertEqual(pairs_of({}, "jobs"), [])
        self.assertEqual(pairs_of({"jobs": [1, 2]}, "jobs"), [1, 2])
        for wrong in ([1], [1, -2], [1, "2"], [True, 1], [1.0, 2], {"1": 2}, 7, None):
            with self.assertRaises(ValueError):
                pairs_of({"jobs": wrong}, "jobs")


if __name__ == "__main__":
    unittest.main()
