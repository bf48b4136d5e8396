"""Who gets the next free slot, with everything that decides between the API and a handler: tenants take
turns, and kinds are served by their weights."""

import unittest

from house import House, until


class Shares(unittest.TestCase):
    def submit(self, house, prefix, count, **fields):
        jobs = [{"id": f"{prefix}-{i}", "payload": {}, **fields} for i in range(count)]
        status, said, _ = house.ask("POST", "/v1/jobs/bulk", jobs)
        self.assertEqual(status, 202, said)

    def order(self, house, count):
        """The prefixes of the first that a worker with one slot starts, while all of them wait."""
        house.worker(plain=True, kinds="heavy,light")
        until(lambda: len(house.started()) >= count, 60, f"{count} jobs start")
        return [job.split("-")[0] for job, *_ in house.started()[:count]]

    def test_a_flood_of_one_tenant_delays_another_by_turns_only(self):
        with House(kinds="heavy,light") as house:
            self.submit(house, "flood", 500, kind="light", tenant="a")
            self.submit(house, "few", 20, kind="light", tenant="b")
            first = self.order(house, 60)
            self.assertEqual(first.count("few"), 20, first)
            self.assertGreaterEqual(first[:40].count("few"), 18, "they take turns from the begin")

    def test_kinds_are_served_by_their_weights(self):
        with House(kinds="heavy,light") as house:
            for kind, weight in (("heavy", 3), ("light", 1)):
                status, said, _ = house.ask("PATCH", f"/v1/kinds/{kind}", {"weight": weight})
                self.assertEqual(status, 200, said)
            self.submit(house, "light", 200, kind="light")
            self.submit(house, "heavy", 200, kind="heavy")
            first = self.order(house, 120)
            self.assertAlmostEqual(first.count("heavy"), 90, delta=6, msg=first)


if __name__ == "__main__":
    unittest.main()
