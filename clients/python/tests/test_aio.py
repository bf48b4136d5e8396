import asyncio
import inspect
import os
import pathlib
import subprocess
import sys
import threading
import unittest

import penstock
from tests.fake_gateway import CUT, GatewayCase
from tests.test_groups import lines, won


HERE = pathlib.Path(__file__).resolve().parent
PROGRAM = """
import asyncio, sys, penstock
client = penstock.AsyncClient(sys.argv[1], timeout=60)

async def leaves_a_stream():
    async for event in client.events():
        return

async def cancels_a_stream():
    async def watch():
        async for _ in client.events():
            seen.set()
    seen = asyncio.Event()
    task = asyncio.ensure_future(watch())
    await seen.wait()
    task.cancel()

async def gives_up_waiting():
    try:
        await asyncio.wait_for(client.wait("x"), 0.1)
    except asyncio.TimeoutError:
        pass

async def forgets_a_wait():
    asyncio.ensure_future(client.wait("x"))
    await asyncio.sleep(0.1)

async def leaves_a_map():
    async for result in client.map("square", [1, 2]):
        return

def never_ends_its_loop():
    loop = asyncio.new_event_loop()
    loop.waiting = loop.create_task(client.wait("x"))
    loop.run_until_complete(asyncio.sleep(0.1))

said = globals()[sys.argv[2]]()
said and asyncio.run(said)
"""


class Reading:
    """An iterator in the middle of a long read."""

    def __init__(self):
        self.entered, self.release, self.closed = (threading.Event() for _ in range(3))

    def __next__(self):
        self.entered.set()
        self.release.wait(10)
        return 1

    def close(self):
        self.closed.set()


