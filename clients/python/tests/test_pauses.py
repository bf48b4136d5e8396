import unittest

from penstock import pauses


class PausesTest(unittest.TestCase):
    def test_they_double_up_to_the_most_and_differ(self):
        for retry, longest in enumerate([0.2, 0.4, 0.8, 1.6, 2.0, 2.0]):
            drawn = [pauses.backoff(retry, 0.2, 2.0) for _ in range(200)]
            self.assertTrue(longest / 2 <= min(drawn) < max(drawn) <= longest, retry)

    def test_a_thousand_in_vain_are_no_error(self):
        self.assertLessEqual(pauses.backoff(10_000, 0.2, 2.0), 2.0)
