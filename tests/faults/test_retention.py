"""What the sink is told to keep at most, it keeps: the newest outcomes, the same ones in answers, in
the file and after a restart."""

import sqlite3
import unittest

from house import House, until

JOBS, KEPT = 200, 50
PAYLOAD = "x" * 100
BYTES = 2 * 102  # of a finished echo: payload and value in MessagePack, a head of two bytes each


class Retention(unittest.TestCase):
    def keeps(self, count, *limit):
        with House(durable=True, sink=limit, kinds="echo") as house:
            house.penstock("echoes", "worker", "--ventilator", house.door)
            ids = [f"job-{i}" for i in range(JOBS)]
            for id in ids:  # one after the other: their outcomes have an order then
                status, said, _ = house.ask("POST", "/v1/jobs", {
                    "kind": "echo", "id": id, "payload": PAYLOAD}, headers={"Prefer": "wait=20"})
                self.assertEqual((status, said["state"]), (200, "succeeded"), id)
            newest = ids[JOBS - count:]
            until(lambda: self.in_file(house) == newest, 20, f"{count} are in the file")
            self.assertEqual(self.answered(house, ids), newest)
            house.sink.again()
            house.wait_until_ready()
            self.assertEqual(self.answered(house, ids), newest)
            self.assertEqual(self.in_file(house), newest)

    def in_file(self, house):
        with sqlite3.connect(f"file:{house.folder}/jobs.db?mode=ro", uri=True) as file:
            return [id for id, in file.execute("SELECT id FROM jobs ORDER BY job")]

    def answered(self, house, ids):
        answers = {id: house.ask("GET", f"/v1/jobs/{id}")[0] for id in ids}
        self.assertLessEqual(set(answers.values()), {200, 404})
        return [id for id in ids if answers[id] == 200]

    def test_so_many(self):
        self.keeps(KEPT, "--finished-max", KEPT)

    def test_so_many_bytes(self):
        self.keeps(KEPT, "--finished-bytes-max", KEPT * BYTES)

    def test_so_long(self):
        self.keeps(0, "--result-ttl", 0.5)


if __name__ == "__main__":
    unittest.main()
