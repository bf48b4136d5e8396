"""Far more work than workers can take: what is accepted is done as fast as without it, and what is
not is refused before anybody stores it, with nobody growing. How quickly is printed, and no verdict."""

import asyncio
import collections
import json
import os
import statistics
import sys
import time
import unittest

from house import House, until

SECONDS = float(os.environ.get("PENSTOCK_OVERLOAD_SECONDS", "6"))
JOBS_MAX = 100
WORKERS, JOB_SECONDS = 4, 0.05  # so they take 80 jobs a second, whatever the machine
TAKEN = WORKERS / JOB_SECONDS


class Client:
    """Submits at a rate, whatever the answers are; what it was told and how long that took. All of
    them share one thread: with one each, the times would be of threads that wait for each other."""

    def __init__(self, port, name, rate, until):
        self._port, self._name, self._every, self._until = port, name, 1 / rate, until
        self.accepted, self.refused, self.strange = [], [], []  # (id, seconds)
        self.without_retry = 0

    async def run(self):
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        due, i = time.monotonic(), 0
        while time.monotonic() < self._until:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            due = max(due + self._every, time.monotonic() - 0.2)
            i += 1
            await asyncio.wait_for(self._submit(f"{self._name}-{i}"), 30)
        self._writer.close()
        await self._writer.wait_closed()

    async def _submit(self, id):
        body = json.dumps({"kind": "note", "id": id, "payload": {"seconds": JOB_SECONDS}})
        began = time.monotonic()
        self._writer.write(("POST /v1/jobs HTTP/1.1\r\nHost: localhost\r\n"
                            "Content-Type: application/json\r\n"
                            f"Content-Length: {len(body)}\r\n\r\n{body}").encode())
        status, fields = await self._answer()
        row = (id, time.monotonic() - began)
        if status == 202:
            self.accepted.append(row)
        elif status == 503:
            self.refused.append(row)
            self.without_retry += "retry-after" not in fields
        else:
            self.strange.append((id, status))

    async def _answer(self):
        head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = {name.lower(): value for name, _, value in
                  (line.partition(": ") for line in head[1:] if line)}
        await self._reader.readexactly(int(fields["content-length"]))
        return int(head[0].split()[1]), fields


Load = collections.namedtuple("Load", "accepted refused strange without_retry ended")


class Overload(unittest.TestCase):
    def load(self, house, name, rate, clients):
        until = time.monotonic() + SECONDS
        crowd = [Client(house.http[0], f"{name}{i}", rate / clients, until) for i in range(clients)]
        resident = []

        async def look():
            while time.monotonic() < until:
                await asyncio.sleep(0.2)
                resident.append([p.resident_bytes()
                                 for p in (house.gateways[0], house.ventilator, house.sink)])

        async def everybody():
            await asyncio.gather(look(), *(client.run() for client in crowd))

        asyncio.run(everybody())
        every = [[row for client in crowd for row in getattr(client, what)]
                 for what in ("accepted", "refused", "strange")]
        # The middle: neither until the workers had work nor what was left when nobody came.
        middle = [at for id, _, _, at in house.ended()
                  if id.startswith(name) and until - SECONDS * 0.8 < at < until]
        return Load(*every, sum(c.without_retry for c in crowd), len(middle)), resident

    def test_ten_times_the_work(self):
        with House(ventilator=["--jobs-max", JOBS_MAX]) as house:
            for _ in range(WORKERS):
                house.worker()
            until(lambda: len(house.ask("GET", "/v1/workers")[1]["workers"]) == WORKERS, 20,
                        "the workers join")
            once, _ = self.load(house, "once", TAKEN, 16)
            until(lambda: len(house.ended()) >= len(once.accepted), 30, "those end")
            many, resident = self.load(house, "many", 10 * TAKEN, 64)
            self.assertEqual(many.strange + once.strange, [])
            self.assertEqual(many.without_retry, 0)
            self.assertGreater(len(many.refused), 2 * len(many.accepted), "it was no overload")
            accepted = {id for id, _ in once.accepted + many.accepted}
            until(lambda: accepted <= {id for id, *_ in house.ended()}, 30,
                        "every accepted job ends")
            ended = collections.Counter(id for id, *_ in house.ended())
            self.assertEqual(set(ended), accepted)
            self.assertEqual(set(ended.values()), {1})
            figures = self.figures(once, many, resident)
            print(figures, file=sys.stderr)
            self.assertGreaterEqual(figures["goodput_ratio"], 0.9, figures)
            for role, ratio in figures["grown"].items():
                self.assertLess(ratio, 1.5, f"{role} grows: {figures}")
            self.assertEqual(self.known_to_the_sink(house), len(accepted))

    def known_to_the_sink(self, house):
        rows = house.ask("GET", "/v1/stats")[1]["kinds"]
        row = next(row for row in rows if row["kind"] == "note")
        return row["succeeded"]

    def figures(self, once, many, resident):
        def ms(rows, part):
            return round(sorted(seconds for _, seconds in rows)[int(len(rows) * part)] * 1e3, 2)
        half = len(resident) // 2
        early, late = resident[2:half], resident[half:]
        return {
            "offered_s": round((len(many.accepted) + len(many.refused)) / SECONDS),
            "goodput_ratio": round(many.ended / once.ended, 3),
            "goodput_s": round(many.ended / (SECONDS * 0.8)),
            "refused": len(many.refused), "accepted": len(many.accepted),
            "refused_p50_ms": ms(many.refused, 0.5), "refused_p99_ms": ms(many.refused, 0.99),
            "accepted_p50_ms": ms(many.accepted, 0.5), "accepted_p99_ms": ms(many.accepted, 0.99),
            "grown": {role: round(statistics.median(row[i] for row in late) /
                                  statistics.median(row[i] for row in early), 3)
                      for i, role in enumerate(("gateway", "ventilator", "sink"))}}


if __name__ == "__main__":
    unittest.main()
