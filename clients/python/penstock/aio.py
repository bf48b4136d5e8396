"""The client for asyncio: the same calls, awaited.

    client = penstock.AsyncClient("http://127.0.0.1:8080")
    await client.run("add", {"a": 3, "b": 4})
    async for result in client.map("resize", images): ...

Requests are made on threads, as many at a time as `threads` says: a call that waits for a job holds
one of them. Standard library only.
"""

import asyncio
import concurrent.futures
import functools

from .client import Client

_END = object()


class _Asynchronous:
    """Awaits the methods of `inner`, a plain object, on threads."""

    def __init__(self, inner, executor):
        self._inner = inner
        self._executor = executor

    async def _call(self, function, *arguments, **named):
        return await asyncio.get_running_loop().run_in_executor(
            self._executor, functools.partial(function, *arguments, **named))

    async def _each(self, iterator):
        coming = None
        try:
            while True:
                coming = self._executor.submit(next, iterator, _END)
                item = await asyncio.wrap_future(coming)
                if item is _END:
                    return
                yield item
        finally:
            # Its thread may be in the middle of reading: it is closed after that.
            if coming is not None:
                coming.add_done_callback(lambda _: self._close_later(iterator))

    def _close_later(self, iterator):
        if not hasattr(iterator, "close"):
            return
        try:
            self._executor.submit(iterator.close)  # it may have something to ask
        except RuntimeError:  # the client has been closed
            pass


def _awaited(of, name):
    plain = getattr(of, name)

    @functools.wraps(plain)
    async def method(self, *arguments, **named):
        return await self._call(getattr(self._inner, name), *arguments, **named)
    return method


def _iterated(of, name):
    plain = getattr(of, name)

    @functools.wraps(plain)
    def method(self, *arguments, **named):
        return self._each(iter(getattr(self._inner, name)(*arguments, **named)))
    return method


class AsyncGroup(_Asynchronous):
    """A group or a chain: as `Group` and `Chain`, awaited; `outcomes` and `results` are for
    `async for`."""

    @property
    def id(self):
        return self._inner.id

    @property
    def ids(self):
        return self._inner.ids


class AsyncClient(_Asynchronous):
    """As `Client`, with the same arguments. Everything is awaited, except what is iterated over
    with `async for`: list, map, events and partials."""

    def __init__(self, url="http://127.0.0.1:8080", *, threads=32, **options):
        super().__init__(Client(url, **options), concurrent.futures.ThreadPoolExecutor(
            threads, thread_name_prefix="penstock"))

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        self.close()

    def close(self):
        """Waits for nothing: what is under way goes on on its threads."""
        self._executor.shutdown(wait=False)

    async def group(self, *arguments, **named):
        return AsyncGroup(await self._call(self._inner.group, *arguments, **named), self._executor)

    async def chain(self, *arguments, **named):
        return AsyncGroup(await self._call(self._inner.chain, *arguments, **named), self._executor)


def _equip():
    from .groups import Group
    for name in ("submit", "run", "bulk", "status", "wait", "wait_all", "wait_any", "result",
                 "run_group", "cancel", "retry", "cancel_many", "retry_many", "purge", "explain", "kinds",
                 "set_kind", "workers"):
        setattr(AsyncClient, name, _awaited(Client, name))
    for name in ("list", "map", "events", "partials"):
        setattr(AsyncClient, name, _iterated(Client, name))
    for name in ("status", "wait", "result", "cancel"):
        setattr(AsyncGroup, name, _awaited(Group, name))
    for name in ("outcomes", "results"):
        setattr(AsyncGroup, name, _iterated(Group, name))


_equip()
