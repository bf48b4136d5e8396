import asyncio
import inspect
import threading
import unittest

import penstock
from tests.fake_gateway import CUT, GatewayCase
from tests.test_groups import lines, won


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
                    penstock.Group(self.client._inner, "g"), self.client._executor).results():
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

    def test_nothing_of_the_client_is_missing(self):
        for plain, other in ((penstock.Client, penstock.AsyncClient),
                             (penstock.Chain, penstock.aio.AsyncGroup)):
            for name, _ in inspect.getmembers(plain, inspect.isfunction):
                if not name.startswith("_"):
                    self.assertTrue(hasattr(other, name), name)


if __name__ == "__main__":
    unittest.main()
