"""An open-loop client: jobs come when they come, however the others fare. What it was told is in its
log before it counts.

    try JOB ID|- KEY|-     about to be sent; - : the gateway gives the id
    took JOB ID            202, or 200 with its outcome
    refused JOB            given up, and every answer was "certainly not accepted"
    unknown JOB            given up, and nobody knows
    seen ID OUTCOME        what the outcome was when it was asked for
    cancelled ID           it was asked to be, and the answer was that this is its outcome
    strange WHAT ...       an answer that no job of these may get

It reads from stdin, a line each: how many jobs are in flight, or `stop`.
"""

import argparse
import asyncio
import itertools
import os
import random
import sys

from http_lines import Gateway
from outcomes import outcome_of

TRIES = 14
OUTSTANDING_MAX = 3_000     # requests: beyond, a job that comes is not submitted at all
WATCHERS_MAX = 800
WATCHED_ON = 5.0            # seconds after the last submission
NOT_ACCEPTED = 503
PATIENCE = 4.0              # seconds until a request is given up, and made elsewhere
PATIENT, PATIENCE_OF_THEM = 0.05, 14.0  # this share waits until it is told that nobody knows (504)


class Log:
    def __init__(self, path):
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def write(self, *words):
        line = (" ".join(map(str, words)) + "\n").encode()
        if os.write(self._file, line) != len(line):
            raise OSError("the client's log is cut")


