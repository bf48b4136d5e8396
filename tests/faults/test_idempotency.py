"""The same Idempotency-Key is the same job: at once, over several gateways, and after every death."""

import concurrent.futures
import unittest

from house import House, until

BODY = {"kind": "note", "payload": {"say": "once"}}
OTHER = {"kind": "note", "payload": {"say": "something else"}}


class Idempotency(unittest.TestCase):
    def submit(self, house, key, body, port=None):
        return house.ask("POST", "/v1/jobs", body, {"Idempotency-Key": key}, port=port)[:2]

    def hundred_at_once(self, house, key):
        with concurrent.futures.ThreadPoolExecutor(100) as clients:
            return list(clients.map(
                lambda i: self.submit(house, key, BODY, house.http[i % len(house.http)]),
                range(100)))

    def test_a_hundred_at_once_over_three_gateways_are_one_job(self):
        with House(gateways=3) as house:
            house.worker(slots=8)
            house.worker(slots=8)
            for round_ in range(5):
                key = f"order-{round_}"
                answers = self.hundred_at_once(house, key)
                self.assertEqual({status for status, _ in answers}, {202}, answers[:3])
                ids = {said["id"] for _, said in answers}
                self.assertEqual(len(ids), 1)
                self.assertEqual(house.outcome(*ids)["state"], "succeeded")
                self.assertEqual([job for job, *_ in house.started() if job in ids], [*ids])
                for port in house.http:
                    self.assertEqual(self.submit(house, key, OTHER, port)[0], 422)

    def test_the_key_is_remembered_when_every_process_was_killed(self):
        with House(gateways=3, durable=True) as house:
            worker = house.worker(slots=8)
            finished = self.hundred_at_once(house, "finished")[0][1]["id"]
            house.outcome(finished)
            worker.kill()
            until(lambda: not house.ask("GET", "/v1/workers")[1].get("workers"), 20,
                        "the worker is gone")
            waiting = self.hundred_at_once(house, "open")[0][1]["id"]
            for process in house.processes:
                process.kill()
            for process in house.processes:
                process.start()
            house.wait_until_ready()
            for key, id in (("finished", finished), ("open", waiting)):
                answers = self.hundred_at_once(house, key)
                self.assertEqual({status for status, _ in answers}, {202}, answers[:3])
                self.assertEqual({said["id"] for _, said in answers}, {id})
                self.assertEqual(self.submit(house, key, OTHER)[0], 422)
                self.assertEqual(house.outcome(id)["state"], "succeeded")
            self.assertEqual(sorted(job for job, *_ in house.started()),
                             sorted([finished, waiting]))


if __name__ == "__main__":
    unittest.main()