class AsyncClientTest(GatewayCase):
    def go(self, coroutine):
        async def bounded():
            return await asyncio.wait_for(coroutine, 10)
        return asyncio.run(bounded())

    def setUp(self):
        super().setUp()
        self.client = penstock.AsyncClient(self.gateway.url, timeout=5)

    def tearDown(self):
        self.client.close()
        super().tearDown()

    def test_calls_are_awaited(self):
        self.gateway.will(200, {"id": "x", "state": "succeeded", "result": 7})
        self.assertEqual(self.go(self.client.run("add", {"a": 3, "b": 4})), 7)

    def test_many_wait_at_once(self):
        for _ in range(20):
            self.gateway.will(200, {"state": "succeeded"})

        async def all_of_them():
            return await asyncio.gather(*(self.client.wait(str(i)) for i in range(20)))
        self.assertEqual(len(self.go(all_of_them())), 20)

    def test_errors_are_raised_where_they_are_awaited(self):
        self.gateway.will(404, {"type": "/problems/job-not-found"})
        with self.assertRaises(penstock.NotFound):
            self.go(self.client.status("x"))

    def test_iterating(self):
        self.gateway.will(202, {"id": "g"})
        self.gateway.will_stream(lines(won(1)), lines(won(2)))

        async def collect():
            return [result async for result in self.client.map("square", [1, 2])]
        self.assertEqual(self.go(collect()), [1, 2])

    def test_a_group(self):
        self.gateway.will(202, {"id": "g"})
        self.gateway.will(200, {"id": "g", "state": "succeeded"})
        self.gateway.will_stream(lines(won(1), won(2)))

        async def ask():
            group = await self.client.group(["a", "b"])
            return group.id, await group.result(timeout=5)
        self.assertEqual(self.go(ask()), ("g", [1, 2]))

    def test_an_iteration_may_be_left(self):
        self.gateway.will_stream(lines(won(1), won(2)), CUT)

        async def first():
            async for piece in penstock.aio.AsyncGroup(
                    penstock.Group(self.client._inner, "g"), self.client._errands).results():
                return piece
        self.assertEqual(self.go(first()), 1)

    def test_one_that_is_cancelled_is_closed_when_its_thread_has_read(self):
        reading = Reading()

        async def read():
            async for _ in self.client._each(reading):
                pass

        async def give_up():
            task = asyncio.ensure_future(read())
            await asyncio.to_thread(reading.entered.wait, 10)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            return reading.closed.is_set()
        self.assertFalse(self.go(give_up()))
        reading.release.set()
        self.assertTrue(reading.closed.wait(10))

    def test_what_is_cancelled_gives_its_thread_back(self):
        self.client.close()
        self.client = penstock.AsyncClient(self.gateway.url, threads=1, timeout=60)

        async def watch():
            async for _ in self.client.events():
                pass

        async def give_up_and_ask():
            for waits in (self.client.wait("x"), watch()):
                self.silent()
                await self.cancel_once_asked(waits)
                self.gateway.will(200, {"state": "running"})
                self.assertEqual(await self.client.status("x"), {"state": "running"})
        self.go(give_up_and_ask())

    def test_a_map_that_is_cancelled_gives_up_what_it_submitted(self):
        self.gateway.will(202, {"id": "g"})
        self.silent()
        self.gateway.will(202, {})

        async def give_up():
            async def read():
                async for _ in self.client.map("square", [1]):
                    pass
            await self.cancel_once_asked(read(), requests=2)
            await self.once_asked(3)
        self.go(give_up())
        self.assertEqual(self.asked()[:2], ("DELETE", "/v1/groups/g"))

    async def cancel_once_asked(self, coroutine, requests=1):
        before = len(self.gateway.asked)
        task = asyncio.ensure_future(coroutine)
        await self.once_asked(before + requests)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    async def once_asked(self, requests):
        while len(self.gateway.asked) < requests:
            await asyncio.sleep(0.001)

    def test_close_breaks_off_what_is_under_way(self):
        self.silent()

        async def close_while_it_waits():
            waiting = asyncio.ensure_future(self.client.wait("x"))
            await self.once_asked(1)
            self.client.close()
            await waiting
        with self.assertRaises(penstock.PenstockError):
            self.go(close_while_it_waits())
        with self.assertRaises(RuntimeError):
            self.go(self.client.status("x"))

    def silent(self):
        """The gateway will begin an answer and not end it."""
        stopped = threading.Event()
        self.addCleanup(stopped.set)
        self.gateway.will_stream(lambda: stopped.wait(60))

    def test_partials(self):
        self.gateway.will_stream(b'{"attempt":1,"partial":"a"}\n{"dropped":2}\n',
                                 b'{"state":"succeeded","result":"ab"}\n')

        async def read():
            pieces = self.client.partials("x")
            return [piece.value async for piece in pieces], pieces.result, pieces.dropped
        self.assertEqual(self.go(read()), (["a"], "ab", 2))

    def test_nothing_of_the_client_is_missing(self):
        for plain, other in ((penstock.Client, penstock.AsyncClient),
                             (penstock.Chain, penstock.aio.AsyncGroup)):
            for name, _ in inspect.getmembers(plain, inspect.isfunction):
                if not name.startswith("_"):
                    self.assertTrue(hasattr(other, name), name)


class EndTest(GatewayCase):
    """Programs that leave something under way end all the same."""

    def go(self, name):
        subprocess.run([sys.executable, "-c", PROGRAM, self.gateway.url, name], timeout=20,
                       check=True, capture_output=True, env={**os.environ, "PYTHONPATH": str(HERE.parent)})

    def will_begin(self, *said):
        stopped = threading.Event()
        self.addCleanup(stopped.set)
        self.gateway.will_stream(*said, lambda: stopped.wait(60))

    def test_streams(self):
        for name in ("leaves_a_stream", "cancels_a_stream"):
            with self.subTest(name):
                self.will_begin(b'id: 1.1\ndata: {"event": "stored"}\n\n')
                self.go(name)

    def test_waits(self):
        for name in ("gives_up_waiting", "forgets_a_wait", "never_ends_its_loop"):
            with self.subTest(name):
                self.will_begin()
                self.go(name)

    def test_what_was_submitted_ahead_is_given_up(self):
        self.gateway.will(202, {"id": "g"})
        self.will_begin(lines(won(1)))
        self.gateway.will(202, {})
        self.go("leaves_a_map")
        self.assertEqual(self.asked()[:2], ("DELETE", "/v1/groups/g"))


if __name__ == "__main__":
    unittest.main()