class Client:
    def __init__(self, gateways, seed, rate, in_flight, watched, log):
        self._gateways = [Gateway(port) for port in gateways]
        self._seed = seed
        self._chance = random.Random(f"client {seed}")
        self._rate = rate
        self._wanted, self._watched = in_flight, watched
        self._in_flight = 0
        self._log = log
        self._jobs = itertools.count(1)
        self._submissions, self._watchers = set(), set()
        self._stopped = False

    async def run(self):
        await self._listen()
        loop = asyncio.get_running_loop()
        due = loop.time()
        while not self._stopped:
            due = max(due + self._chance.expovariate(self._arrivals()), loop.time() - 0.5)
            await asyncio.sleep(max(0.0, due - loop.time()))
            if len(self._submissions) < OUTSTANDING_MAX:
                self._start(self._come(), self._submissions)
        while self._submissions:
            await asyncio.wait(self._submissions)
        if self._watchers:  # what they wait for may never come
            await asyncio.wait(self._watchers, timeout=WATCHED_ON)

    async def _listen(self):
        """Hears from whoever started it, who is gone when there is nothing more to hear."""
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)

        async def hear():
            while not self._stopped:
                line = (await reader.readline()).strip()
                self._stopped = line in (b"", b"stop")
                if not self._stopped:
                    self._in_flight = int(line)

        self._listening = loop.create_task(hear())

    def _arrivals(self):
        """Jobs a second. More when few are in flight, so that a kill always meets some."""
        return self._rate * min(3.0, max(0.05, 0.4 + 5 * self._missing()))

    def _missing(self):
        """The share of what is wanted in flight that neither is nor is about to be: what is asked
        while a ventilator is stopped comes all at once."""
        return 1 - (self._in_flight + len(self._submissions)) / self._wanted

    def _start(self, coroutine, tasks):
        task = asyncio.get_running_loop().create_task(coroutine)
        tasks.add(task)
        task.add_done_callback(lambda task: self._ended(task, tasks))

    def _ended(self, task, tasks):
        tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            print(repr(task.exception()), file=sys.stderr, flush=True)
            os._exit(70)

    # ---- submitting

    async def _come(self):
        kind = self._chance.random()
        if kind < 0.45:
            await self._submit_one(names="id")
        elif kind < 0.75:
            await self._submit_one(names="key")
        elif kind < 0.87:
            await self._submit_one(names="nothing")
        elif kind < 0.94:
            await self._submit_bulk(self._chance.randint(2, 8))
        else:
            await self._submit_group(self._chance.randint(2, 4))

    def _job(self, **more):
        """The number and the body of a new one."""
        number, chance = next(self._jobs), self._chance
        slow = chance.random() < 0.05  # it outlives what a ventilator needs to come back
        # On a slow machine, where they end as fast as they can be submitted, they take longer.
        longest = round(200 * (1 + 7 * max(0.0, self._missing())))
        payload = {"job": number, "fails": chance.choice([0] * 36 + [1, 1, 2, 9]),
                   "ms": chance.randint(400, 4_000) if slow else chance.randint(1, longest)}
        body = {"kind": "chaos", "payload": payload, "priority": chance.choice([4, 4, 4, 2, 8]),
                **more}
        if payload["fails"]:
            body |= {"max_attempts": 3, "backoff": 0.05}
        if chance.random() < 0.02:
            body["redeliver"] = False
        return number, body

    def _id(self, number):
        return f"c{self._seed}-{number}"

    async def _submit_one(self, names):
        number, body = self._job()
        headers = []
        if names == "id":
            body["id"] = self._id(number)
        elif names == "key":
            headers = [("Idempotency-Key", f"k{self._seed}-{number}")]
        key = headers[0][1] if headers else "-"
        self._log.write("try", number, body.get("id", "-"), key)
        path = "/v1/jobs?wait=2" if self._chance.random() < 0.05 else "/v1/jobs"
        said = await self._repeat([number], path, body, headers, once=names == "nothing")
        if said is None:
            return
        self._took(number, said["id"])
        if said.get("state") is not None:
            self._saw(said)
        if headers and self._chance.random() < 0.1:  # a client that did not see the answer
            again = await self._repeat([number], "/v1/jobs", body, headers, after_answer=True)
            if again is not None:
                self._took(number, again["id"])

    async def _submit_bulk(self, size):
        pairs = [self._job() for _ in range(size)]
        numbers = [number for number, _ in pairs]
        key = f"b{self._seed}-{numbers[0]}"
        for number in numbers:
            self._log.write("try", number, "-", key)
        said = await self._repeat(numbers, "/v1/jobs/bulk", [body for _, body in pairs],
                                  [("Idempotency-Key", key)])
        if said is None:
            return
        if len(said["ids"]) != size or said.get("errors") or None in said["ids"]:
            self._log.write("strange", "bulk", said)
            return
        for number, id in zip(numbers, said["ids"]):
            self._took(number, id)

    async def _submit_group(self, size):
        pairs = [self._job() for _ in range(size + 1)]
        for number, body in pairs:
            body["id"] = self._id(number)
            self._log.write("try", number, body["id"], "-")
        *members, then = [body for _, body in pairs]
        group = {"id": f"g{self._seed}-{pairs[0][0]}", "jobs": members, "then": then}
        said = await self._repeat([number for number, _ in pairs], "/v1/groups", group, [])
        if said is not None:
            for number, body in pairs:
                self._took(number, body["id"])

    async def _repeat(self, numbers, path, body, headers, once=False, after_answer=False):
        """The same request to one gateway after the other, until one says what became of it. once:
        it names nothing, so only what was certainly not accepted may be sent again."""
        may_be_there = False
        patience = PATIENCE_OF_THEM if self._chance.random() < PATIENT else PATIENCE
        for attempt in range(TRIES):
            if attempt:
                await asyncio.sleep(self._chance.uniform(0.02, 0.15) * min(attempt, 6))
            try:
                status, said = await self._chance.choice(self._gateways).ask(
                    "POST", path, body, headers, patience)
            except ConnectionRefusedError:
                continue  # nobody was there to read it
            except OSError:
                status, said = 0, None
            if status in (200, 202):
                return said
            may_be_there = may_be_there or status != NOT_ACCEPTED
            if status not in (0, 503, 504):
                self._log.write("strange", path, status, said)
                break
            if once and may_be_there:
                break
        for number in numbers if not after_answer else ():
            self._log.write("unknown" if may_be_there else "refused", number)
        return None

    def _took(self, number, id):
        self._log.write("took", number, id)
        if len(self._watchers) < WATCHERS_MAX and self._chance.random() < self._watched:
            self._start(self._watch(id), self._watchers)
        elif self._chance.random() < 0.02:
            self._start(self._cancel(id), self._submissions)

    async def _cancel(self, id):
        await asyncio.sleep(self._chance.uniform(0, 2))
        try:
            status, said = await self._chance.choice(self._gateways).ask(
                "DELETE", f"/v1/jobs/{id}", patience=PATIENCE)
        except OSError:
            return
        if status == 200:
            self._log.write("cancelled", id)
        elif status not in (202, 409, 503, 504):
            self._log.write("strange", "cancel", id, status, said)

    # ---- looking at outcomes

    def _saw(self, job):
        outcome = outcome_of(job.get("state"), job.get("result"), job.get("error"))
        if outcome is not None:
            self._log.write("seen", job["id"], outcome)
        return outcome is not None

    async def _watch(self, id):
        """From the moment it has an outcome: a second one would come soon after the first."""
        if await self._look(id, hold=20) and self._chance.random() < 0.3:
            await asyncio.sleep(self._chance.uniform(0.2, 4))
            await self._look(id, hold=0)

    async def _look(self, id, hold):
        for attempt in range(TRIES):
            try:
                status, job = await self._chance.choice(self._gateways).ask(
                    "GET", f"/v1/jobs/{id}?wait={hold}", patience=hold + PATIENCE)
            except OSError:
                status, job = 0, None
            if status == 200:
                if self._saw(job):
                    return True
            elif status not in (0, 503, 504):
                self._log.write("strange", "look", id, status, job)
                return False
            await asyncio.sleep(0.1)
        return False


def main():
    flags = argparse.ArgumentParser()
    flags.add_argument("--gateways", nargs="+", type=int, required=True)
    flags.add_argument("--seed", required=True)
    flags.add_argument("--rate", type=float, required=True)
    flags.add_argument("--in-flight", type=int, required=True)
    flags.add_argument("--watched", type=float, required=True)
    flags.add_argument("--log", required=True)
    given = flags.parse_args()
    client = Client(given.gateways, given.seed, given.rate, given.in_flight, given.watched,
                    Log(given.log))
    asyncio.run(client.run())


if __name__ == "__main__":
    main()
